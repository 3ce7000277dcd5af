//! Amounts of money.

use serde::{Deserialize, Serialize};

/// An amount in minor units: øre, 100 to the krone. Never negative.
///
/// ```
/// use sandkasse_domain::Minor;
/// let price = Minor::try_new(499_00).expect("not negative");
/// assert_eq!(price.minus(Minor::ZERO), price);
/// assert_eq!(Minor::try_new(-1), None);
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Minor(i64);

impl Minor {
    /// Nothing.
    pub const ZERO: Minor = Minor(0);
    /// The least that is something.
    pub const LEAST: Minor = Minor(1);
    /// The least that can be paid: 1 krone.
    pub const LEAST_PAYMENT: Minor = Minor(100);
    /// The most that can be paid: the platform counts in 32 bits, signed.
    pub const GREATEST_PAYMENT: Minor = Minor(i32::MAX as i64);

    /// `None` when negative.
    pub fn try_new(minor_units: i64) -> Option<Minor> {
        (minor_units >= 0).then_some(Minor(minor_units))
    }

    /// The number of minor units.
    pub fn units(self) -> i64 {
        self.0
    }

    /// Whether this is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum. Amounts are bounded by 32 bits each, so a sum of them cannot overflow in practice;
    /// it saturates should it ever.
    #[must_use]
    pub fn plus(self, other: Minor) -> Minor {
        Minor(self.0.saturating_add(other.0))
    }

    /// The difference, nothing when `other` is greater.
    #[must_use]
    pub fn minus(self, other: Minor) -> Minor {
        Minor(self.0.saturating_sub(other.0).max(0))
    }
}

/// What an amount counts. eCom knows kroner only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the codes are ISO 4217")]
pub enum Currency {
    #[default]
    Nok,
    Dkk,
    Eur,
    Sek,
    Usd,
    Gbp,
}

impl Currency {
    /// All that ePayment ever took, in the order in which it took them.
    pub const ALL: [Currency; 6] = [
        Currency::Nok,
        Currency::Dkk,
        Currency::Eur,
        Currency::Sek,
        Currency::Usd,
        Currency::Gbp,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Nok => "NOK",
            Currency::Dkk => "DKK",
            Currency::Eur => "EUR",
            Currency::Sek => "SEK",
            Currency::Usd => "USD",
            Currency::Gbp => "GBP",
        }
    }

    /// Whether sales units of a country take it; the others are for cards alone.
    pub fn is_of_a_country(self) -> bool {
        matches!(self, Currency::Nok | Currency::Dkk | Currency::Eur)
    }

    /// The least that can be paid, in minor units (reference: epayment.md §2.1).
    pub fn least_payment(self) -> Minor {
        match self {
            Currency::Nok | Currency::Sek => Minor::LEAST_PAYMENT,
            Currency::Dkk | Currency::Eur | Currency::Usd | Currency::Gbp => Minor(1),
        }
    }
}

impl From<Minor> for i64 {
    fn from(amount: Minor) -> i64 {
        amount.0
    }
}

impl TryFrom<i64> for Minor {
    type Error = &'static str;

    fn try_from(minor_units: i64) -> Result<Minor, Self::Error> {
        Minor::try_new(minor_units).ok_or("an amount is never negative")
    }
}

impl std::iter::Sum for Minor {
    fn sum<I: Iterator<Item = Minor>>(amounts: I) -> Minor {
        amounts.fold(Minor::ZERO, Minor::plus)
    }
}

/// `499.00`, as people read it.
impl std::fmt::Display for Minor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_words() {
        let minor = |units| Minor::try_new(units).unwrap();
        let sum: Minor = [1, 20, 300].into_iter().map(minor).sum();
        assert_eq!(sum, minor(321));
        for (units, words) in [(0, "0.00"), (7, "0.07"), (49_900, "499.00"), (321, "3.21")] {
            assert_eq!(minor(units).to_string(), words);
        }
    }
    /// Reference: epayment.md §2.1.
    #[test]
    fn currencies_and_the_least_of_each() {
        for (currency, code, of_a_country, least) in [
            (Currency::Nok, "NOK", true, 100),
            (Currency::Dkk, "DKK", true, 1),
            (Currency::Eur, "EUR", true, 1),
            (Currency::Sek, "SEK", false, 100),
            (Currency::Usd, "USD", false, 1),
            (Currency::Gbp, "GBP", false, 1),
        ] {
            assert_eq!(currency.code(), code);
            assert_eq!(currency.is_of_a_country(), of_a_country, "{code}");
            assert_eq!(currency.least_payment().units(), least, "{code}");
        }
    }
}
