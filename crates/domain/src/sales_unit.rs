//! Sales units: what a merchant sells through, and what they may be used for.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{
    Currency, Environment, Minor, Msn, Timestamp,
    keys::{Keys, RetiredKey},
    ledger::Settlement,
    merchant::OrgNo,
    partner::{PartnerId, PspId},
};

/// One brand, shop or channel of a merchant: the one who is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesUnit {
    /// Where it exists.
    pub environment: Environment,
    /// Its number.
    pub msn: Msn,
    /// Shown to the payer.
    pub name: String,
    /// Whose it is.
    pub merchant: OrgNo,
    /// Whether it takes payments (error 37 when not).
    #[serde(default)]
    pub state: UnitState,
    /// What it may be used for.
    pub products: BTreeSet<Product>,
    /// What its merchant ordered and the platform has not approved yet.
    #[serde(default)]
    pub ordered: BTreeSet<Product>,
    /// The one partner who may act for it.
    #[serde(default)]
    pub partner: Option<PartnerId>,
    /// The payment service provider that made it, if one did. Its merchant has no keys to it.
    #[serde(default)]
    pub psp: Option<PspId>,
    /// What happens at approval.
    pub capture: CaptureType,
    /// Whether `skipLandingPage` is allowed (error 38 when not).
    pub skip_landing_page: bool,
    /// Whether the `nin` scope is allowed (error 51 when not).
    pub nin_scope: bool,
    /// Whether ePayment's express is allowed (error 5020 when not).
    #[serde(default = "yes")]
    pub express: bool,
    /// Whether ePayment's payments may live longer than ten minutes (error 5050 when not).
    #[serde(default)]
    pub long_living: bool,
    /// What its payments count: Danish and Finnish sales units take their own currency, and that alone
    /// (ePayment's error 5040). eCom knows Norwegian kroner only.
    #[serde(default)]
    pub currency: Currency,
    /// Whether less than all that is reserved may be captured (ePayment's error 6140 when not).
    #[serde(default = "yes")]
    pub partial_capture: bool,
    /// Whether the documented limits per minute hold.
    pub rate_limits: RateLimits,
    /// Which addresses the platform calls for it.
    pub url_policy: UrlPolicy,
    /// Bounds on what it may ask for and receive.
    pub limits: Limits,
    /// Its keys.
    pub keys: Keys,
    /// Keys that were replaced.
    #[serde(default)]
    pub retired: Vec<RetiredKey>,
    /// How far its clock is ahead of real time, in milliseconds. Only ever grows.
    pub clock_ahead_ms: i64,
    /// The spans over which its clock was advanced lately, the oldest first: what is due within one
    /// of them happens at its own moment.
    #[serde(default)]
    pub jumps: Vec<Jump>,
    /// Advancing the clock normally ages tokens. When set, tokens issued before an advance keep
    /// the life that their holder, who caches by the real clock, believes in.
    pub tokens_survive_advance: bool,
    /// After an approval with `scope`, how long details still lack the `sub`, in milliseconds.
    pub sub_delay_ms: i64,
    /// Whether pictures of orders may be lower than 167 pixels, as before November 2023.
    #[serde(default)]
    pub low_images: bool,
    /// How it is settled.
    #[serde(default)]
    pub settlement: Settlement,
    /// Who may read its ledger besides itself: ids of partners, and `client_id`s of accounting keys.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub report_readers: BTreeSet<String>,
}

/// A span over which a clock was advanced, on that clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// The last moment before.
    pub from: Timestamp,
    /// The first moment after.
    pub to: Timestamp,
}

/// So many jumps of a clock are remembered.
const JUMPS: usize = 16;
/// Jumps that follow each other within this are one, so that a clock that is moved in small steps is
/// remembered for as long as one that is moved at once.
const ONE_JUMP: SignedDuration = SignedDuration::from_mins(1);

fn yes() -> bool {
    true
}

/// Whether a sales unit takes payments. Number and keys stay the same through every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UnitState {
    /// It does.
    #[default]
    Active,
    /// It does not (error 37).
    Deactivated {
        /// Who closed it.
        by: ClosedBy,
        /// Real time.
        at: Timestamp,
    },
}

/// Who closed a sales unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The merchant on the portal, by the person who signed with BankID.
    Merchant {
        /// Their name.
        person: String,
    },
    /// The platform, because nobody used a test unit for a very long time. It did so until 2023
    /// (FAQ-81, FAQ-82).
    Idle,
}

/// How long details usually lack the `sub` after an approval: milliseconds on the real platform
/// (reference: ecom.md §2.5).
pub const SUB_DELAY_MS: i64 = 200;

/// What a sales unit was approved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Payments on the net: the eCom API.
    Ecom,
    /// Agreements and charges: the Recurring API.
    Recurring,
    /// Signing in: the Login API and Userinfo.
    Login,
    /// Hosted checkouts: the Checkout API.
    Checkout,
}

/// What happens when the payer approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureType {
    /// The amount is reserved, and captured later by the merchant.
    Reserve,
    /// The amount is captured at once.
    Direct,
}

/// Whether the documented limits per minute hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RateLimits {
    On,
    Off,
}

/// Which addresses the platform calls for a sales unit. It does not concern `fallBack`, which only
/// the payer's browser follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlPolicy {
    /// As the platform: public hosts, HTTPS.
    Strict,
    /// Also local and private hosts, there also by plain HTTP and on any port.
    Local,
}

/// Bounds on what a sales unit may ask for and receive. `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The sum it may receive, counted over reservations and direct captures (error 32).
    pub receive: Option<Minor>,
    /// The sum it may ask for, counted over all that was initiated (error 33).
    pub request: Option<Minor>,
    /// How far its settlement account may be overdrawn by refunds (error 74).
    pub overdraft: Option<Minor>,
    /// What has left its settlement account already.
    pub paid_out: Minor,
}

impl SalesUnit {
    /// A new unit with the platform's defaults: eCom and Login, reserve capture, limits on, public
    /// addresses only.
    pub fn new(environment: Environment, msn: Msn, merchant: OrgNo, keys: Keys) -> SalesUnit {
        SalesUnit {
            environment,
            name: format!("Sales unit {msn}"),
            msn,
            merchant,
            state: UnitState::Active,
            products: [Product::Ecom, Product::Login].into(),
            ordered: BTreeSet::new(),
            partner: None,
            psp: None,
            capture: CaptureType::Reserve,
            skip_landing_page: false,
            nin_scope: false,
            express: true,
            long_living: false,
            currency: Currency::Nok,
            partial_capture: true,
            rate_limits: RateLimits::On,
            url_policy: UrlPolicy::Strict,
            limits: Limits::default(),
            keys,
            retired: Vec::new(),
            clock_ahead_ms: 0,
            jumps: Vec::new(),
            tokens_survive_advance: false,
            sub_delay_ms: SUB_DELAY_MS,
            low_images: false,
            settlement: Settlement::default(),
            report_readers: BTreeSet::new(),
        }
    }

    /// Notes that the clock is advanced.
    pub fn jumped(&mut self, jump: Jump) {
        if let Some(last) = self.jumps.last_mut()
            && jump.from.duration_since(last.to) <= ONE_JUMP
        {
            last.to = last.to.max(jump.to);
            return;
        }
        self.jumps.push(jump);
        let over = self.jumps.len().saturating_sub(JUMPS);
        self.jumps.drain(..over);
    }

    /// When something takes place that was due at `due`, if its turn comes at `now`: at its own moment
    /// if time was advanced over it; just before time was advanced if it was due then already; else
    /// now. What is due later never takes place earlier.
    pub fn moment_of(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        let ahead = self.jumps.iter().filter(|jump| due <= jump.to);
        let moments = ahead.map(|jump| due.max(jump.from));
        moments.min().map_or(now, |moment| moment.min(now))
    }

    /// Whether payments were ever approved for it; a Login-only unit has none (error 97).
    pub fn takes_payments(&self) -> bool {
        self.products.contains(&Product::Ecom) || self.products.contains(&Product::Recurring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn unit(jumps: &[(i64, i64)]) -> SalesUnit {
        let keys = Keys {
            client_id: String::new(),
            client_secret: String::new(),
            primary: String::new(),
            secondary: String::new(),
        };
        let msn = Msn::try_new("123456").unwrap();
        let mut unit = SalesUnit::new(Environment::Test, msn, OrgNo("1".to_owned()), keys);
        for (from, to) in jumps {
            let (from, to) = (at(*from), at(*to));
            unit.jumped(Jump { from, to });
        }
        unit
    }

    #[test]
    fn what_was_due_takes_place_where_time_was_advanced_over_it() {
        let unit = unit(&[(10, 20), (50, 90)]);
        let rows = [
            // Due before, and not yet done when time was advanced: just before.
            (5, 10),
            (10, 10),
            (15, 15),
            (20, 20),
            (30, 50),
            (70, 70),
            (90, 90),
            // In real time since: whenever its turn comes.
            (91, 100),
        ];
        for (due, moment) in rows {
            assert_eq!(unit.moment_of(at(due), at(100)), at(moment), "{due}");
        }
        assert_eq!(unit.moment_of(at(70), at(60)), at(60), "never ahead of now");
    }

    #[test]
    fn small_steps_are_one_jump() {
        let steps: Vec<_> = (0..720).map(|hour| (hour * 60, hour * 60 + 60)).collect();
        assert_eq!(unit(&steps).jumps, unit(&[(0, 720 * 60)]).jumps);
        let apart: Vec<_> = (0..20).map(|n| (n * 60, n * 60 + 10)).collect();
        assert_eq!(unit(&apart).jumps.len(), JUMPS);
    }
}
