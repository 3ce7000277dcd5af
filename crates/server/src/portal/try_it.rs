//! A payment from end to end, for whoever is here for the first time: the portal calls as a shop,
//! and leads to the payer's page, the phone and the payment.

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};
use http::{Method, StatusCode};
use sandkasse_domain::Environment;
use sandkasse_inspect::EXPLAIN;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    own_shop::OwnShop,
    shell::{self, Frame, Part},
    show::read_money,
    visitor::{Posted, Turned, Visitor},
    visitors::Role,
};
use crate::control::Control;

#[derive(Template)]
#[template(path = "portal/try.html")]
struct Page<'a> {
    frame: Frame<'a>,
    unit: &'a str,
    msn: &'a str,
    amount: &'a str,
    wrong: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "portal/tried.html")]
struct Tried<'a> {
    frame: Frame<'a>,
    msn: &'a str,
    order: &'a str,
    phone: &'a str,
    link: &'a str,
    sent: String,
    answered: String,
}

/// What shall be paid.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// Kroner, with a comma or a point.
    amount: String,
}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/try", get(show).post(begin))
}

const TITLE: &str = "Try a payment";

fn page(control: &Control, visitor: &Visitor, amount: &str, wrong: Option<&str>) -> Response {
    let unit = match control.named_unit(Environment::Test, None) {
        Ok(unit) => unit,
        Err(problem) => {
            return shell::message(StatusCode::CONFLICT, Some(visitor), TITLE, problem.detail());
        }
    };
    let status = if wrong.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = Page {
        frame: Frame::new(TITLE, Part::Other, Some(visitor)),
        unit: &unit.facts.name,
        msn: unit.facts.msn.as_str(),
        amount,
        wrong,
    };
    shell::page(status, &page)
}

async fn show(State(control): State<Arc<Control>>, visitor: Visitor) -> Result<Response, Turned> {
    visitor.at_least(Role::Developer)?;
    Ok(page(&control, &visitor, "499,00", None))
}

async fn begin(
    State(control): State<Arc<Control>>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Developer)?;
    let refused = |why: &str| Ok(page(&control, &visitor, &wanted.amount, Some(why)));
    let Some(amount) = read_money(&wanted.amount) else {
        return refused("Give an amount in kroner, such as 499,00.");
    };
    let unit = match control.named_unit(Environment::Test, None) {
        Ok(unit) => unit,
        Err(problem) => return refused(problem.detail()),
    };
    let person = match control.somebody_who_pays(&unit) {
        Ok(person) => person,
        Err(problem) => return refused(problem.detail()),
    };
    let number = control.platform.engine.chance.below(u64::from(u32::MAX));
    let order = &format!("try-{number:08x}");
    let msn = unit.facts.msn.as_str();
    let body = json!({
        "customerInfo": { "mobileNumber": person.phone.as_str() },
        "merchantInfo": {
            "merchantSerialNumber": msn,
            "callbackPrefix": format!("{}/nowhere", control.portal_base),
            "fallBack": format!("{}/units/test/{msn}/payments/{order}", control.portal_base),
        },
        "transaction": {
            "orderId": order,
            "amount": amount.units(),
            "transactionText": "One pair of socks",
        },
    });
    let shop = match OwnShop::open(&control, &unit).await {
        Ok(shop) => shop,
        Err(answer) => return refused(&why(&answer)),
    };
    let answer = shop
        .send(Method::POST, "/ecomm/v2/payments", Some(&body))
        .await;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(link) = said.get("url").and_then(Value::as_str) else {
        return refused(&why(&answer));
    };
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    // The link is the payer's: whoever reads over the shoulder needs no token of it.
    let mut shown = said.clone();
    if let (Some(shown), Some((start, _))) = (shown.get_mut("url"), link.split_once("token=")) {
        *shown = format!("{start}token=…").into();
    }
    let tried = Tried {
        frame: Frame::new("A payment was started", Part::Other, Some(&visitor)),
        msn,
        order,
        phone: person.phone.as_str(),
        link,
        sent: pretty(&body),
        answered: pretty(&shown),
    };
    Ok(shell::page(StatusCode::CREATED, &tried))
}

/// Why the platform refused, for whoever pressed a button.
fn why(answer: &sandkasse_api::Answer) -> String {
    let place = answer.headers.get(EXPLAIN).and_then(|it| it.to_str().ok());
    let status = answer.status.as_u16();
    match place {
        Some(place) => format!("The call was refused with {status}; {place} says why."),
        None => format!("The call was refused with {status}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::House;

    #[tokio::test]
    async fn a_payment_is_started_as_a_shop_would() {
        let house = House::new().await;
        let reader = house.guest(Some(Role::Reader));
        assert_eq!(reader.get("/try").await.status, 403);
        let developer = house.guest(Some(Role::Developer));
        assert!(developer.get("/try").await.html.contains("499,00"));
        let wrong = developer.post("/try", &[("amount", "<b>")]).await;
        assert_eq!(wrong.status, 422);
        assert!(wrong.html.contains("&#60;b&#62;") && !wrong.html.contains("<b>"));
        // The documented refusal is shown with its explanation.
        let little = developer.post("/try", &[("amount", "0,50")]).await;
        assert!(
            little.status == 422 && little.html.contains("/explain/"),
            "{}",
            little.html
        );
        let tried = developer.post("/try", &[("amount", "12,50")]).await;
        assert_eq!(tried.status, 201, "{}", tried.html);
        assert!(tried.html.contains("Open the payer") && tried.html.contains("/phone/"));
        assert!(tried.html.contains("1250"));
        let calls = house.inspector.journal.since(0, 10);
        let paths: Vec<_> = calls.iter().map(|it| it.path().to_owned()).collect();
        let both = ["/ecomm/v2/payments", "/accesstoken/get"];
        assert_eq!(paths[..2], both, "seen by the inspector");
    }
}
