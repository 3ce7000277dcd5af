//! Paying by card, without the app: a form for the card, and the bank's own question (3-D Secure).
//!
//! ```text
//! GET link   card? ──POST number──▶ is it you? ──POST confirm──▶ 303 to the shop
//!              ▲                        └──refused by the bank──┐
//!              └─────────────────────────────────────────────────┘
//! ```
//!
//! Of the form the reference says that it stands alone and that 3-D Secure follows (epayment.md §2.1); it exists in production
//! only, as there are no cards in the test environment. Which cards there are follows from the persons: see `CardNumber`.

use jiff::tz::TimeZone;
use sandkasse_api::Answer;
use sandkasse_domain::{
    Timestamp,
    card_number::CardNumber,
    payment::{Cause, Method, Order},
    person::Person,
};
use sandkasse_engine::{Act, ActRefused, Refused, View};

use super::{Payer, parameter};

/// Whether an order is paid on this page.
pub(super) fn pays(order: &Order) -> bool {
    order.epayment().is_some_and(|it| it.method == Method::Card)
}

/// Why the form is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is looked at.
    First,
    /// What was typed is no card that can pay.
    Wrong,
    /// The bank refused the last one.
    Refused,
}

impl Payer<'_> {
    pub(super) fn card_form(&self, view: &View, asked: Asked) -> Answer {
        let refused = view.payment.open().is_some_and(|it| it.refused.is_some());
        let asked = if refused && asked == Asked::First {
            Asked::Refused
        } else {
            asked
        };
        self.pages
            .card(self.unit, view, &self.link, self.surroundings, asked)
    }

    /// A card, or the word of its holder to the bank.
    pub(super) async fn pay_by_card(&self, body: &[u8], view: &View) -> Result<Answer, Refused> {
        let text = |name| parameter(body, name).unwrap_or_default();
        let typed = text("number");
        let number = CardNumber::read(&typed);
        let Some((number, holder)) = number.and_then(|it| self.holder(it, view)) else {
            return Ok(self.card_form(view, Asked::Wrong));
        };
        if text("confirm").is_empty() {
            if !is_to_come(&text("expiry"), view.now) || !is_code(&text("code")) {
                return Ok(self.card_form(view, Asked::Wrong));
            }
            for act in [Act::Open, Act::EnterThreeDSecure] {
                match self.act(act).await {
                    Ok(()) => {}
                    // Decided meanwhile: the next page says how.
                    Err(Refused::Because(Cause::NotOpen { .. })) => {
                        return Ok(self.pages.on_the_way(&self.link));
                    }
                    Err(refused) => return Err(refused),
                }
            }
            return Ok(self.pages.bank(self.unit, view, &self.link, &typed));
        }
        let open = view.payment.open();
        if !open.is_some_and(|it| it.in_three_d_secure) {
            // Nobody confirms what the bank was not asked: another page of the same payment was faster.
            return Ok(self.card_form(view, Asked::First));
        }
        let engine = &self.platform.engine;
        let place = number.place;
        let approved = engine.approve(self.unit, self.order, &holder.phone, place, None);
        match approved.await {
            // The next page says what came of it.
            Ok(_) | Err(ActRefused::Refused(Refused::Because(Cause::NotOpen { .. }))) => {
                Ok(self.pages.on_the_way(&self.link))
            }
            Err(ActRefused::Refused(Refused::Because(Cause::CannotPay { .. }))) => {
                Ok(self.card_form(view, Asked::Wrong))
            }
            Err(ActRefused::Refused(refused)) => Err(refused),
            Err(
                ActRefused::NoShippingMethods { detail } | ActRefused::BadShippingAnswer { detail },
            ) => Err(Refused::Fault(detail)),
        }
    }

    /// Whoever has a card and may pay. Why not is nobody's business.
    fn holder(&self, number: CardNumber, view: &View) -> Option<(CardNumber, Person)> {
        let engine = &self.platform.engine;
        let holder = engine.payer(self.unit, &number.holder, view.now).ok()?;
        number.card(&holder)?;
        Some((number, Person::clone(&holder)))
    }
}

/// `MM/YY`, of this month or a later one.
fn is_to_come(expiry: &str, now: Timestamp) -> bool {
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
        digits.then(|| text.parse::<i16>().ok()).flatten()
    };
    let Some((month, year)) = expiry.trim().split_once('/') else {
        return false;
    };
    let (Some(month), Some(year)) = (two(month.trim()), two(year.trim())) else {
        return false;
    };
    let today = now.to_zoned(TimeZone::UTC).date();
    let now = (today.year(), i16::from(today.month()));
    (1..=12).contains(&month) && (2000 + year, month) >= now
}

fn is_code(code: &str) -> bool {
    let code = code.trim();
    (3..=4).contains(&code.len()) && code.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_expires_with_its_month() {
        let now: Timestamp = "2023-06-13T12:00:00Z".parse().unwrap();
        for (expiry, fine) in [
            ("06/23", true),
            (" 07 / 23 ", true),
            ("01/24", true),
            ("05/23", false),
            ("12/22", false),
            ("13/30", false),
            ("00/30", false),
            ("6/23", false),
            ("0623", false),
            ("+1/30", false),
            ("", false),
        ] {
            assert_eq!(is_to_come(expiry, now), fine, "{expiry}");
        }
    }
}
