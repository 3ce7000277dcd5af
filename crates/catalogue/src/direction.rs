//! Stage directions: what happened before the request of a page. One line, one thing; the list
//! with examples is in `catalogue/README.md`. Who plays them matches all of them, without `_`.

use sandkasse_domain::{
    Minor,
    keys::KeyName,
    merchant::Standing,
    sales_unit::{CaptureType, Product, SalesUnit, UrlPolicy},
};

/// A line of `given`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum Direction<'a> {
    /// Everything plays in production. Comes first.
    InProduction,
    /// The installation closes test units that nobody used for a year. Comes first.
    UnitsIdleAway,
    /// A payment is initiated.
    Initiated {
        order: &'a str,
        amount: i64,
        how: How<'a>,
    },
    /// Initiated, and approved in the app.
    Reserved { order: &'a str, amount: i64 },
    /// The payer approves in the app what is initiated.
    Approved { order: &'a str },
    /// Captured, perhaps under an idempotency key.
    Captured {
        order: &'a str,
        amount: i64,
        key: Option<&'a str>,
    },
    /// Refunded, perhaps under an idempotency key.
    Refunded {
        order: &'a str,
        amount: i64,
        key: Option<&'a str>,
    },
    /// The reservation was let go.
    Cancelled { order: &'a str },
    /// What was not captured was let go.
    Released { order: &'a str },
    /// A capture has begun, and does not end before the request.
    CaptureRunning { order: &'a str, amount: i64 },
    /// The payer is at the bank's 3-D Secure page.
    BankAsks { order: &'a str },
    /// The payer's default card stops working.
    BankBlocksCard,
    /// A payment in which the payer shared this.
    Shared {
        order: &'a str,
        scopes: Vec<&'a str>,
    },
    /// Time passes.
    Pass { seconds: i64 },
    /// The sales unit is another.
    Unit(UnitTrait),
    /// The merchant stands otherwise.
    Merchant(Standing),
    /// The Business register has deleted the merchant.
    RegisterDeleted,
    /// The merchant has another form of organisation.
    RegisterFormChanged,
    /// The partner's keys work for payments no more.
    PartnerDeactivated,
    /// The sales unit has no partner any more.
    PartnerUnlinked,
    /// The sales unit has another partner.
    PartnerChanged,
    /// One of the partner's keys is another.
    PartnerRegenerated(KeyName),
    /// One of the sales unit's keys is another.
    Regenerated(KeyName),
    /// A token is fetched and kept; some of its values are those of these placeholders.
    TokenFetched { with: Vec<&'a str> },
    /// This very request was sent so often before.
    Sent { times: u32 },
    /// Nothing can be stored any more.
    StoreBroken,
}

/// How a payment is initiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How<'a> {
    /// As usual.
    Plainly,
    /// By the sales unit of this prefix.
    At(&'a str),
    /// As express checkout.
    AsExpress,
    /// Without a landing page.
    WithoutLandingPage,
    /// By ePayment.
    ByEpayment,
}

/// What makes a sales unit another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitTrait {
    /// Its merchant closed it.
    Deactivated,
    /// It has Login and nothing else.
    LoginOnly,
    /// It has no Login.
    WithoutLogin,
    /// It has Checkout.
    WithCheckout,
    /// It has Recurring and nothing else.
    RecurringOnly,
    /// It captures at approval.
    Direct,
    /// It must capture all at once.
    WithoutPartialCapture,
    /// It may not use ePayment's express.
    WithoutExpress,
    /// Its payments may live long.
    LongLiving,
    /// Its URLs are judged as the real platform does.
    Strict,
    /// Nothing is left for refunds.
    PaidOut,
    /// It receives at most so much.
    ReceivesAtMost(Minor),
    /// It asks for at most so much.
    RequestsAtMost(Minor),
}

impl<'a> Direction<'a> {
    /// Reads a line; `None` when it is no direction.
    pub fn parse(line: &'a str) -> Option<Direction<'a>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |text: &str| text.parse::<i64>().ok();
        Some(match *words.as_slice() {
            ["in", "production"] => Direction::InProduction,
            ["test", "units", "idle", "away"] => Direction::UnitsIdleAway,
            ["initiated", order, amount, ref how @ ..] => Direction::Initiated {
                order,
                amount: number(amount)?,
                how: match *how {
                    [] => How::Plainly,
                    ["at", unit] => How::At(unit),
                    ["as", "express"] => How::AsExpress,
                    ["without", "landing", "page"] => How::WithoutLandingPage,
                    ["by", "epayment"] => How::ByEpayment,
                    _ => return None,
                },
            },
            ["reserved", order, amount] => Direction::Reserved {
                order,
                amount: number(amount)?,
            },
            ["approved", order] => Direction::Approved { order },
            ["captured", order, amount, ref key @ ..] => Direction::Captured {
                order,
                amount: number(amount)?,
                key: under(key)?,
            },
            ["refunded", order, amount, ref key @ ..] => Direction::Refunded {
                order,
                amount: number(amount)?,
                key: under(key)?,
            },
            ["cancelled", order] => Direction::Cancelled { order },
            ["released", order] => Direction::Released { order },
            ["capture", "running", order, amount] => Direction::CaptureRunning {
                order,
                amount: number(amount)?,
            },
            ["bank", "asks", order] => Direction::BankAsks { order },
            ["bank", "blocks", "card"] => Direction::BankBlocksCard,
            ["shared", order, ref scopes @ ..] if !scopes.is_empty() => Direction::Shared {
                order,
                scopes: scopes.to_vec(),
            },
            ["pass", time] => Direction::Pass {
                seconds: seconds(time)?,
            },
            ["unit", ref traits @ ..] => Direction::Unit(UnitTrait::parse(traits)?),
            ["merchant", standing] => Direction::Merchant(match standing {
                "blocked" => Standing::Blocked,
                "unsigned" => Standing::Unsigned,
                "deactivated" => Standing::Deactivated,
                "unconfirmed" => Standing::Unconfirmed,
                _ => return None,
            }),
            ["register", "deleted"] => Direction::RegisterDeleted,
            ["register", "form", "changed"] => Direction::RegisterFormChanged,
            ["partner", "deactivated"] => Direction::PartnerDeactivated,
            ["partner", "unlinked"] => Direction::PartnerUnlinked,
            ["partner", "changed"] => Direction::PartnerChanged,
            ["partner", "regenerated", key] => Direction::PartnerRegenerated(key_name(key)?),
            ["regenerated", key] => Direction::Regenerated(key_name(key)?),
            ["token", "fetched"] => Direction::TokenFetched { with: Vec::new() },
            ["token", "fetched", "with", ref names @ ..] => Direction::TokenFetched {
                with: names.to_vec(),
            },
            ["sent", times, "times"] => Direction::Sent {
                times: times.parse().ok()?,
            },
            ["store", "broken"] => Direction::StoreBroken,
            _ => return None,
        })
    }
}

impl UnitTrait {
    fn parse(words: &[&str]) -> Option<UnitTrait> {
        let amount = |text: &str| text.parse().ok().and_then(Minor::try_new);
        Some(match *words {
            ["deactivated"] => UnitTrait::Deactivated,
            ["login-only"] => UnitTrait::LoginOnly,
            ["without", "login"] => UnitTrait::WithoutLogin,
            ["with", "checkout"] => UnitTrait::WithCheckout,
            ["recurring-only"] => UnitTrait::RecurringOnly,
            ["direct"] => UnitTrait::Direct,
            ["without", "partial", "capture"] => UnitTrait::WithoutPartialCapture,
            ["without", "express"] => UnitTrait::WithoutExpress,
            ["long-living"] => UnitTrait::LongLiving,
            ["strict"] => UnitTrait::Strict,
            ["paid", "out"] => UnitTrait::PaidOut,
            ["receives", "at", "most", it] => UnitTrait::ReceivesAtMost(amount(it)?),
            ["requests", "at", "most", it] => UnitTrait::RequestsAtMost(amount(it)?),
            _ => return None,
        })
    }

    /// Makes a sales unit one of these. Who closed it, and when, is for the stage to say.
    pub fn apply(self, unit: &mut SalesUnit, closed: sandkasse_domain::sales_unit::UnitState) {
        match self {
            UnitTrait::Deactivated => unit.state = closed,
            UnitTrait::LoginOnly => unit.products = [Product::Login].into(),
            UnitTrait::WithCheckout => drop(unit.products.insert(Product::Checkout)),
            UnitTrait::WithoutLogin => unit.products.retain(|it| *it != Product::Login),
            UnitTrait::RecurringOnly => unit.products = [Product::Recurring].into(),
            UnitTrait::WithoutPartialCapture => unit.partial_capture = false,
            UnitTrait::WithoutExpress => unit.express = false,
            UnitTrait::LongLiving => unit.long_living = true,
            UnitTrait::Direct => unit.capture = CaptureType::Direct,
            UnitTrait::Strict => unit.url_policy = UrlPolicy::Strict,
            UnitTrait::PaidOut => {
                unit.limits.overdraft = Some(Minor::ZERO);
                // All of the hundred kroner that plays capture.
                unit.limits.paid_out = Minor::try_new(10_000).unwrap_or(Minor::ZERO);
            }
            UnitTrait::ReceivesAtMost(amount) => unit.limits.receive = Some(amount),
            UnitTrait::RequestsAtMost(amount) => unit.limits.request = Some(amount),
        }
    }
}

/// Nothing, or `under` and an idempotency key.
fn under<'a>(words: &[&'a str]) -> Option<Option<&'a str>> {
    match *words {
        [] => Some(None),
        ["under", key] => Some(Some(key)),
        _ => None,
    }
}

fn key_name(text: &str) -> Option<KeyName> {
    Some(match text {
        "client_secret" => KeyName::ClientSecret,
        "primary" => KeyName::PrimarySubscriptionKey,
        "secondary" => KeyName::SecondarySubscriptionKey,
        _ => return None,
    })
}

/// `181d`, `7h`, `5m`, `30s`.
fn seconds(text: &str) -> Option<i64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = count.parse().ok()?;
    let unit = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return None,
    };
    count.checked_mul(unit)
}
