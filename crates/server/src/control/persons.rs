//! Persons: made, listed, shown, changed; and what they take back.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::{HeaderValue, StatusCode, header};
use jiff::civil::Date;
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    card_number::CardNumber,
    person::{Person, PersonId},
};
use sandkasse_engine::directory::Change;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, PersonPath, Said, phone as read_phone},
    person_traits::{ActsWire, AddressWire, CardWire, PersonTraits},
    schemas,
};
use crate::{
    numbers,
    people::{ready_to_pay, years_before},
};

/// How old a person is of whom nothing is said.
const USUAL_AGE: u8 = 30;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    /// Eight digits, as merchants know it.
    #[schema(example = "91234567")]
    phone: String,
    /// With country code.
    #[schema(example = "4791234567")]
    msisdn: String,
    given_name: String,
    family_name: String,
    email: String,
    email_verified: bool,
    #[schema(value_type = String, format = Date)]
    birthdate: Date,
    /// In full years, today.
    age: i32,
    nin: String,
    addresses: Vec<AddressWire>,
    cards: Vec<CardWire>,
    /// Their numbers, in the same order, for the page where is paid by card without the app. No card of the world has one.
    card_numbers: Vec<String>,
    logged_in: bool,
    approved_once: bool,
    app_outdated: bool,
    /// Wrong PINs since the last right one; 10 000 lock the app.
    wrong_pins: u32,
    blocked: bool,
    limit_reached: bool,
    acts: ActsWire,
}

/// All persons asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonList {
    persons: Vec<PersonView>,
}

/// Which ones.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PersonFilter {
    /// `test` or `production`; both if left out.
    #[param(value_type = Option<String>)]
    environment: Option<Environment>,
}

/// From whom something is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    /// The sales unit.
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// False when there was nothing to take back.
    revoked: bool,
}

impl Control {
    fn view_person(&self, environment: Environment, person: &Person) -> PersonView {
        PersonView {
            environment,
            phone: person.phone.to_string(),
            msisdn: person.phone.msisdn(),
            given_name: person.given_name.clone(),
            family_name: person.family_name.clone(),
            email: person.email.clone(),
            email_verified: person.email_verified,
            birthdate: person.birthdate,
            age: person.age(self.engine().clock.now()),
            nin: person.nin.clone(),
            addresses: person.addresses.iter().map(AddressWire::from).collect(),
            cards: person.cards.iter().map(CardWire::from).collect(),
            card_numbers: CardNumber::all_of(person),
            logged_in: person.app.logged_in,
            approved_once: person.app.approved_once,
            app_outdated: person.app.outdated,
            wrong_pins: person.app.wrong_pins,
            blocked: person.blocked,
            limit_reached: person.limit_reached,
            acts: person.acts.into(),
        }
    }

    pub(super) fn person(&self, path: &PersonPath) -> Result<Arc<Person>, Problem> {
        let phone = read_phone(&path.phone)?;
        let directory = self.engine().directory.of(path.environment);
        directory.person_by_phone(&phone).cloned().ok_or_else(|| {
            let environment = path.environment;
            Problem::not_found(
                "person_unknown",
                format!("nobody in the {environment} environment has the number {phone}"),
            )
        })
    }

    fn free_phone(
        &self,
        environment: Environment,
        said: Option<&str>,
    ) -> Result<PhoneNumber, Problem> {
        let directory = self.engine().directory.of(environment);
        let is_free = |phone: &PhoneNumber| directory.person_by_phone(phone).is_none();
        if let Some(said) = said {
            let phone = read_phone(said)?;
            return if is_free(&phone) {
                Ok(phone)
            } else {
                let detail =
                    format!("somebody in the {environment} environment has {phone} already");
                Err(Problem::conflict("phone_taken", detail))
            };
        }
        loop {
            let phone = numbers::phone(&self.engine().chance);
            if is_free(&phone) {
                return Ok(phone);
            }
        }
    }
}

/// Makes a person: by default ready to pay, and approving when told to.
#[utoipa::path(
    post, path = "/persons", tag = "Persons",
    request_body(content = PersonTraits, examples(
        ("ready to pay" = (value = json!({}))),
        ("too young" = (value = json!({"age": 14, "phone": "91234567"}))),
        ("approves after five seconds" = (value = json!({"acts": {"after_seconds": 5}}))),
    )),
    responses(
        (status = 201, description = "Made", body = PersonView),
        (status = 409, description = "Somebody has the number", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(traits): Said<PersonTraits>,
) -> Result<impl axum::response::IntoResponse, Problem> {
    traits.check()?;
    let environment = traits.environment.unwrap_or(Environment::Test);
    let _nobody_else = control.making.lock().await;
    let engine = control.engine();
    let now = engine.clock.now();
    let phone = control.free_phone(environment, traits.phone.as_deref())?;
    let birthdate = traits
        .birthdate(now)
        .unwrap_or_else(|| years_before(now, USUAL_AGE));
    let id = PersonId(engine.chance.uuid().to_string());
    let mut person = ready_to_pay(id, phone, birthdate, &engine.chance);
    traits.apply(&mut person, now);
    let view = control.view_person(environment, &person);
    let change = Change::Person(environment, Box::new(person));
    engine.directory.change(vec![change]).await?;
    let place = format!("/control/v1/persons/{environment}/{}", view.phone);
    let place = HeaderValue::from_str(&place).expect("a path of ASCII");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(view)))
}

/// Lists persons, by number.
#[utoipa::path(
    get, path = "/persons", tag = "Persons", params(PersonFilter),
    responses((status = 200, body = PersonList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(filter): Asked<PersonFilter>,
) -> Result<Json<PersonList>, Problem> {
    let mut persons = Vec::new();
    for environment in Environment::ALL {
        if filter.environment.is_some_and(|only| only != environment) {
            continue;
        }
        let directory = control.engine().directory.of(environment);
        let all = directory.persons();
        persons.extend(
            all.iter()
                .map(|person| control.view_person(environment, person)),
        );
    }
    Ok(Json(PersonList { persons }))
}

/// Shows a person.
#[utoipa::path(
    get, path = "/persons/{environment}/{phone}", tag = "Persons", params(PersonPath),
    responses(
        (status = 200, body = PersonView),
        (status = 404, description = "Nobody has the number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<PersonPath>,
) -> Result<Json<PersonView>, Problem> {
    let person = control.person(&path)?;
    Ok(Json(control.view_person(path.environment, &person)))
}

/// Changes traits of a person, from the next decision on.
#[utoipa::path(
    patch, path = "/persons/{environment}/{phone}", tag = "Persons", params(PersonPath),
    request_body(content = PersonTraits, example = json!({"blocked": true})),
    responses(
        (status = 200, body = PersonView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(control): Shared,
    Named(path): Named<PersonPath>,
    Said(traits): Said<PersonTraits>,
) -> Result<Json<PersonView>, Problem> {
    traits.check()?;
    if traits.environment.is_some() || traits.phone.is_some() {
        return Err(Problem::bad_request(
            "`environment` and `phone` never change; make another person",
        ));
    }
    let person = control.person(&path)?;
    let engine = control.engine();
    let now = engine.clock.now();
    let changed = engine
        .directory
        .change_person(path.environment, &person.id, |person| {
            traits.apply(person, now);
        })
        .await?;
    // Gone only if a reset came in between.
    let person = changed.map_or_else(|| control.person(&path), Ok)?;
    Ok(Json(control.view_person(path.environment, &person)))
}

/// The person takes back what a sales unit may know. After an express payment the shop is told to
/// forget the person.
#[utoipa::path(
    post, path = "/persons/{environment}/{phone}/revoke", tag = "Persons", params(PersonPath),
    request_body = Revoke,
    responses(
        (status = 200, body = Revoked),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(
    State(control): Shared,
    Named(path): Named<PersonPath>,
    Said(revoke): Said<Revoke>,
) -> Result<Json<Revoked>, Problem> {
    let person = control.person(&path)?;
    let unit = control.unit(path.environment, &revoke.msn)?;
    let revoked = control.engine().revoke(&unit, &person.id).await?;
    Ok(Json(Revoked { revoked }))
}
