//! Products: ordered by the merchant, approved by the platform after its checks.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandkasse_domain::{
    Environment, Msn,
    sales_unit::{Product, SalesUnit},
};
use sandkasse_engine::Unit;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, UnitPath},
    schemas,
    unit_view::UnitView,
};

/// What a merchant orders.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[schema(schema_with = schemas::product)]
    product: Product,
}

/// An ordered product in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OrderPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220004")]
    msn: Msn,
    /// `ecom`, `recurring` or `login`.
    #[param(value_type = String, example = "ecom")]
    product: Product,
}

impl Control {
    /// Changes what a unit has and what it ordered, unless that makes no sense as it stands.
    async fn deal(
        &self,
        environment: Environment,
        msn: &Msn,
        product: Product,
        allowed: fn(&SalesUnit, Product) -> Result<(), Problem>,
        change: fn(&mut SalesUnit, Product),
    ) -> Result<Arc<Unit>, Problem> {
        let _nobody_else = self.making.lock().await;
        let unit = self.unit(environment, msn)?;
        if unit.facts.products.contains(&product) {
            return Err(Problem::conflict(
                "product_had",
                "the sales unit has this product already; nothing to order",
            ));
        }
        allowed(&unit.facts, product)?;
        let directory = &self.engine().directory;
        let changed = directory
            .change_unit(environment, msn, |facts| change(facts, product))
            .await?;
        changed.map_or_else(|| self.unit(environment, msn), Ok)
    }

    /// Orders a product for a sales unit.
    pub(crate) async fn order_product(
        &self,
        environment: Environment,
        msn: &Msn,
        product: Product,
    ) -> Result<Arc<Unit>, Problem> {
        let allowed = |facts: &SalesUnit, product: Product| {
            if facts.ordered.contains(&product) {
                return Err(Problem::conflict(
                    "already_ordered",
                    "this product is ordered already; POST …/orders/{product}/approve approves it",
                ));
            }
            Ok(())
        };
        let change = |facts: &mut SalesUnit, product| {
            facts.ordered.insert(product);
        };
        self.deal(environment, msn, product, allowed, change).await
    }

    /// Approves an ordered product, as the platform does after its compliance checks.
    pub(crate) async fn approve_product(
        &self,
        environment: Environment,
        msn: &Msn,
        product: Product,
    ) -> Result<Arc<Unit>, Problem> {
        let allowed = |facts: &SalesUnit, product: Product| {
            if facts.ordered.contains(&product) {
                return Ok(());
            }
            Err(Problem::conflict(
                "not_ordered",
                "this product was not ordered; POST …/orders first",
            ))
        };
        let change = |facts: &mut SalesUnit, product: Product| {
            facts.ordered.remove(&product);
            facts.products.insert(product);
        };
        self.deal(environment, msn, product, allowed, change).await
    }
}

/// Orders a product for a sales unit. It works from the moment the platform approves it.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/orders", tag = "Sales units", params(UnitPath),
    request_body(content = Order, example = json!({"product": "ecom"})),
    responses(
        (status = 200, body = UnitView),
        (status = 409, description = "It has it, or ordered it before", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn order(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(order): Said<Order>,
) -> Result<Json<UnitView>, Problem> {
    let UnitPath { environment, msn } = path;
    let unit = control
        .order_product(environment, &msn, order.product)
        .await?;
    control.view(&unit).await.map(Json)
}

/// Approves an ordered product, as the platform does after its compliance checks.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/orders/{product}/approve", tag = "Sales units", params(OrderPath),
    responses(
        (status = 200, body = UnitView),
        (status = 409, description = "It has it, or never ordered it", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(
    State(control): Shared,
    Named(path): Named<OrderPath>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control
        .approve_product(path.environment, &path.msn, path.product)
        .await?;
    control.view(&unit).await.map(Json)
}
