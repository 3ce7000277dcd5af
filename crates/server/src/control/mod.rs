//! The control API: everything that the real platform, its portal and its payers would do around a
//! shop's calls. It makes sales units and persons, acts as a person, moves time, waits, lets calls
//! fail, and tells what was called.
//!
//! One file per subject; each handler carries its part of the OpenAPI document. It holds no state
//! of its own: all it does goes through the engine.

mod acts;
mod agenda;
mod bankid;
mod calls;
mod catalogue;
mod clock;
mod closing;
pub(crate) mod env;
mod extract;
mod faults;
mod guard;
mod happened_view;
mod incidents;
mod keys;
mod links;
mod merchants;
mod office_keys;
mod orders;
mod partners;
mod payment_view;
mod payments;
mod person_traits;
mod persons;
mod problem;
mod psps;
mod register;
mod requests;
mod reset;
mod schemas;
#[cfg(test)]
mod tests;
mod unit_traits;
mod unit_view;
mod units;

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
    portal::visitors::Visitors,
    provoke::Scratch,
    register::{self as business_register, Register},
};

pub(crate) use clock::Advance;
pub(crate) use faults::{FaultView, FaultWish};
pub(crate) use guard::Guard;
pub(crate) use happened_view::HappenedView;
pub(crate) use incidents::{IncidentView, IncidentWish, UpdateWish};
pub(crate) use problem::Problem;
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
    /// What the catalogue's pages play on.
    pub(crate) scratch: Scratch,
    /// Who is signed in at the portal.
    pub(crate) visitors: Visitors,
    /// Who knows which organisations there are.
    pub(crate) register: Arc<dyn Register>,
    /// Where the portal's pages are.
    pub(crate) portal_base: String,
    /// True when the program shall end.
    pub(crate) stop: watch::Receiver<bool>,
}

type Shared = axum::extract::State<Arc<Control>>;

impl Control {
    pub(crate) fn engine(&self) -> &Engine {
        &self.platform.engine
    }

    /// Refuses what the platform has in production only, unless the setting allows it.
    fn production_only(&self, environment: Environment, what: &str) -> Result<(), Problem> {
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
                       otherwise send the administrator's token as `Authorization: Bearer …`."
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
        (name = "Explanations", description = "What merchants called, and why it was refused"),
        (name = "Faults", description = "Calls that fail on demand"),
        (name = "Status", description = "What the status pages tell: incidents and maintenance"),
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
        .routes(routes!(acts::approve))
        .routes(routes!(acts::reject))
        .routes(routes!(acts::open))
        .routes(routes!(acts::show))
        .routes(routes!(acts::enter_3d_secure))
        .routes(routes!(acts::leave_landing_page))
        .routes(routes!(acts::choose_address))
        .routes(routes!(acts::time_out))
        .routes(routes!(payments::show))
        .routes(routes!(payments::wait))
        .routes(routes!(payments::list))
        .routes(routes!(calls::list))
        .routes(routes!(requests::list))
        .routes(routes!(requests::show))
        .routes(routes!(requests::explain))
        .routes(routes!(requests::compatibility))
        .routes(routes!(faults::create, faults::list, faults::clear))
        .routes(routes!(faults::remove))
        .routes(routes!(incidents::create, incidents::list))
        .routes(routes!(incidents::tell))
        .routes(routes!(catalogue::provoke))
        .routes(routes!(env::show))
        .routes(routes!(reset::reset))
}
