//! Keys of a sales unit or a partner: masked until somebody asks, copied, made anew. Who comes here
//! is a developer (for a partner's, an admin), and has signed with BankID a moment ago.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{FromRequestParts, Query, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, request::Parts};
use sandkasse_domain::{
    Environment, Msn,
    keys::{KeyName, Keys, RetiredKey},
    partner::Partner,
};
use sandkasse_engine::Unit;
use serde::Deserialize;

use crate::{
    cli::Format,
    control::{Control, Problem},
    output,
    portal::{
        shell::{self, Frame, Part},
        show::{At, AtUnit, Stop, When, unit_path},
        visitor::{Posted, Visitor},
        visitors::Role,
    },
};

/// Whose keys these are.
struct Owner {
    name: String,
    number_name: &'static str,
    number: String,
    /// The owner's own page.
    path: String,
    environment: Environment,
    keys: Keys,
    retired: Vec<RetiredKey>,
    /// Whether there is a file for a shell.
    has_env: bool,
}

impl Owner {
    fn unit(unit: &Unit) -> Owner {
        let facts = &unit.facts;
        Owner {
            name: facts.name.clone(),
            number_name: "MSN",
            number: facts.msn.to_string(),
            path: unit_path(unit),
            environment: facts.environment,
            keys: facts.keys.clone(),
            retired: facts.retired.clone(),
            has_env: true,
        }
    }

    fn partner(environment: Environment, partner: &Partner) -> Owner {
        Owner {
            name: partner.name.clone(),
            number_name: "Own number",
            number: partner.own_number.to_string(),
            path: format!("/partners/{environment}/{}", partner.id.0),
            environment,
            keys: partner.keys.clone(),
            retired: partner.retired.clone(),
            has_env: false,
        }
    }
}

#[derive(Template)]
#[template(path = "portal/units/keys.html")]
struct Page<'a> {
    frame: Frame<'a>,
    owner: &'a Owner,
    base_url: &'a str,
    told: String,
    lines: Vec<Line>,
    all_shown: bool,
}

/// One secret.
struct Line {
    id: &'static str,
    label: &'static str,
    used: &'static str,
    /// The whole value, or its beginning.
    value: String,
    is_shown: bool,
    replaced: Option<When>,
}

#[derive(Template)]
#[template(path = "portal/units/regenerate.html")]
struct Ask<'a> {
    frame: Frame<'a>,
    owner: &'a Owner,
    id: &'static str,
    label: &'static str,
    breaks: [&'static str; 3],
    token_life: &'static str,
}

/// Which key to show: its name, or `all`.
#[derive(Debug, Deserialize)]
pub(crate) struct Show {
    show: String,
}

/// What was done just before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    done: String,
    new: Option<KeyName>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Nothing {}

/// A partner that the path names.
pub(crate) struct AtPartner(
    pub(crate) Visitor,
    pub(crate) Environment,
    pub(crate) Arc<Partner>,
);

#[derive(Debug, Deserialize)]
struct PartnerPath {
    environment: Environment,
    id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UnitKey {
    environment: Environment,
    msn: Msn,
    key: KeyName,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PartnerKey {
    environment: Environment,
    id: String,
    key: KeyName,
}

impl FromRequestParts<Arc<Control>> for AtPartner {
    type Rejection = Stop;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &Arc<Control>,
    ) -> Result<AtPartner, Stop> {
        let At(visitor, path) = At::<PartnerPath>::from_request_parts(parts, control).await?;
        let partner = control
            .partner(path.environment, &path.id)
            .map_err(Stop::at(&visitor))?;
        Ok(AtPartner(visitor, path.environment, partner))
    }
}

/// Lets in who may see a sales unit's keys.
fn admit(control: &Control, visitor: &Visitor, owner_path: &str) -> Result<(), Stop> {
    visitor.at_least(Role::Developer)?;
    visitor.signed(control, &format!("{owner_path}/keys"))?;
    Ok(())
}

/// Lets in who may see a partner's: they open every sales unit that is linked to it.
fn admit_to_partner(control: &Control, visitor: &Visitor, owner: &Owner) -> Result<(), Stop> {
    visitor.at_least(Role::Admin)?;
    visitor.signed(control, &format!("{}/keys", owner.path))?;
    Ok(())
}

/// A unit that a payment service provider made has no keys for its merchant.
fn with_keys(visitor: &Visitor, unit: &Unit) -> Result<Owner, Stop> {
    if unit.facts.psp.is_some() {
        let problem = Problem::conflict(
            "psp_unit",
            "a payment service provider made this sales unit, and acts for it with keys of its own; the merchant has none",
        );
        return Err(Stop::at(visitor)(problem));
    }
    Ok(Owner::unit(unit))
}

fn label(key: KeyName) -> (&'static str, &'static str) {
    match key {
        KeyName::ClientSecret => (
            "client_secret",
            "Header of the token request, the “password”",
        ),
        KeyName::PrimarySubscriptionKey => (
            "Ocp-Apim-Subscription-Key (primary)",
            "Header of every call, also of the token request",
        ),
        KeyName::SecondarySubscriptionKey => (
            "Ocp-Apim-Subscription-Key (secondary)",
            "As good as the primary one",
        ),
    }
}

const SECRETS: [KeyName; 3] = [
    KeyName::ClientSecret,
    KeyName::PrimarySubscriptionKey,
    KeyName::SecondarySubscriptionKey,
];

fn page(control: &Control, visitor: &Visitor, owner: &Owner, show: &str, told: String) -> Response {
    let is_shown = |key: KeyName| show == "all" || show == key.name();
    let lines = SECRETS.map(|key| {
        let value = owner.keys.value(key);
        let retired = owner.retired.iter().rev();
        let (label, used) = label(key);
        Line {
            id: key.name(),
            label,
            used,
            value: if is_shown(key) {
                value.to_owned()
            } else {
                format!("{}••••••••", value.chars().take(4).collect::<String>())
            },
            is_shown: is_shown(key),
            replaced: retired
                .filter(|it| it.key == key)
                .map(|it| it.at.into())
                .next(),
        }
    });
    let page = Page {
        frame: Frame::new("Keys", Part::Units, Some(visitor)).with(&["keys"]),
        owner,
        base_url: control.platform.base(owner.environment),
        told,
        all_shown: lines.iter().all(|line| line.is_shown),
        lines: lines.into(),
    };
    shell::page(StatusCode::OK, &page)
}

fn words(told: &Told) -> String {
    if let Some(key) = told.new {
        return format!(
            "{} is new. The old one is refused from now on; the other keys are as they were.",
            label(key).0
        );
    }
    if told.done == "made" {
        return "The sales unit is there, and these keys work at once.".to_owned();
    }
    String::new()
}

fn ask(visitor: &Visitor, owner: &Owner, key: KeyName) -> Response {
    let token_life = match owner.environment {
        Environment::Test => "1 hour",
        Environment::Production => "24 hours",
    };
    let breaks = match key {
        KeyName::ClientSecret => [
            "At once: token requests with the old secret are refused with 401, invalid_client.",
            "Not yet: tokens that were fetched before stay valid until they expire. A program that keeps its token notices late.",
            "Never: client_id, MSN and both subscription keys stay as they are.",
        ],
        KeyName::PrimarySubscriptionKey => [
            "At once: every call with the old primary key is refused with 401, whatever its token.",
            "Not at all: calls with the secondary key. Let your programs use that one first, and nothing stands still.",
            "Never: client_id, client_secret and MSN stay as they are; tokens stay valid with a key that is alive.",
        ],
        KeyName::SecondarySubscriptionKey => [
            "At once: every call with the old secondary key is refused with 401, whatever its token.",
            "Not at all: calls with the primary key.",
            "Never: client_id, client_secret and MSN stay as they are; tokens stay valid with a key that is alive.",
        ],
    };
    let page = Ask {
        frame: Frame::new("Regenerate a key", Part::Units, Some(visitor)),
        owner,
        id: key.name(),
        label: label(key).0,
        breaks,
        token_life,
    };
    shell::page(StatusCode::OK, &page)
}

pub(crate) async fn of_unit(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(told): Query<Told>,
) -> Result<Response, Stop> {
    admit(&control, &visitor, &unit_path(&unit))?;
    let owner = with_keys(&visitor, &unit)?;
    Ok(page(&control, &visitor, &owner, "", words(&told)))
}

pub(crate) async fn shown_of_unit(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, Show { show }): Posted<Show>,
) -> Result<Response, Stop> {
    admit(&control, &visitor, &unit_path(&unit))?;
    let owner = with_keys(&visitor, &unit)?;
    Ok(page(&control, &visitor, &owner, &show, String::new()))
}

/// What `sandkasse env` prints, as a file.
pub(crate) async fn env(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
) -> Result<Response, Stop> {
    admit(&control, &visitor, &unit_path(&unit))?;
    with_keys(&visitor, &unit)?;
    let keys = control.keys_of(&unit).map_err(Stop::at(&visitor))?;
    let mut headers = shell::secured("text/plain; charset=utf-8");
    let name = format!("attachment; filename=\"sandkasse-{}.env\"", unit.facts.msn);
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok((headers, output::lines(&keys, Format::Dotenv)).into_response())
}

pub(crate) async fn ask_for_unit(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    At(_, path): At<UnitKey>,
) -> Result<Response, Stop> {
    admit(&control, &visitor, &unit_path(&unit))?;
    let owner = with_keys(&visitor, &unit)?;
    Ok(ask(&visitor, &owner, path.key))
}

pub(crate) async fn regenerate_for_unit(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    At(_, path): At<UnitKey>,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Stop> {
    admit(&control, &visitor, &unit_path(&unit))?;
    with_keys(&visitor, &unit)?;
    control
        .regenerate_unit_key(path.environment, &path.msn, path.key)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!(
        "{}/keys?new={}",
        unit_path(&unit),
        path.key.name()
    )))
}

pub(crate) async fn of_partner(
    State(control): State<Arc<Control>>,
    AtPartner(visitor, environment, partner): AtPartner,
    Query(told): Query<Told>,
) -> Result<Response, Stop> {
    let owner = Owner::partner(environment, &partner);
    admit_to_partner(&control, &visitor, &owner)?;
    Ok(page(&control, &visitor, &owner, "", words(&told)))
}

pub(crate) async fn shown_of_partner(
    State(control): State<Arc<Control>>,
    AtPartner(_, environment, partner): AtPartner,
    Posted(visitor, Show { show }): Posted<Show>,
) -> Result<Response, Stop> {
    let owner = Owner::partner(environment, &partner);
    admit_to_partner(&control, &visitor, &owner)?;
    Ok(page(&control, &visitor, &owner, &show, String::new()))
}

pub(crate) async fn ask_for_partner(
    State(control): State<Arc<Control>>,
    AtPartner(visitor, environment, partner): AtPartner,
    At(_, path): At<PartnerKey>,
) -> Result<Response, Stop> {
    let owner = Owner::partner(environment, &partner);
    admit_to_partner(&control, &visitor, &owner)?;
    Ok(ask(&visitor, &owner, path.key))
}

pub(crate) async fn regenerate_for_partner(
    State(control): State<Arc<Control>>,
    AtPartner(_, environment, partner): AtPartner,
    At(_, path): At<PartnerKey>,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Stop> {
    let owner = Owner::partner(environment, &partner);
    admit_to_partner(&control, &visitor, &owner)?;
    control
        .regenerate_partner_key(path.environment, &path.id, path.key)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!(
        "{}/keys?new={}",
        owner.path,
        path.key.name()
    )))
}
