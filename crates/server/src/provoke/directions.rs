//! Stage directions, on the scratch units.

use http::Method;
use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use sandkasse_catalogue::{Direction, How, UnitTrait};
use sandkasse_domain::{
    Minor,
    merchant::{Merchant, OrgForm, RegisterEntry},
    partner::PartnerStatus,
    payment::Payment,
    person::{CardState, Person},
    sales_unit::{ClosedBy, SalesUnit, UnitState},
};
use sandkasse_engine::{
    Act,
    directory::{Change, regenerate},
};
use serde_json::Value;

use super::{cast::Cast, names::TOKEN};

/// Of so many payments of a scratch unit the earnings are counted.
const MOST_PAYMENTS: usize = 100_000;

impl Cast<'_> {
    pub(super) async fn carry_out(&mut self, direction: Direction<'_>) -> Result<(), String> {
        let engine = self.control.engine();
        let partner = self.partner_id();
        match direction {
            Direction::InProduction
            | Direction::UnitsIdleAway
            | Direction::Sent { .. }
            | Direction::StoreBroken
            | Direction::CaptureRunning { .. } => return Err("it is not for here".to_owned()),
            Direction::Initiated { order, amount, how } => {
                self.begin(order, amount, how).await?;
            }
            Direction::Reserved { order, amount } => {
                self.begin(order, amount, How::Plainly).await?;
                let payer = self.payer().await?;
                self.approve(order, &payer).await?;
            }
            Direction::Approved { order } => {
                let payer = self.payer().await?;
                self.approve(order, &payer).await?;
            }
            Direction::Captured { order, amount, key } => {
                self.modify("capture", order, Some(amount), key).await?;
            }
            Direction::Refunded { order, amount, key } => {
                self.modify("refund", order, Some(amount), key).await?;
            }
            Direction::Cancelled { order } => self.modify("cancel", order, None, None).await?,
            Direction::Released { order } => self.modify("release", order, None, None).await?,
            Direction::BankAsks { order } => {
                let unit = self.control.unit(self.environment, &self.msn);
                let unit = unit.map_err(|it| it.detail)?;
                let entered = engine.person_acts(&unit, order, Act::EnterThreeDSecure);
                entered.await.map_err(|refused| format!("{refused:?}"))?;
            }
            Direction::BankBlocksCard => {
                let mut payer = self.payer().await?;
                for card in &mut payer.cards {
                    card.state = CardState::Blocked;
                }
                let change = Change::Person(self.environment, Box::new(payer));
                self.change(vec![change]).await?;
            }
            Direction::Shared { order, scopes } => self.share(order, &scopes.join(" ")).await?,
            Direction::Pass { seconds } => self.pass(SignedDuration::from_secs(seconds)).await?,
            Direction::Unit(it) => {
                let closed = UnitState::Deactivated {
                    by: ClosedBy::Merchant {
                        person: "Catalogue Scratch".to_owned(),
                    },
                    at: engine.clock.now(),
                };
                let before = self.earned().await?;
                self.change_unit(|unit| {
                    it.apply(unit, closed.clone());
                    if it == UnitTrait::PaidOut {
                        // What earlier plays earned was paid out as well.
                        let all = unit.limits.paid_out.units() + before;
                        unit.limits.paid_out = Minor::try_new(all).unwrap_or(unit.limits.paid_out);
                    }
                })
                .await?;
            }
            Direction::Merchant(standing) => {
                self.change_merchant(|it| it.standing = standing).await?;
            }
            Direction::RegisterDeleted => {
                let today = engine.clock.now().to_zoned(TimeZone::UTC).date();
                self.learn("AS", Some(today)).await?;
            }
            Direction::RegisterFormChanged => self.learn("ENK", None).await?,
            Direction::PartnerDeactivated => {
                let changed = engine
                    .directory
                    .change_partner(self.environment, &partner, |it| {
                        it.status = PartnerStatus::Deactivated
                    });
                changed.await.map_err(|error| error.to_string())?;
            }
            Direction::PartnerUnlinked => self.change_unit(|unit| unit.partner = None).await?,
            Direction::PartnerChanged => {
                let other = format!("{}-2", partner.0);
                let other = self.partner(&other).await?;
                self.change_unit(|unit| unit.partner = Some(other.id.clone()))
                    .await?;
            }
            Direction::PartnerRegenerated(key) => {
                let changed = engine
                    .directory
                    .change_partner(self.environment, &partner, |it| {
                        regenerate(&mut it.keys, &mut it.retired, key, engine)
                    });
                changed.await.map_err(|error| error.to_string())?;
            }
            Direction::Regenerated(key) => {
                self.change_unit(|it| regenerate(&mut it.keys, &mut it.retired, key, engine))
                    .await?;
            }
            Direction::TokenFetched { with } => {
                let token = self.fetched(&with).await?;
                self.name(TOKEN, &token);
            }
        }
        Ok(())
    }

    /// What the sales unit got in earlier plays.
    async fn earned(&self) -> Result<i64, String> {
        let unit = self.control.unit(self.environment, &self.msn);
        let unit = unit.map_err(|it| it.detail)?;
        let payments = self
            .control
            .engine()
            .find(&unit, "", None, MOST_PAYMENTS)
            .await;
        let payments = payments.map_err(|error| error.to_string())?;
        let earlier = payments
            .iter()
            .filter(|it| !it.order.id.as_str().starts_with(&self.orders));
        Ok(earlier
            .filter_map(Payment::reservation)
            .map(|it| it.remaining_to_refund().units())
            .sum())
    }

    async fn begin(&mut self, order: &str, amount: i64, how: How<'_>) -> Result<(), String> {
        match how {
            How::Plainly => {
                let body = self.initiate(order, amount);
                let path = "/ecomm/v2/payments";
                let initiated = self.call(Method::POST, path, &body, None).await?;
                let link = initiated.get("url").and_then(Value::as_str);
                self.name("LINK", link.ok_or("the initiate has no url")?);
                Ok(())
            }
            How::ByEpayment => {
                let body = self.create(order, amount);
                let path = "/epayment/v1/payments";
                self.call(Method::POST, path, &body, Some(order))
                    .await
                    .map(drop)
            }
            How::AsExpress => self.initiated(&self.express(order, amount)).await,
            How::At(prefix) => {
                // Another sales unit of the same merchant calls.
                let other = self.units.get(format!("{prefix}_").as_str()).cloned();
                let other = other.ok_or_else(|| format!("there is no sales unit {prefix}"))?;
                let own = std::mem::replace(&mut self.msn, other);
                let begun = self.initiated(&self.initiate(order, amount)).await;
                self.msn = own;
                begun
            }
            How::WithoutLandingPage => {
                self.change_unit(|unit| unit.skip_landing_page = true)
                    .await?;
                let payer = self.payer().await?;
                let mut body = self.initiate(order, amount);
                let mut set = |part: &str, name: &str, value: Value| {
                    if let Some(part) = body.get_mut(part).and_then(Value::as_object_mut) {
                        part.insert(name.to_owned(), value);
                    }
                };
                set("transaction", "skipLandingPage", true.into());
                set("customerInfo", "mobileNumber", payer.phone.as_str().into());
                self.initiated(&body).await
            }
        }
    }

    async fn payer(&mut self) -> Result<Person, String> {
        let payer = self.person("PHONE").await?;
        self.name("PHONE", payer.phone.as_str());
        Ok(payer)
    }

    async fn share(&mut self, order: &str, scope: &str) -> Result<(), String> {
        let mut body = self.initiate(order, 10_000);
        if let Some(transaction) = body.get_mut("transaction").and_then(Value::as_object_mut) {
            transaction.insert("scope".to_owned(), scope.into());
        }
        self.initiated(&body).await?;
        let payer = self.payer().await?;
        self.approve(order, &payer).await?;
        let unit = self.control.unit(self.environment, &self.msn);
        let delay = unit.map_err(|it| it.detail)?.facts.sub_delay_ms;
        self.pass(SignedDuration::from_millis(delay)).await?;
        let path = format!("/ecomm/v2/payments/{order}/details");
        let details = self.call(Method::GET, &path, &Value::Null, None).await?;
        let sub = details.get("sub").and_then(Value::as_str);
        let sub = sub.ok_or("the details have no sub")?.to_owned();
        self.name("SUB", &sub);
        Ok(())
    }

    async fn pass(&self, by: SignedDuration) -> Result<(), String> {
        let unit = self.control.unit(self.environment, &self.msn);
        let unit = unit.map_err(|it| it.detail)?;
        let advanced = self.control.engine().advance(&unit, by).await;
        advanced.map(drop).map_err(|error| error.to_string())
    }

    async fn change_unit(&self, change: impl FnMut(&mut SalesUnit) + Send) -> Result<(), String> {
        let directory = &self.control.engine().directory;
        let changed = directory.change_unit(self.environment, &self.msn, change);
        changed.await.map(drop).map_err(|error| error.to_string())
    }

    async fn change_merchant(
        &self,
        change: impl FnMut(&mut Merchant) + Send,
    ) -> Result<(), String> {
        let directory = &self.control.engine().directory;
        let changed = directory.change_merchant(self.environment, &self.merchant, change);
        changed.await.map(drop).map_err(|error| error.to_string())
    }

    async fn learn(&self, form: &str, deleted_on: Option<Date>) -> Result<(), String> {
        let asked_at = self.control.engine().clock.now();
        self.change_merchant(|merchant| {
            merchant.learn(RegisterEntry {
                name: merchant.name.clone(),
                form: OrgForm(form.to_owned()),
                deleted_on,
                asked_at,
            });
        })
        .await
    }

    /// A token; some of the three values may be others'.
    async fn fetched(&self, with: &[&str]) -> Result<String, String> {
        if with.is_empty() {
            return self.own_token().await;
        }
        let (place, keys) = self.keys.get("").ok_or("there is no sales unit")?;
        let mut said = [&keys.client_id, &keys.client_secret, &keys.primary];
        for name in with {
            let value = self.names.get(*name);
            let value = value.ok_or_else(|| format!("${name} is not known"))?;
            let [id, secret, key] = &mut said;
            match *name {
                name if name.ends_with("SUBSCRIPTION_KEY") => *key = value,
                name if name.ends_with("CLIENT_ID") => *id = value,
                _ => *secret = value,
            }
        }
        let [id, secret, key] = said;
        self.token_of(*place, id, secret, key).await
    }
}
