//! Adding a sales unit.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use sandkasse_domain::{
    Environment,
    merchant::OrgNo,
    sales_unit::{CaptureType, Product, UrlPolicy},
};
use serde::Deserialize;

use crate::{
    control::{self, Control, Problem, UnitTraits},
    portal::{
        shell::{self, Frame, Part},
        show::Stop,
        visitor::{Posted, Visitor},
        visitors::Role,
    },
};

/// So many merchants are suggested.
const SUGGESTED: usize = 100;

/// What the form says.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    environment: Environment,
    name: String,
    orgno: String,
    merchant_name: String,
    partner: String,
    login_only: Option<String>,
    recurring: Option<String>,
    direct_capture: Option<String>,
    skip_landing_page: Option<String>,
    local_urls: Option<String>,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted {
            environment: Environment::Test,
            name: String::new(),
            orgno: String::new(),
            merchant_name: String::new(),
            partner: String::new(),
            login_only: None,
            recurring: None,
            direct_capture: None,
            skip_landing_page: None,
            local_urls: None,
        }
    }
}

#[derive(Template)]
#[template(path = "portal/units/new.html")]
struct Page<'a> {
    frame: Frame<'a>,
    wanted: &'a Wanted,
    is_test: bool,
    /// Why it was not made.
    refused: &'a str,
    merchants: Vec<(String, String)>,
    partners: Vec<Choice>,
    local_urls: bool,
}

struct Choice {
    id: String,
    name: String,
    environment: Environment,
    is_chosen: bool,
}

impl Wanted {
    fn traits(&self) -> Result<UnitTraits, Problem> {
        let text = |said: &str| {
            let said = said.trim();
            (!said.is_empty()).then(|| said.to_owned())
        };
        let Some(name) = text(&self.name) else {
            return Err(Problem::bad_request("the sales unit needs a name"));
        };
        let name = Some(control::name(&name)?);
        let merchant_name = text(&self.merchant_name)
            .map(|name| control::name(&name))
            .transpose()?;
        let merchant_orgno = text(&self.orgno)
            .map(|said| control::orgno(&said).map(|orgno| orgno.0))
            .transpose()?;
        let mut products = [Product::Login].to_vec();
        if self.login_only.is_none() {
            products.push(Product::Ecom);
        }
        if self.recurring.is_some() {
            products.push(Product::Recurring);
        }
        Ok(UnitTraits {
            environment: Some(self.environment),
            name,
            merchant_orgno,
            merchant_name,
            products: Some(products.into_iter().collect()),
            capture: Some(if self.direct_capture.is_some() {
                CaptureType::Direct
            } else {
                CaptureType::Reserve
            }),
            skip_landing_page: Some(self.skip_landing_page.is_some()),
            url_policy: Some(if self.local_urls.is_some() {
                UrlPolicy::Local
            } else {
                UrlPolicy::Strict
            }),
            ..UnitTraits::default()
        })
    }
}

fn form(
    control: &Control,
    visitor: &Visitor,
    status: StatusCode,
    wanted: &Wanted,
    refused: &str,
) -> Response {
    let mut merchants = Vec::new();
    let mut partners = Vec::new();
    for environment in Environment::ALL {
        let directory = control.engine().directory.of(environment);
        for merchant in directory.merchants().into_iter().take(SUGGESTED) {
            merchants.push((merchant.orgno.0.clone(), merchant.name.clone()));
        }
        partners.extend(directory.partners().into_iter().map(|partner| Choice {
            id: partner.id.0.clone(),
            name: partner.name.clone(),
            environment,
            is_chosen: partner.id.0 == wanted.partner,
        }));
    }
    merchants.sort();
    merchants.dedup_by(|a, b| a.0 == b.0);
    let page = Page {
        frame: Frame::new("Add a test sales unit", Part::Units, Some(visitor)),
        wanted,
        is_test: wanted.environment == Environment::Test,
        refused,
        merchants,
        partners,
        local_urls: control.local_urls,
    };
    shell::page(status, &page)
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let wanted = Wanted::default();
    Ok(form(&control, &visitor, StatusCode::OK, &wanted, ""))
}

pub(super) async fn make(
    State(control): State<Arc<Control>>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let made = match wanted.traits() {
        Ok(mut traits) => {
            // A merchant that is there keeps its name: it is not this form's to change.
            let directory = control.engine().directory.of(wanted.environment);
            let orgno = traits.merchant_orgno.clone().map(OrgNo);
            if orgno.is_some_and(|orgno| directory.merchant(&orgno).is_some()) {
                traits.merchant_name = None;
            }
            let partner = (!wanted.partner.is_empty()).then_some(wanted.partner.as_str());
            control.make_unit(&traits, partner).await
        }
        Err(problem) => Err(problem),
    };
    Ok(match made {
        Ok(unit) => {
            let path = format!("/units/{}/{}/keys?done=made", unit.environment, unit.msn);
            shell::see_other(&path)
        }
        Err(problem) => form(
            &control,
            &visitor,
            problem.status(),
            &wanted,
            problem.detail(),
        ),
    })
}
