//! Merchants, sales units and keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::{
    Environment, Msn,
    keys::Keys,
    merchant::{Merchant, OrgNo},
    partner::{Partner, PartnerId, PartnerStatus},
    sales_unit::{CaptureType, Product, SalesUnit, UrlPolicy},
};
use sandkasse_engine::directory::{Change, OfficeKeys, OfficeKind};

use super::MAIN_UNIT;

/// The merchant of most units.
const FIRST: &str = "310000000";
/// A merchant who knows nothing of the first one's payments.
const SECOND: &str = "310000019";

/// Sales units by their place in every list, from 1: the number is part of MSN and keys.
const UNITS: [(u8, &str, &str); 6] = [
    (1, MAIN_UNIT, FIRST),
    (2, "direct", FIRST),
    (3, "skip", FIRST),
    (4, "login-only", FIRST),
    (5, "strict", FIRST),
    (6, "other-merchant", SECOND),
];

/// Keys that belong to no sales unit, in production only (reference: README, ruling 6).
const OFFICES: [(u8, OfficeKind); 2] = [(7, OfficeKind::Management), (8, OfficeKind::Accounting)];

/// A partner, in production only as well, and the units it may act for.
const PARTNER: &str = "demo-partner";
const PARTNER_NUMBER: u8 = 9;
const LINKED: [&str; 2] = [MAIN_UNIT, "other-merchant"];

fn partner() -> Partner {
    let own_number = Msn::try_new("339001").expect("six digits");
    Partner {
        id: PartnerId(PARTNER.to_owned()),
        name: "Partnerhuset AS".to_owned(),
        own_number,
        status: PartnerStatus::Active,
        keys: keys(Environment::Production, PARTNER_NUMBER),
        retired: Vec::new(),
    }
}

/// Merchants, units, partner and office keys of one environment.
pub(super) fn changes(environment: Environment, local_urls: bool) -> Vec<Change> {
    let mut changes: Vec<Change> = [(FIRST, "Sandkasse Demo AS"), (SECOND, "Nabobutikken AS")]
        .map(|(orgno, name)| {
            let merchant = Merchant::new(OrgNo(orgno.to_owned()), name);
            Change::Merchant(environment, merchant)
        })
        .into();
    let policy = if local_urls {
        UrlPolicy::Local
    } else {
        UrlPolicy::Strict
    };
    changes.extend(UNITS.map(|(number, name, merchant)| {
        let mut unit = usual(environment, number, name, merchant);
        unit.url_policy = policy;
        if environment == Environment::Production && LINKED.contains(&name) {
            unit.partner = Some(PartnerId(PARTNER.to_owned()));
        }
        match name {
            MAIN_UNIT => drop(unit.products.insert(Product::Checkout)),
            "direct" => unit.capture = CaptureType::Direct,
            "skip" => unit.skip_landing_page = true,
            "login-only" => unit.products = [Product::Login].into(),
            "strict" => unit.url_policy = UrlPolicy::Strict,
            _ => {}
        }
        Change::Unit(Box::new(unit))
    }));
    if environment == Environment::Production {
        changes.push(Change::Partner(environment, partner()));
        changes.extend(OFFICES.map(|(number, kind)| {
            let keys = OfficeKeys {
                kind,
                owner: OrgNo(FIRST.to_owned()),
                client_id: client_id(environment, number),
                client_secret: client_secret(environment, number),
            };
            Change::Office(environment, keys)
        }));
    }
    changes
}

/// Every pair of `client_id` and `client_secret` in one environment's demo data.
pub(super) fn known_keys(environment: Environment) -> impl Iterator<Item = (String, String)> {
    let units = UNITS.into_iter().map(|(number, ..)| number);
    let offices = OFFICES.into_iter().map(|(number, _)| number);
    units
        .chain(offices)
        .chain([PARTNER_NUMBER])
        .map(move |number| {
            (
                client_id(environment, number),
                client_secret(environment, number),
            )
        })
}

fn usual(environment: Environment, number: u8, name: &str, merchant: &str) -> SalesUnit {
    let series = match environment {
        Environment::Test => 220_000,
        Environment::Production => 330_000,
    };
    let msn = (series + u32::from(number)).to_string();
    let msn = Msn::try_new(&msn).expect("six digits");
    let keys = keys(environment, number);
    let mut unit = SalesUnit::new(environment, msn, OrgNo(merchant.to_owned()), keys);
    name.clone_into(&mut unit.name);
    unit.url_policy = UrlPolicy::Local;
    unit
}

fn keys(environment: Environment, number: u8) -> Keys {
    Keys {
        client_id: client_id(environment, number),
        client_secret: client_secret(environment, number),
        primary: subscription_key(environment, number, "0a"),
        secondary: subscription_key(environment, number, "0b"),
    }
}

/// `7e57`: test; `9d0d`: production.
fn mark(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "7e57",
        Environment::Production => "9d0d",
    }
}

/// A GUID.
fn client_id(environment: Environment, number: u8) -> String {
    let mark = mark(environment);
    format!("5a4dca55-{mark}-4000-8000-0000000000{number:02x}")
}

/// Base64 of sixteen letters.
fn client_secret(environment: Environment, number: u8) -> String {
    let letters = match environment {
        Environment::Test => format!("sandkasse-test-{number}"),
        Environment::Production => format!("sandkasse-prod-{number}"),
    };
    STANDARD.encode(letters)
}

/// 32 hexadecimal digits.
fn subscription_key(environment: Environment, number: u8, filling: &str) -> String {
    let mark = mark(environment);
    format!("{mark}{number:04x}{}", filling.repeat(12))
}
