//! What several pages share: amounts and moments in words, what a path names, and why not.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use sandkasse_domain::{Currency, Environment, Minor, Msn, Timestamp, sales_unit::Product};
use sandkasse_engine::Unit;
use serde::de::DeserializeOwned;

use super::{
    shell,
    visitor::{Turned, Visitor},
};
use crate::control::{Control, Problem, UnitPath};

/// An amount as everybody reads it: `1 234,50 kr`, with spaces that do not break.
pub(crate) fn money(amount: Minor, currency: Currency) -> String {
    let (kroner, rest) = (amount.units() / 100, amount.units() % 100);
    let digits = kroner.to_string();
    let mut grouped = String::with_capacity(digits.len() + 8);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    format!("{grouped},{rest:02}\u{a0}{}", sign(currency))
}

/// What stands behind an amount.
pub(crate) fn sign(currency: Currency) -> &'static str {
    match currency {
        Currency::Nok => "kr",
        Currency::Dkk | Currency::Eur | Currency::Sek | Currency::Usd | Currency::Gbp => {
            currency.code()
        }
    }
}

/// An amount as somebody writes it: `1 234,50`, `499.00 kr` or `499 EUR`, in whole units of its currency.
pub(crate) fn read_money(said: &str) -> Option<Minor> {
    let text: String = said
        .trim()
        .trim_end_matches(|char: char| char.is_ascii_alphabetic())
        .chars()
        .filter(|char| !char.is_whitespace())
        .collect();
    let (kroner, rest) = text.split_once([',', '.']).unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if kroner.is_empty() || !digits(kroner) || !digits(rest) || rest.len() > 2 {
        return None;
    }
    let kroner: i64 = kroner.parse().ok()?;
    let rest: i64 = format!("{rest:0<2}").parse().ok()?;
    Minor::try_new(kroner.checked_mul(100)?.checked_add(rest)?)
}

/// A moment, for a machine and for a person.
pub(crate) struct When {
    /// RFC 3339.
    pub(crate) iso: String,
    /// To the second, in UTC as everything on the platform.
    pub(crate) words: String,
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> When {
        When {
            iso: at.to_string(),
            words: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

/// A product as the portal calls it.
pub(crate) fn product(product: Product) -> &'static str {
    match product {
        Product::Ecom => "eCom (“Vipps på nett”)",
        Product::Recurring => "Recurring",
        Product::Login => "Login",
        Product::Checkout => "Checkout",
    }
}

/// An environment at the beginning of a sentence or column.
pub(crate) fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "Test",
        Environment::Production => "Production",
    }
}

/// Why a page is not shown, or a form not done.
pub(crate) enum Stop {
    /// Somebody else may, or not like this.
    Turned(Turned),
    /// What the control API would say.
    Problem(Box<Visitor>, Box<Problem>),
}

impl Stop {
    /// For `map_err`.
    pub(crate) fn at<P: Into<Problem>>(visitor: &Visitor) -> impl FnOnce(P) -> Stop {
        |problem| Stop::Problem(Box::new(visitor.clone()), Box::new(problem.into()))
    }
}

impl From<Turned> for Stop {
    fn from(turned: Turned) -> Stop {
        Stop::Turned(turned)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Stop::Turned(turned) => turned.into_response(),
            Stop::Problem(visitor, problem) => {
                let status = problem.status();
                let title = match status {
                    StatusCode::NOT_FOUND => "Not found",
                    StatusCode::INTERNAL_SERVER_ERROR => "The platform failed",
                    _ => "Not done",
                };
                let mut text = problem.detail().to_owned();
                if let Some(first) = text.get(..1).map(str::to_uppercase) {
                    text.replace_range(..1, &first);
                }
                text.push('.');
                shell::message(status, Some(&visitor), title, &text)
            }
        }
    }
}

/// Somebody who is signed in, and what the path names.
pub(crate) struct At<T>(pub(crate) Visitor, pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Control>> for At<T> {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<At<T>, Stop> {
        let visitor = Visitor::from_request_parts(parts, control).await?;
        match Path::from_request_parts(parts, control).await {
            Ok(Path(names)) => Ok(At(visitor, names)),
            Err(_) => {
                let nothing =
                    "an environment is `test` or `production`, a sales unit has 4 to 7 digits";
                let problem = Problem::not_found("route_unknown", nothing);
                Err(Stop::at(&visitor)(problem))
            }
        }
    }
}

/// Somebody who is signed in, and the sales unit that the path names.
pub(crate) struct AtUnit(pub(crate) Visitor, pub(crate) Arc<Unit>);

impl FromRequestParts<Arc<Control>> for AtUnit {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, control: &Arc<Control>) -> Result<AtUnit, Stop> {
        let At(visitor, path) = At::<UnitPath>::from_request_parts(parts, control).await?;
        let unit = control
            .unit(path.environment, &path.msn)
            .map_err(Stop::at(&visitor))?;
        Ok(AtUnit(visitor, unit))
    }
}

/// The unit at `/units/{environment}/{msn}`.
pub(crate) fn unit(control: &Control, environment: &str, msn: &str) -> Result<Arc<Unit>, Problem> {
    let place = Environment::ALL
        .into_iter()
        .find(|it| it.to_string() == environment)
        .zip(Msn::try_new(msn));
    let (environment, msn) = place
        .ok_or_else(|| Problem::not_found("sales_unit_unknown", "there is no such sales unit"))?;
    control.unit(environment, &msn)
}

/// The page of a sales unit.
pub(crate) fn unit_path(unit: &Unit) -> String {
    format!("/units/{}/{}", unit.facts.environment, unit.facts.msn)
}

/// A text as one step of a path, or as the value of a query's parameter.
pub(crate) fn encoded(text: &str) -> String {
    // A `+` would be a space in a query and a plus in a path.
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    form.replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read() {
        for (units, words) in [
            (0, "0,00\u{a0}kr"),
            (49_900, "499,00\u{a0}kr"),
            (123_450, "1\u{a0}234,50\u{a0}kr"),
            (12_345_678_901, "123\u{a0}456\u{a0}789,01\u{a0}kr"),
        ] {
            let amount = Minor::try_new(units).unwrap();
            assert_eq!(money(amount, Currency::Nok), words);
            assert_eq!(read_money(words), Some(amount));
        }
        for (said, units) in [
            ("499", Some(49_900)),
            (" 499.5 ", Some(49_950)),
            ("1 234,50", Some(123_450)),
            ("", None),
            ("-1", None),
            ("1.234,50", None),
            ("1e3", None),
            ("4,999", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read_money(said).map(Minor::units), units, "{said}");
        }
    }

    #[test]
    fn texts_fit_into_addresses() {
        assert_eq!(encoded("a b/ø?&+\"<"), "a%20b%2F%C3%B8%3F%26%2B%22%3C");
    }
}
