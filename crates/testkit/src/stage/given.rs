//! Stage directions: what happened before the request. One line, one thing; the list with
//! examples is in `catalogue/README.md`.

use jiff::SignedDuration;
use sandkasse_domain::{
    Minor,
    keys::KeyName,
    merchant::Standing,
    person::CardState,
    sales_unit::{CaptureType, Product, UrlPolicy},
};
use sandkasse_engine::{Act, directory::Change};

use super::{Unplayable, cast::Cast, names, unknown};
use crate::Shop;

pub(super) async fn carry_out(cast: &mut Cast, direction: &str) -> Result<(), Unplayable> {
    let words: Vec<&str> = direction.split_whitespace().collect();
    let shop = cast.shop.clone();
    match words.as_slice() {
        ["initiated", order, amount] => {
            shop.initiate(order, number(amount)?).await.ok();
        }
        ["initiated", order, amount, "at", unit] => {
            let at = cast.shops.get(format!("{unit}_").as_str());
            let at = at.ok_or_else(|| unknown(direction))?;
            at.initiate(order, number(amount)?).await.ok();
        }
        ["initiated", order, amount, "as", "express"] => {
            let body = shop.express_body(order, number(amount)?);
            shop.initiate_with(&body).await.ok();
        }
        ["initiated", order, amount, "without", "landing", "page"] => {
            shop.change(|unit| unit.skip_landing_page = true).await;
            let phone = cast.payer.phone.as_str();
            let skip = |body: &mut serde_json::Value| {
                body["transaction"]["skipLandingPage"] = true.into();
                body["customerInfo"]["mobileNumber"] = phone.into();
            };
            shop.initiate_but(order, number(amount)?, skip).await.ok();
        }
        ["reserved", order, amount] => {
            shop.reserved(order, number(amount)?, &cast.payer).await;
        }
        ["captured", order, amount] => {
            shop.capture(order, number(amount)?).await.ok();
        }
        ["captured", order, amount, "under", key] => {
            shop.capture_as(key, order, number(amount)?).await.ok();
        }
        ["refunded", order, amount] => {
            shop.refund(order, number(amount)?).await.ok();
        }
        ["refunded", order, amount, "under", key] => {
            shop.refund_as(key, order, number(amount)?).await.ok();
        }
        ["cancelled", order] => drop(shop.cancel(order).await.ok()),
        ["released", order] => drop(shop.release(order).await.ok()),
        ["capture", "running", order, amount] => {
            cast.begin_capture(order, number(amount)?).await;
        }
        ["bank", "asks", order] => {
            let entered = shop.person(order, Act::EnterThreeDSecure).await;
            entered.expect("the request is open");
        }
        ["bank", "blocks", "card"] => block_card(cast).await,
        ["shared", order, scopes @ ..] if !scopes.is_empty() => {
            let sub = shop.share(order, &scopes.join(" "), &cast.payer).await;
            cast.name("SUB", &sub);
        }
        ["pass", time] => shop.advance(duration(time)?).await,
        ["unit", traits @ ..] => unit(&shop, traits).await?,
        ["merchant", standing] => {
            let standing = match *standing {
                "blocked" => Standing::Blocked,
                "unsigned" => Standing::Unsigned,
                "deactivated" => Standing::Deactivated,
                "unconfirmed" => Standing::Unconfirmed,
                _ => return Err(unknown(direction)),
            };
            cast.world.set_standing(&cast.merchant, standing).await;
        }
        ["register", "deleted"] => {
            let today = cast.world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
            cast.world.learn(&cast.merchant, "AS", Some(today)).await;
        }
        ["register", "form", "changed"] => cast.world.learn(&cast.merchant, "ENK", None).await,
        ["partner", "deactivated"] => cast.partner.deactivate().await,
        ["partner", "unlinked"] => shop.change(|it| it.partner = None).await,
        ["partner", "changed"] => {
            let new = cast.world.partner(shop.environment, |_| {}).await;
            cast.world.link(&shop, &new).await;
        }
        ["partner", "regenerated", key] => {
            cast.partner.regenerate(key_name(key)?).await;
        }
        ["regenerated", key] => {
            shop.regenerate(key_name(key)?).await;
        }
        ["token", "fetched"] => {
            let token = shop.token().await;
            cast.name(names::TOKEN, &token);
        }
        // The other values are the shop's own.
        ["token", "fetched", "with", names @ ..] => {
            let token = names::token_with(cast, names).await?;
            cast.name(names::TOKEN, &token);
        }
        ["store", "broken"] => cast.break_store(),
        _ => return Err(unknown(direction)),
    }
    Ok(())
}

fn key_name(text: &str) -> Result<KeyName, Unplayable> {
    Ok(match text {
        "client_secret" => KeyName::ClientSecret,
        "primary" => KeyName::PrimarySubscriptionKey,
        "secondary" => KeyName::SecondarySubscriptionKey,
        _ => return Err(unknown(text)),
    })
}

/// The number in `2 times`.
pub(super) fn times(text: &str) -> Result<u32, Unplayable> {
    let count = text.strip_suffix(" times").and_then(|it| it.parse().ok());
    count.ok_or_else(|| unknown(text))
}

async fn unit(shop: &Shop, traits: &[&str]) -> Result<(), Unplayable> {
    let amount = match traits {
        [.., amount] => amount.parse().ok().and_then(Minor::try_new),
        [] => None,
    };
    let least = Minor::try_new(10_000).expect("an amount");
    match traits {
        ["deactivated"] => shop.change(|it| it.state = crate::closed()).await,
        ["login-only"] => {
            shop.change(|it| it.products = [Product::Login].into())
                .await
        }
        ["without", "login"] => {
            shop.change(|it| it.products.retain(|it| *it != Product::Login))
                .await
        }
        ["recurring-only"] => {
            shop.change(|it| it.products = [Product::Recurring].into())
                .await;
        }
        ["direct"] => shop.change(|it| it.capture = CaptureType::Direct).await,
        ["strict"] => shop.change(|it| it.url_policy = UrlPolicy::Strict).await,
        ["paid", "out"] => {
            let paid_out = |it: &mut sandkasse_domain::sales_unit::SalesUnit| {
                it.limits.overdraft = Some(Minor::ZERO);
                it.limits.paid_out = least;
            };
            shop.change(paid_out).await;
        }
        ["receives", "at", "most", _] if amount.is_some() => {
            shop.change(|it| it.limits.receive = amount).await;
        }
        ["requests", "at", "most", _] if amount.is_some() => {
            shop.change(|it| it.limits.request = amount).await;
        }
        _ => return Err(unknown(format!("unit {}", traits.join(" ")))),
    }
    Ok(())
}

/// The payer's default card stops working.
async fn block_card(cast: &Cast) {
    let directory = &cast.world.platform.engine.directory;
    let mut payer = cast.payer.clone();
    let card = payer.cards.first_mut().expect("the payer has a card");
    card.state = CardState::Blocked;
    let change = Change::Person(cast.shop.environment, Box::new(payer));
    let changed = directory.change(vec![change]).await;
    changed.expect("memory does not fail");
}

fn number(text: &str) -> Result<i64, Unplayable> {
    text.parse().map_err(|_| unknown(text))
}

/// `181d`, `7h`, `5m`, `30s`.
fn duration(text: &str) -> Result<SignedDuration, Unplayable> {
    let known = || {
        let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let count: i64 = count.parse().ok()?;
        Some(match unit {
            "d" => crate::days(count),
            "h" => crate::hours(count),
            "m" => crate::minutes(count),
            "s" => crate::seconds(count),
            _ => return None,
        })
    };
    known().ok_or_else(|| unknown(text))
}
