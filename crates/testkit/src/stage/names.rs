//! `$PLACEHOLDERS` in requests.

use sandkasse_catalogue::{Piece, pieces};
use sandkasse_engine::directory::OfficeKind;
use serde_json::Value;

use super::{Unplayable, cast::Cast, unknown};
use crate::Jwt;

/// The access token of the shop itself.
pub(super) const TOKEN: &str = "TOKEN";

/// A text with its placeholders filled in.
pub(super) async fn filled(cast: &mut Cast, text: &str) -> Result<String, Unplayable> {
    let mut filled = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => filled.push_str(&value(cast, name).await?),
        }
    }
    Ok(filled)
}

async fn value(cast: &mut Cast, name: &str) -> Result<String, Unplayable> {
    if let Some(value) = cast.names.get(name) {
        return Ok(value.clone());
    }
    // Tokens are fetched when they are needed, and then kept as a program would.
    let token = token(cast, name).await?;
    cast.name(name, &token);
    Ok(token)
}

async fn token(cast: &mut Cast, name: &str) -> Result<String, Unplayable> {
    let here = cast.shop.environment;
    let own = cast.shop.clone();
    let unix = own.now().as_second();
    match name {
        // Somebody put another client into it.
        "TAMPERED_TOKEN" => {
            let token = Jwt::read(&own.token().await);
            return Ok(token.with_claim("appid", "5bd1e8f1").token());
        }
        // Its time begins in an hour.
        "EARLY_TOKEN" => {
            let token = Jwt::read(&own.token().await);
            return Ok(token.with_claim("nbf", unix + 3_600).signed_in(here));
        }
        // Accounting keys had it a day ago.
        "OLD_ACCOUNTING_TOKEN" => {
            let office = cast.world.office_keys(here, OfficeKind::Accounting).await;
            let token = Jwt::read(&own.token().await);
            let token = token.with_claim("appid", office.client_id.as_str());
            return Ok(token.with_claim("exp", unix - 86_400).signed_in(here));
        }
        // The platform issued it to keys that are gone.
        "ORPHAN_TOKEN" => {
            let token = Jwt::read(&own.token().await);
            let gone = "e9b6c99d-2442-4a5d-84a2-c53a807fe0c4";
            return Ok(token.with_claim("appid", gone).signed_in(here));
        }
        "MANAGEMENT_TOKEN" => {
            let (id, secret) = ("$MANAGEMENT_CLIENT_ID", "$MANAGEMENT_CLIENT_SECRET");
            let known = |name: &str| cast.names.get(name.trim_start_matches('$')).cloned();
            let ask = cast.world.ask(here, "POST", "/miami/v1/token");
            let got = ask
                .header("client_id", &known(id).unwrap_or_default())
                .header("client_secret", &known(secret).unwrap_or_default())
                .body("grant_type=client_credentials")
                .send()
                .await;
            return Ok(access_token(&got.ok()));
        }
        "PARTNER_TOKEN" => return Ok(access_token(&cast.partner.ask_token().send().await.ok())),
        "PSP_TOKEN" => {
            let ask = cast.world.ask_token(here, &cast.psp.keys());
            return Ok(access_token(&ask.send().await.ok()));
        }
        _ => {}
    }
    let shop = name.strip_suffix(TOKEN).and_then(|it| cast.shops.get(it));
    let shop = shop.ok_or_else(|| unknown(format!("${name}")))?;
    Ok(shop.token().await)
}

/// A token of a request in which some of the three values are others'.
pub(super) async fn token_with(cast: &Cast, others: &[&str]) -> Result<String, Unplayable> {
    let mut ask = cast.shop.ask_token();
    for name in others {
        let value = cast.names.get(*name);
        let value = value.ok_or_else(|| unknown(format!("${name}")))?;
        let header = match *name {
            name if name.ends_with("SUBSCRIPTION_KEY") => "Ocp-Apim-Subscription-Key",
            name if name.ends_with("CLIENT_ID") => "client_id",
            _ => "client_secret",
        };
        ask = ask.header(header, value);
    }
    Ok(access_token(&ask.send().await.ok()))
}

fn access_token(answer: &Value) -> String {
    let token = answer["access_token"].as_str();
    token.expect("a token").to_owned()
}
