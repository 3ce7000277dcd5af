//! The profile on the wire: members appear only for consented scopes.

use std::collections::BTreeSet;

use sandkasse_domain::{
    consent::Scope,
    person::{self, AddressKind, Person},
};
use serde::Serialize;

#[derive(Serialize)]
struct Userinfo<'a> {
    sub: &'a str,
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthdate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_addresses: Option<Vec<Address>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<Account>>,
}

#[derive(Default, Serialize)]
struct Address {
    street_address: String,
    postal_code: String,
    region: String,
    country: String,
    formatted: String,
    address_type: &'static str,
}

/// Deprecated: only old contracts have this scope, and no test person has accounts.
#[derive(Serialize)]
struct Account {}

/// What the sales unit may read of a person now.
pub(super) fn userinfo(sub: &str, person: &Person, scopes: &BTreeSet<Scope>) -> String {
    let may = |scope: Scope| scopes.contains(&scope);
    let name = may(Scope::Name);
    let addresses = may(Scope::Address).then(|| {
        let mut all = person.addresses.iter().map(address);
        // A person without any address still gets one, of empty strings.
        (all.next().unwrap_or_default(), all.collect())
    });
    let (address, other_addresses) = addresses.unzip();
    let userinfo = Userinfo {
        sub,
        sid: session_id(sub),
        name: name.then(|| format!("{} {}", person.given_name, person.family_name)),
        given_name: name.then_some(person.given_name.as_str()),
        family_name: name.then_some(person.family_name.as_str()),
        birthdate: may(Scope::BirthDate).then(|| person.birthdate.to_string()),
        email: may(Scope::Email).then_some(person.email.as_str()),
        email_verified: may(Scope::Email).then_some(person.email_verified),
        phone_number: may(Scope::PhoneNumber).then(|| person.phone.msisdn()),
        nin: may(Scope::Nin).then_some(person.nin.as_str()),
        address,
        other_addresses,
        accounts: may(Scope::AccountNumbers).then(Vec::new),
    };
    serde_json::to_string(&userinfo).expect("plain structs always serialise")
}

fn address(address: &person::Address) -> Address {
    let street_address = match &address.line2 {
        Some(line2) => format!("{}\n{line2}", address.line1),
        None => address.line1.clone(),
    };
    Address {
        formatted: format!(
            "{street_address}\n{}\n{}\nNO",
            address.post_code, address.city
        ),
        street_address,
        postal_code: address.post_code.clone(),
        region: address.city.clone(),
        country: "NO".to_owned(),
        address_type: match address.kind {
            AddressKind::Home => "home",
            AddressKind::Work => "work",
            AddressKind::Other => "other",
        },
    }
}

/// Declared unused, but always present: another UUID that is the same for the same `sub`.
fn session_id(sub: &str) -> String {
    let reversed: String = sub.chars().rev().filter(|c| *c != '-').collect();
    uuid::Uuid::try_parse(&reversed).map_or_else(|_| sub.to_owned(), |id| id.to_string())
}
