//! Stage directions: what happened before the request, in a world of its own.

use jiff::SignedDuration;
use sandkasse_catalogue::{Direction, How};
use sandkasse_domain::person::CardState;
use sandkasse_engine::{Act, directory::Change};

use super::{Unplayable, cast::Cast, names, unknown};

pub(super) async fn carry_out(cast: &mut Cast, direction: Direction<'_>) -> Result<(), Unplayable> {
    let shop = cast.shop.clone();
    match direction {
        Direction::InProduction | Direction::UnitsIdleAway | Direction::Sent { .. } => {
            return Err(unknown("a direction that is not at its place"));
        }
        Direction::Initiated { order, amount, how } => match how {
            How::Plainly => {
                let initiated = shop.initiate(order, amount).await.ok();
                cast.name("LINK", initiated["url"].as_str().expect("a link"));
            }
            How::At(unit) => {
                let at = cast.shops.get(format!("{unit}_").as_str());
                let at = at.ok_or_else(|| unknown(unit))?;
                at.initiate(order, amount).await.ok();
            }
            How::ByEpayment => drop(shop.epay(order, amount).await.created()),
            How::AsExpress => {
                let body = shop.express_body(order, amount);
                shop.initiate_with(&body).await.ok();
            }
            How::WithoutLandingPage => {
                shop.change(|unit| unit.skip_landing_page = true).await;
                let phone = cast.payer.phone.as_str();
                let skip = |body: &mut serde_json::Value| {
                    body["transaction"]["skipLandingPage"] = true.into();
                    body["customerInfo"]["mobileNumber"] = phone.into();
                };
                shop.initiate_but(order, amount, skip).await.ok();
            }
        },
        Direction::Reserved { order, amount } => {
            shop.reserved(order, amount, &cast.payer).await;
        }
        Direction::Approved { order } => {
            let approved = shop.approve(order, &cast.payer).await;
            approved.expect("the payer can");
        }
        Direction::Captured { order, amount, key } => match key {
            None => drop(shop.capture(order, amount).await.ok()),
            Some(key) => drop(shop.capture_as(key, order, amount).await.ok()),
        },
        Direction::Refunded { order, amount, key } => match key {
            None => drop(shop.refund(order, amount).await.ok()),
            Some(key) => drop(shop.refund_as(key, order, amount).await.ok()),
        },
        Direction::Cancelled { order } => drop(shop.cancel(order).await.ok()),
        Direction::Released { order } => drop(shop.release(order).await.ok()),
        Direction::CaptureRunning { order, amount } => cast.begin_capture(order, amount).await,
        Direction::BankAsks { order } => {
            let entered = shop.person(order, Act::EnterThreeDSecure).await;
            entered.expect("the request is open");
        }
        Direction::BankBlocksCard => block_card(cast).await,
        Direction::Shared { order, scopes } => {
            let sub = shop.share(order, &scopes.join(" "), &cast.payer).await;
            cast.name("SUB", &sub);
        }
        Direction::Pass { seconds } => shop.advance(SignedDuration::from_secs(seconds)).await,
        Direction::Unit(it) => shop.change(|unit| it.apply(unit, crate::closed())).await,
        Direction::Merchant(standing) => cast.world.set_standing(&cast.merchant, standing).await,
        Direction::RegisterDeleted => {
            let today = cast.world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
            cast.world.learn(&cast.merchant, "AS", Some(today)).await;
        }
        Direction::RegisterFormChanged => cast.world.learn(&cast.merchant, "ENK", None).await,
        Direction::PartnerDeactivated => cast.partner.deactivate().await,
        Direction::PartnerUnlinked => shop.change(|it| it.partner = None).await,
        Direction::PartnerChanged => {
            let new = cast.world.partner(shop.environment, |_| {}).await;
            cast.world.link(&shop, &new).await;
        }
        Direction::PartnerRegenerated(key) => drop(cast.partner.regenerate(key).await),
        Direction::Regenerated(key) => drop(shop.regenerate(key).await),
        Direction::TokenFetched { with } => {
            let token = if with.is_empty() {
                shop.token().await
            } else {
                // The other values are the shop's own.
                names::token_with(cast, &with).await?
            };
            cast.name(names::TOKEN, &token);
        }
        Direction::StoreBroken => cast.break_store(),
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
