//! What a person does on the phone. Each act is a form, and leads back to the page it was on.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use sandkasse_domain::{
    Msn,
    payment::{Cause, Event},
    person::Person,
};
use sandkasse_engine::{Act, ActRefused, Refused, Unit, View};
use serde::Deserialize;

use super::{
    owner::{Opened, Owner, Tapped, back},
    sessions::{self, Asked, Trouble},
};
use crate::{
    control::Control,
    people::{Pin, enter_pin},
    portal::shell,
};

type Shared = State<Arc<Control>>;

/// The PIN, as it was typed.
#[derive(Debug, Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    pin: String,
    back: Option<String>,
}

/// Opens the phone. Logging in is what makes a new test user able to pay. There is no session yet
/// whose token this form could carry; the guard refuses it from other sites' pages.
pub(super) async fn unlock(
    State(control): Shared,
    owner: Owner,
    axum::Form(typed): axum::Form<Typed>,
) -> Result<Response, Failed> {
    let Owner {
        environment,
        person,
        open,
    } = &owner;
    let home = back(typed.back, &owner.home());
    let engine = &control.platform.engine;
    let entered = enter_pin(engine, *environment, &person.id, typed.pin.trim()).await?;
    if entered != Pin::Right {
        let mark = if home.contains('?') { '&' } else { '?' };
        return Ok(shell::see_other(&format!(
            "{home}{mark}wrong={}",
            person.phone
        )));
    }
    if let Some((secret, _)) = open {
        control.phones.lock(secret);
    }
    if !person.app.logged_in {
        let logs_in = |person: &mut Person| person.app.logged_in = true;
        let directory = &engine.directory;
        directory
            .change_person(*environment, &person.id, logs_in)
            .await?;
    }
    let now = engine.clock.now();
    let secret = control.phones.unlock(*environment, person.id.clone(), now);
    Ok(with_cookie(&control, &owner, &secret, &home))
}

/// Locks the phone.
pub(super) async fn lock(State(control): Shared, tapped: Tapped<Nothing>) -> Response {
    let Tapped(opened, Nothing {}) = tapped;
    control.phones.lock(&opened.secret);
    with_cookie(&control, &opened.owner, "", &opened.back)
}

fn with_cookie(control: &Control, owner: &Owner, secret: &str, page: &str) -> Response {
    let https = control.portal_base.starts_with("https://");
    let cookie = sessions::cookie(https, owner.environment, &owner.person.phone, secret);
    ([(header::SET_COOKIE, cookie)], shell::see_other(page)).into_response()
}

/// Nothing.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// Which request.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    msn: Msn,
    order: String,
}

/// An express payment goes to this address.
#[derive(Debug, Deserialize)]
pub(super) struct Address {
    msn: Msn,
    order: String,
    address: usize,
}

/// Whether the shop may know what it asks for: all of it, or nothing.
#[derive(Debug, Deserialize)]
pub(super) struct Consent {
    msn: Msn,
    order: String,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Share,
    Refuse,
}

/// Yes.
#[derive(Debug, Deserialize)]
pub(super) struct Approve {
    msn: Msn,
    order: String,
    /// Of the person's cards, from 0. Who has none can try as well; the bank refuses.
    #[serde(default)]
    card: usize,
    method: Option<String>,
}

/// From whom everything is taken back.
#[derive(Debug, Deserialize)]
pub(super) struct Revoke {
    msn: Msn,
}

/// A request that is in this app, and open.
struct Request {
    unit: Arc<Unit>,
    asked: Asked,
    view: View,
}

/// Why an act led to nothing: the page is loaded again and says how things are now, or the platform
/// failed.
pub(super) enum Failed {
    Over,
    Fault(String),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Failed {
        match refused {
            Refused::Because(_) => Failed::Over,
            Refused::Fault(fault) => Failed::Fault(fault),
        }
    }
}

impl From<ActRefused> for Failed {
    fn from(refused: ActRefused) -> Failed {
        match refused {
            ActRefused::Refused(refused) => refused.into(),
            ActRefused::NoShippingMethods { detail } | ActRefused::BadShippingAnswer { detail } => {
                Failed::Fault(detail)
            }
        }
    }
}

impl From<sandkasse_store::StoreError> for Failed {
    fn from(error: sandkasse_store::StoreError) -> Failed {
        Failed::Fault(error.to_string())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Failed::Over => shell::message(
                StatusCode::CONFLICT,
                None,
                "Too late",
                "This was decided meanwhile, on the phone or elsewhere. Go back to the phone to see how.",
            ),
            Failed::Fault(fault) => {
                tracing::error!(fault, "the phone failed");
                shell::message(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    None,
                    "Something went wrong",
                    "The phone failed. Try once more.",
                )
            }
        }
    }
}

impl Opened {
    /// The request, if it is this person's. Nobody learns whether it is another's.
    async fn request(
        &self,
        control: &Control,
        msn: &Msn,
        order: String,
    ) -> Result<Request, Failed> {
        let engine = &control.platform.engine;
        let directory = engine.directory.of(self.owner.environment);
        let unit = directory.unit(msn).ok_or(Failed::Over)?.clone();
        let view = engine.view(&unit, &order).await?;
        let is_mine = view.whose() == Some(&self.owner.person.id);
        if !is_mine || view.payment.open().is_none() {
            return Err(Failed::Over);
        }
        let asked = (msn.clone(), order);
        Ok(Request { unit, asked, view })
    }

    fn done(&self) -> Response {
        shell::see_other(&self.back)
    }
}

/// What the app shows when the shop fails is remembered with the request; everything else ends the
/// act.
fn trouble(refused: ActRefused) -> Result<Trouble, Failed> {
    match refused {
        ActRefused::NoShippingMethods { detail } => Ok(Trouble::NoShippingMethods(detail)),
        ActRefused::BadShippingAnswer { detail } => Ok(Trouble::PaymentFailed(detail)),
        ActRefused::Refused(refused) => Err(refused.into()),
    }
}

/// The shop says how it ships to an address.
pub(super) async fn address(
    State(control): Shared,
    Tapped(opened, said): Tapped<Address>,
) -> Result<Response, Failed> {
    let request = opened.request(&control, &said.msn, said.order).await?;
    let Request { unit, asked, .. } = &request;
    let phone = &opened.owner.person.phone;
    let engine = &control.platform.engine;
    let offered = engine.choose_address(unit, &asked.1, phone, said.address);
    let trouble = offered
        .await
        .map_or_else(|it| trouble(it).map(Some), |_| Ok(None))?;
    control.phones.choose(&opened.secret, asked, |choice| {
        choice.trouble = trouble;
        choice.method = None;
    });
    Ok(opened.done())
}

/// The shop may know what it asks for, or the payment is rejected.
pub(super) async fn consent(
    State(control): Shared,
    Tapped(opened, said): Tapped<Consent>,
) -> Result<Response, Failed> {
    let request = opened.request(&control, &said.msn, said.order).await?;
    match said.answer {
        Answer::Share => {
            let shares = |choice: &mut sessions::Choice| choice.shares = true;
            control
                .phones
                .choose(&opened.secret, &request.asked, shares);
            Ok(opened.done())
        }
        Answer::Refuse => rejects(&control, &opened, &request).await,
    }
}

/// The person pays.
pub(super) async fn approve(
    State(control): Shared,
    Tapped(opened, said): Tapped<Approve>,
) -> Result<Response, Failed> {
    let request = opened.request(&control, &said.msn, said.order).await?;
    let Request { unit, asked, view } = &request;
    let engine = &control.platform.engine;
    let person = &opened.owner.person;
    let shares = opened.phone.choices.get(asked).is_some_and(|it| it.shares);
    let open = view.payment.open();
    let unshipped = view.payment.order.is_express() && open.is_none_or(|it| it.offer.is_none());
    let unknown_card = said.card > 0 && said.card >= person.cards.len();
    let asks = engine
        .not_shared_yet(unit, &view.payment, &person.id)
        .await?;
    if unshipped || unknown_card || (!asks.is_empty() && !shares) {
        // The page asks first what is missing; only a form that is not ours gets here.
        return Ok(opened.done());
    }
    control.phones.choose(&opened.secret, asked, |choice| {
        choice.card = said.card;
        choice.method.clone_from(&said.method);
        choice.trouble = None;
    });
    let approved = engine.approve(unit, &asked.1, &person.phone, said.card, said.method);
    match approved.await {
        Ok(operated) => {
            let is_decided = operated.happened.iter().any(|happened| {
                matches!(
                    happened.event,
                    Event::Reserved { .. } | Event::OutcomeUnknown { .. }
                )
            });
            if is_decided {
                control.phones.show(&opened.secret, Some(asked.clone()));
            }
        }
        // The page says why: somebody who can no longer pay.
        Err(ActRefused::Refused(Refused::Because(Cause::CannotPay { .. }))) => {}
        Err(refused) => {
            let trouble = trouble(refused)?;
            let shown = |choice: &mut sessions::Choice| choice.trouble = Some(trouble);
            control.phones.choose(&opened.secret, asked, shown);
        }
    }
    Ok(opened.done())
}

/// The person does not pay.
pub(super) async fn reject(
    State(control): Shared,
    Tapped(opened, said): Tapped<Which>,
) -> Result<Response, Failed> {
    let request = opened.request(&control, &said.msn, said.order).await?;
    rejects(&control, &opened, &request).await
}

async fn rejects(
    control: &Control,
    opened: &Opened,
    request: &Request,
) -> Result<Response, Failed> {
    let Request { unit, asked, .. } = request;
    let engine = &control.platform.engine;
    engine.person_acts(unit, &asked.1, Act::Reject).await?;
    control.phones.show(&opened.secret, Some(asked.clone()));
    Ok(opened.done())
}

/// Puts the receipt away.
pub(super) async fn dismiss(
    State(control): Shared,
    Tapped(opened, Nothing {}): Tapped<Nothing>,
) -> Response {
    control.phones.show(&opened.secret, None);
    opened.done()
}

/// The person takes back what a shop may know; the shop is told.
pub(super) async fn revoke(
    State(control): Shared,
    Tapped(opened, said): Tapped<Revoke>,
) -> Result<Response, Failed> {
    let engine = &control.platform.engine;
    let directory = engine.directory.of(opened.owner.environment);
    let unit = directory.unit(&said.msn).ok_or(Failed::Over)?.clone();
    engine.revoke(&unit, &opened.owner.person.id).await?;
    Ok(opened.done())
}
