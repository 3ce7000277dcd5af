//! What can go wrong on demand, and how it is called.

use sandkasse_domain::payment::{Operation, Refusal};
use serde::{Deserialize, Serialize};

/// The longest answer that is held back: ten minutes.
pub const MAX_SLOW_MS: u32 = 600_000;
/// How long an answer is held back when nobody says how long.
pub const USUAL_SLOW_MS: u32 = 3000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The test environment's weak database: nothing is stored, and the same call again is fine.
    SqlGlitch,
    /// The platform fails, and it is not the caller's fault.
    InternalError,
    /// 502.
    BadGateway,
    /// 503.
    Unavailable,
    /// Another operation holds the order.
    OrderLocked,
    /// The caller has too many calls in flight.
    TooManyConcurrent,
    /// The right answer, late.
    Slow {
        /// How late.
        ms: u32,
    },
    /// The connection is closed: nothing is done and nothing answered.
    Drop,
    /// All is done, and then the connection is closed without the answer.
    LostAnswer,
    /// The bank says no. The payment remembers it.
    Bank(BankFault),
}

/// What a bank does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BankFault {
    /// Reserve.
    Reserve(Refusal),
    /// Pay what is reserved.
    Capture,
    /// Let a reservation go.
    Cancel,
    /// Debit the merchant's settlement account.
    Refund,
}

/// What is called: an operation of a merchant API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// On a payment. An approval is also one in the app.
    Payment(Operation),
    /// An access token is fetched.
    Token,
    /// Personal data is read.
    Userinfo,
    /// A webhook is registered, listed or deleted.
    Webhooks,
    /// Something is told of an order, or read.
    OrderManagement,
    /// A QR code is made, or read.
    Qr,
    /// A ledger is read.
    Report,
    /// A session is made, or read.
    Checkout,
}

/// Why something is no fault that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFault {
    /// No kind has this name.
    #[error("there is no fault `{0}`; there are {names}", names = Fault::NAMES.join(", "))]
    Kind(String),
    /// A code that is none, or has no meaning for this kind.
    #[error("`code` is 41, 42, 43, 44 or 45, and goes with issuer-refuses only")]
    Code,
    /// Milliseconds that are too many, or have no meaning for this kind.
    #[error("`ms` is at most {MAX_SLOW_MS}, and goes with slow only")]
    Milliseconds,
    /// Something else than `code` and `ms` follows the kind.
    #[error("`{0}` is neither `code=…` nor `ms=…`")]
    Parameter(String),
}

impl Fault {
    /// The names of all kinds.
    pub const NAMES: [&str; 13] = [
        "sql-glitch",
        "internal-error",
        "outage-502",
        "outage-503",
        "order-locked",
        "too-many-concurrent",
        "slow",
        "drop",
        "lost-answer",
        "issuer-refuses",
        "capture-refused",
        "cancel-refused",
        "refund-refused",
    ];

    /// The fault of a name; `code` and `ms` only where they mean something.
    pub fn of(kind: &str, code: Option<u16>, ms: Option<u32>) -> Result<Fault, BadFault> {
        let fault = match kind {
            "sql-glitch" => Fault::SqlGlitch,
            "internal-error" => Fault::InternalError,
            "outage-502" => Fault::BadGateway,
            "outage-503" => Fault::Unavailable,
            "order-locked" => Fault::OrderLocked,
            "too-many-concurrent" => Fault::TooManyConcurrent,
            "slow" => Fault::Slow {
                ms: ms.unwrap_or(USUAL_SLOW_MS),
            },
            "drop" => Fault::Drop,
            "lost-answer" => Fault::LostAnswer,
            "issuer-refuses" => Fault::Bank(BankFault::Reserve(match code {
                Some(41) => Refusal::NoValidCard,
                Some(42) | None => Refusal::ByIssuer,
                Some(43) => Refusal::InvalidAmount,
                Some(44) => Refusal::ExpiredCard,
                Some(45) => Refusal::ReasonUnknown,
                Some(_) => return Err(BadFault::Code),
            })),
            "capture-refused" => Fault::Bank(BankFault::Capture),
            "cancel-refused" => Fault::Bank(BankFault::Cancel),
            "refund-refused" => Fault::Bank(BankFault::Refund),
            unknown => return Err(BadFault::Kind(unknown.to_owned())),
        };
        if code.is_some() && fault.code().is_none() {
            return Err(BadFault::Code);
        }
        if ms.is_some_and(|ms| ms > MAX_SLOW_MS) || (ms.is_some() && fault.ms().is_none()) {
            return Err(BadFault::Milliseconds);
        }
        Ok(fault)
    }

    /// Reads `issuer-refuses; code=42` or `slow; ms=3000`.
    pub fn parse(text: &str) -> Result<Fault, BadFault> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let (mut code, mut ms) = (None, None);
        for part in parts.filter(|part| !part.is_empty()) {
            match part.split_once('=').map(|(name, it)| (name.trim(), it)) {
                Some(("code", it)) => {
                    code = Some(it.trim().parse().map_err(|_| BadFault::Code)?);
                }
                Some(("ms", it)) => {
                    ms = Some(it.trim().parse().map_err(|_| BadFault::Milliseconds)?);
                }
                Some(_) | None => return Err(BadFault::Parameter(part.to_owned())),
            }
        }
        Fault::of(kind, code, ms)
    }

    /// What [`Fault::of`] knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Fault::SqlGlitch => "sql-glitch",
            Fault::InternalError => "internal-error",
            Fault::BadGateway => "outage-502",
            Fault::Unavailable => "outage-503",
            Fault::OrderLocked => "order-locked",
            Fault::TooManyConcurrent => "too-many-concurrent",
            Fault::Slow { .. } => "slow",
            Fault::Drop => "drop",
            Fault::LostAnswer => "lost-answer",
            Fault::Bank(BankFault::Reserve(_)) => "issuer-refuses",
            Fault::Bank(BankFault::Capture) => "capture-refused",
            Fault::Bank(BankFault::Cancel) => "cancel-refused",
            Fault::Bank(BankFault::Refund) => "refund-refused",
        }
    }

    /// The code of the refusal, if it is one by the issuer.
    pub fn code(self) -> Option<u16> {
        let Fault::Bank(BankFault::Reserve(refusal)) = self else {
            return None;
        };
        Some(match refusal {
            Refusal::NoValidCard => 41,
            Refusal::ByIssuer => 42,
            Refusal::InvalidAmount => 43,
            Refusal::ExpiredCard => 44,
            Refusal::ReasonUnknown => 45,
        })
    }

    /// How late, if it is only late.
    pub fn ms(self) -> Option<u32> {
        if let Fault::Slow { ms } = self {
            Some(ms)
        } else {
            None
        }
    }

    /// Whether it can happen to this operation.
    pub fn fits(self, target: Target) -> bool {
        match self {
            Fault::SqlGlitch
            | Fault::InternalError
            | Fault::BadGateway
            | Fault::Unavailable
            | Fault::TooManyConcurrent
            | Fault::Slow { .. }
            | Fault::Drop
            | Fault::LostAnswer => true,
            Fault::OrderLocked => matches!(target, Target::Payment(_)),
            Fault::Bank(bank) => target == Target::Payment(bank.operation()),
        }
    }

    /// Whether it can happen to a call of which nothing is known yet.
    pub(super) fn is_blind(self) -> bool {
        match self {
            Fault::BadGateway | Fault::Unavailable | Fault::Slow { .. } | Fault::Drop => true,
            Fault::SqlGlitch
            | Fault::InternalError
            | Fault::OrderLocked
            | Fault::TooManyConcurrent
            | Fault::LostAnswer
            | Fault::Bank(_) => false,
        }
    }
}

impl BankFault {
    fn operation(self) -> Operation {
        match self {
            BankFault::Reserve(_) => Operation::Approve,
            BankFault::Capture => Operation::Capture,
            BankFault::Cancel => Operation::Cancel,
            BankFault::Refund => Operation::Refund,
        }
    }
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 14] = [
        Target::Payment(Operation::Initiate),
        Target::Payment(Operation::Capture),
        Target::Payment(Operation::Cancel),
        Target::Payment(Operation::Refund),
        Target::Payment(Operation::Details),
        Target::Payment(Operation::Status),
        Target::Payment(Operation::Approve),
        Target::Token,
        Target::Userinfo,
        Target::Webhooks,
        Target::OrderManagement,
        Target::Qr,
        Target::Report,
        Target::Checkout,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Target::Payment(operation) => operation.name(),
            Target::Token => "token",
            Target::Userinfo => "userinfo",
            Target::Webhooks => "webhooks",
            Target::OrderManagement => "order-management",
            Target::Qr => "qr",
            Target::Report => "report",
            Target::Checkout => "checkout",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|target| target.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_faults_and_back() {
        for name in Fault::NAMES {
            assert_eq!(Fault::of(name, None, None).unwrap().name(), name);
        }
        for target in Target::ALL {
            assert_eq!(Target::parse(target.name()), Some(target));
        }
        for code in 41..=45 {
            let fault = Fault::of("issuer-refuses", Some(code), None).unwrap();
            assert_eq!(fault.code(), Some(code));
        }
    }

    #[test]
    fn headers_are_read_with_or_without_blanks() {
        let slow = |ms| Ok(Fault::Slow { ms });
        for (text, read) in [
            ("slow", slow(USUAL_SLOW_MS)),
            ("slow;ms=5", slow(5)),
            (" slow ; ms = 5 ;", slow(5)),
            ("slow; ms=600000", slow(600_000)),
            ("slow; ms=600001", Err(BadFault::Milliseconds)),
            ("slow; ms=-1", Err(BadFault::Milliseconds)),
            ("drop; ms=5", Err(BadFault::Milliseconds)),
            ("drop", Ok(Fault::Drop)),
            (
                "issuer-refuses; code=44",
                Ok(Fault::Bank(BankFault::Reserve(Refusal::ExpiredCard))),
            ),
            ("issuer-refuses; code=46", Err(BadFault::Code)),
            ("issuer-refuses; code=x", Err(BadFault::Code)),
            ("capture-refused; code=42", Err(BadFault::Code)),
            ("drop; now", Err(BadFault::Parameter("now".to_owned()))),
            ("Drop", Err(BadFault::Kind("Drop".to_owned()))),
            ("", Err(BadFault::Kind(String::new()))),
        ] {
            assert_eq!(Fault::parse(text), read, "{text}");
        }
    }
}
