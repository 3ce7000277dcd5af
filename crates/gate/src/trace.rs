//! What each check saw: the raw material of every explanation.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The checks, in the order in which they are made (reference: platform.md §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The operation exists.
    Route,
    /// A subscription key was sent.
    SubscriptionKey,
    /// It is alive here and covers the API.
    SubscriptionKeyValid,
    /// The access token is ours, of this environment, and in its time.
    Token,
    /// Token and subscription key are of the same owner.
    SameOwner,
    /// Keys of this kind have a right to this API.
    KindOfKeys,
    /// Not too many calls.
    Rate,
    /// The MSN of the header is the caller's.
    MsnHeader,
    /// The body is JSON of the right types.
    Body,
    /// The MSN of the body is the caller's.
    MsnBody,
    /// Merchant and sales unit are open for payments.
    Standing,
    /// The sales unit was approved for payments.
    Product,
    /// The fields have allowed values.
    Fields,
    /// The business rules.
    Rules,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Step; 14] = [
        Step::Route,
        Step::SubscriptionKey,
        Step::SubscriptionKeyValid,
        Step::Token,
        Step::SameOwner,
        Step::KindOfKeys,
        Step::Rate,
        Step::MsnHeader,
        Step::Body,
        Step::MsnBody,
        Step::Standing,
        Step::Product,
        Step::Fields,
        Step::Rules,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Step::Route => "path and method",
            Step::SubscriptionKey => "subscription key sent",
            Step::SubscriptionKeyValid => "subscription key valid",
            Step::Token => "access token",
            Step::SameOwner => "keys of one owner",
            Step::KindOfKeys => "kind of keys",
            Step::Rate => "calls a minute",
            Step::MsnHeader => "sales unit in the header",
            Step::Body => "body",
            Step::MsnBody => "sales unit in the body",
            Step::Standing => "open for payments",
            Step::Product => "product",
            Step::Fields => "fields",
            Step::Rules => "rules",
        }
    }
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which check.
    pub step: Step,
    /// Whether it let the call pass.
    pub passed: bool,
    /// What it saw. Never a secret.
    pub saw: Cow<'static, str>,
}

/// The checks that were made of one call, in order. The last one failed, or none did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace(Vec<Line>);

impl Trace {
    /// Notes a check that let the call pass.
    pub fn passed(&mut self, step: Step, saw: impl Into<Cow<'static, str>>) {
        self.0.push(Line {
            step,
            passed: true,
            saw: saw.into(),
        });
    }

    /// Notes the check that refused the call.
    pub fn failed(&mut self, step: Step, saw: impl Into<Cow<'static, str>>) {
        self.0.push(Line {
            step,
            passed: false,
            saw: saw.into(),
        });
    }

    /// The lines so far.
    pub fn lines(&self) -> &[Line] {
        &self.0
    }
}
