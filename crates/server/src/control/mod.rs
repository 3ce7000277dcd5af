//! The control API: everything that the real platform, its portal and its payers would do around a
//! shop's calls. It makes sales units and persons, acts as a person, moves time, waits, lets calls
//! fail, and tells what was called.
//!
//! One file per subject; each handler carries its part of the OpenAPI document. It holds no state
//! of its own: all it does goes through the engine.

mod acts;
mod again;
mod agenda;
mod audit;
mod bankid;
mod by_hand;
pub(crate) mod calls;
mod catalogue;
pub(crate) mod check_keys;
mod clock;
mod closing;
pub(crate) mod dashboard;
pub(crate) mod deliveries;
mod described;
pub(crate) mod env;
mod exports;
mod extract;
mod faults;
mod guard;
mod happened_view;
mod incidents;
mod keys;
mod links;
mod merchants;
mod moving;
mod office_keys;
mod orders;
mod partners;
mod payment_search;
mod payment_view;
mod payments;
mod person_app;
mod person_traits;
mod persons;
mod problem;
mod psps;
mod register;
mod requests;
mod reset;
mod schemas;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod tokens;
mod unit_traits;
mod unit_view;
mod units;
pub(crate) mod users;
pub(crate) mod wanted;
pub(crate) mod webhooks;

use std::sync::Arc;

use axum::{Json, Router, routing::get};
use sandkasse_api::Platform;
use sandkasse_domain::{Environment, Msn};
use sandkasse_engine::{Engine, Unit};
use sandkasse_inspect::Inspector;
use tokio::sync::{Mutex, watch};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    bankid::{self as signing, Sessions},
    config::AdminToken,
    operations::Operations,
    portal::{phone::Phones, requests::live::Live, visitors::Visitors},
    provider::Provider,
    provoke::Scratch,
    register::{self as business_register, Register},
};

pub(crate) use by_hand::words;
pub(crate) use clock::Advance;
pub(crate) use closing::Rescuer;
pub(crate) use extract::{UnitPath, name, orgno, phone};
pub(crate) use faults::{FaultView, FaultWish};
pub(crate) use guard::Guard;
pub(crate) use happened_view::HappenedView;
pub(crate) use incidents::{IncidentView, IncidentWish, UpdateWish};
pub(crate) use moving::{LINES, LONGEST_SNAPSHOT};
#[cfg(test)]
pub(crate) use payment_search::MOST_LOOKED_AT;
pub(crate) use payment_search::{Next, Search};
pub(crate) use payment_view::StateName;
pub(crate) use problem::Problem;
pub(crate) use unit_traits::UnitTraits;
pub(crate) use units::fresh_keys;

/// What the handlers share.
pub(crate) struct Control {
    pub(crate) platform: Arc<Platform>,
    /// Calls that were made, and why they were refused.
    pub(crate) inspector: Arc<Inspector>,
    /// Whether a reset brings demo data.
    pub(crate) demo_data: bool,
    /// Whether sales units may be called back in this machine's networks.
    pub(crate) local_urls: bool,
    /// Held while something new gets a number, so that nobody else takes it.
    pub(crate) making: Mutex<()>,
    /// Whether partner, management and accounting keys may be made in the test environment.
    pub(crate) partners_in_test: bool,
    /// Who signs, or has signed.
    pub(crate) bankid: Sessions,
    /// What whoever calls the control API, or signs in, must know; if none, everybody is trusted who
    /// reaches the portal from this machine.
    pub(crate) admin_token: Option<AdminToken>,
    /// What the catalogue's pages play on.
    pub(crate) scratch: Scratch,
    /// Who else knows people, and signs them in.
    pub(crate) provider: Option<Provider>,
    /// Who is signed in at the portal.
    pub(crate) visitors: Visitors,
    /// Whose phones are open.
    pub(crate) phones: Phones,
    /// Who knows which organisations there are.
    pub(crate) register: Arc<dyn Register>,
    /// Where the portal's pages are.
    pub(crate) portal_base: String,
    /// Who looks on while calls come in.
    pub(crate) live: Live,
    /// How the program itself is.
    pub(crate) operations: Operations,
    /// True when the program shall end.
    pub(crate) stop: watch::Receiver<bool>,
}

type Shared = axum::extract::State<Arc<Control>>;

impl Control {
    pub(crate) fn engine(&self) -> &Engine {
        &self.platform.engine
    }

    /// Refuses what the platform has in production only, unless the setting allows it.
    pub(crate) fn production_only(
        &self,
        environment: Environment,
        what: &str,
    ) -> Result<(), Problem> {
        if environment == Environment::Production || self.partners_in_test {
            return Ok(());
        }
        Err(Problem::conflict(
            "partners_in_test_off",
            format!(
                "{what} exist in production only, as on the platform; set `partners_in_test = true` \
                 (SANDKASSE_PARTNERS_IN_TEST) to have them in test too"
            ),
        ))
    }

    pub(crate) fn unit(&self, environment: Environment, msn: &Msn) -> Result<Arc<Unit>, Problem> {
        let directory = self.engine().directory.of(environment);
        directory.unit(msn).cloned().ok_or_else(|| {
            Problem::not_found(
                "sales_unit_unknown",
                format!("the {environment} environment has no sales unit {msn}"),
            )
        })
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sandkasse control API",
        description = "Makes sales units, partners and persons, acts as a person, moves a sales unit's clock, waits for \
                       payments, lets calls fail, and lists what merchants were sent. Amounts are in minor units (øre); moments are \
                       RFC 3339. Errors are `application/problem+json`. On loopback no credential is needed; \
                       otherwise send the administrator's token as `Authorization: Bearer …`, or one that an admin made; \
                       what it may do depends on its role."
    ),
    tags(
        (name = "Sales units", description = "Shops with their keys and their own time"),
        (name = "Merchants", description = "Whose the sales units are, and how they stand"),
        (name = "BankID", description = "A stand-in for the merchant's signature: closing and reopening a sales unit"),
        (name = "Business register", description = "The register that closes merchants, and asking it"),
        (name = "Partners", description = "Who acts for the sales units linked to them"),
        (name = "Payment service providers", description = "Owners of keys for the PSP APIs"),
        (name = "Office keys", description = "Keys that only manage or only report"),
        (name = "Persons", description = "The people who pay"),
        (name = "Acting as a person", description = "What happens in the app and on the landing page"),
        (name = "Payments", description = "Looking at payments, and waiting for them"),
        (name = "Webhooks", description = "Who hears of events, every attempt to tell, and whether a delivery verifies"),
        (name = "Explanations", description = "What merchants called, and why it was refused"),
        (name = "Faults", description = "Calls that fail on demand"),
        (name = "Users and tokens", description = "Who may sign in, which programs may call, and what they did"),
        (name = "Status", description = "What the status pages tell: incidents and maintenance"),
        (name = "Moving", description = "Everything as lines of JSON, snapshots of sales units, and whether all is sound"),
        (name = "Platform", description = "Keys for a shell, what merchants were sent, and starting again"),
    )
)]
struct Description;

/// The routes below `/control/v1`, their description, and the pages that belong to them.
pub(crate) fn router(control: Arc<Control>) -> Router {
    let (routes, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .nest("/control/v1", described())
        .split_for_parts();
    env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
    described::complete(&mut description);
    let description = Arc::new(description);
    let openapi = get(move || {
        let description = description.clone();
        async move { Json((*description).clone()) }
    });
    routes
        .route("/control/v1/openapi.json", openapi)
        .with_state(control.clone())
        .merge(signing::router(control.clone()))
        .merge(business_register::router(control))
}

fn described() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(units::create, units::list))
        .routes(routes!(units::show, units::change))
        .routes(routes!(keys::show))
        .routes(routes!(keys::regenerate))
        .routes(routes!(links::link, links::unlink))
        .routes(routes!(orders::order))
        .routes(routes!(orders::approve))
        .routes(routes!(closing::deactivate))
        .routes(routes!(closing::reactivate))
        .routes(routes!(clock::advance))
        .routes(routes!(agenda::show))
        .routes(routes!(merchants::list))
        .routes(routes!(merchants::show, merchants::change))
        .routes(routes!(bankid::begin))
        .routes(routes!(bankid::show))
        .routes(routes!(bankid::confirm))
        .routes(routes!(register::check))
        .routes(routes!(register::show, register::put))
        .routes(routes!(partners::create, partners::list))
        .routes(routes!(partners::show, partners::change))
        .routes(routes!(partners::keys))
        .routes(routes!(partners::regenerate))
        .routes(routes!(psps::create, psps::list))
        .routes(routes!(psps::show))
        .routes(routes!(psps::keys))
        .routes(routes!(psps::regenerate))
        .routes(routes!(office_keys::create, office_keys::list))
        .routes(routes!(office_keys::show))
        .routes(routes!(persons::create, persons::list))
        .routes(routes!(persons::show, persons::change))
        .routes(routes!(persons::revoke))
        .routes(routes!(person_app::payments))
        .routes(routes!(person_app::consents))
        .routes(routes!(acts::approve))
        .routes(routes!(acts::reject))
        .routes(routes!(acts::open))
        .routes(routes!(acts::show))
        .routes(routes!(acts::enter_3d_secure))
        .routes(routes!(acts::leave_landing_page))
        .routes(routes!(acts::choose_address))
        .routes(routes!(acts::time_out))
        .routes(routes!(by_hand::capture))
        .routes(routes!(by_hand::refund))
        .routes(routes!(by_hand::cancel))
        .routes(routes!(by_hand::force_approve))
        .routes(routes!(payments::show))
        .routes(routes!(payments::wait))
        .routes(routes!(payments::list))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::recipes))
        .routes(routes!(webhooks::fetch))
        .routes(routes!(webhooks::fetched))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::again))
        .routes(routes!(deliveries::check))
        .routes(routes!(calls::list))
        .routes(routes!(calls::show))
        .routes(routes!(requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(again::again))
        .routes(routes!(exports::har))
        .routes(routes!(exports::postman))
        .routes(routes!(check_keys::check))
        .routes(routes!(dashboard::show))
        .routes(routes!(requests::explain))
        .routes(routes!(requests::compatibility))
        .routes(routes!(faults::create, faults::list, faults::clear))
        .routes(routes!(faults::remove))
        .routes(routes!(incidents::create, incidents::list))
        .routes(routes!(incidents::tell))
        .routes(routes!(catalogue::provoke))
        .routes(routes!(env::show))
        .routes(routes!(reset::reset))
        .routes(routes!(moving::export))
        .routes(routes!(moving::snapshot, moving::restore))
        .routes(routes!(moving::reset_unit))
        .routes(routes!(moving::doctor))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::show, users::change, users::remove))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
}
