//! The two languages of the phone. Texts stand in pairs where they are used.

use jiff::Timestamp;
use sandkasse_domain::{
    Currency, Minor,
    consent::Scope,
    payment::{CancelledBy, Payment, Refusal, Reservation, State},
    person::{AddressKind, CannotPay, CardState},
};

use crate::portal::show::sign;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Norwegian,
}

impl Language {
    /// The one somebody chose, or else the one that their browser prefers.
    pub(super) fn pick(chosen: Option<&str>, accept_language: Option<&str>) -> Language {
        match crate::landing::language(chosen, accept_language) {
            "nb" => Language::Norwegian,
            _ => Language::English,
        }
    }

    pub(super) fn tag(self) -> &'static str {
        self.say("en", "nb")
    }

    pub(super) fn other(self) -> Language {
        match self {
            Language::English => Language::Norwegian,
            Language::Norwegian => Language::English,
        }
    }

    /// Its name in itself.
    pub(super) fn name(self) -> &'static str {
        self.say("English", "Norsk")
    }

    /// The one of two texts that is in this language.
    pub(super) fn say<'a>(self, english: &'a str, norwegian: &'a str) -> &'a str {
        match self {
            Language::English => english,
            Language::Norwegian => norwegian,
        }
    }

    pub(super) fn amount(self, amount: Minor, currency: Currency) -> String {
        let units = amount.units();
        let mark = self.say(".", ",");
        let sign = sign(currency);
        format!("{}{mark}{:02} {sign}", units / 100, units % 100)
    }

    pub(super) fn moment(self, at: Timestamp) -> String {
        at.strftime(self.say("%Y-%m-%d %H:%M UTC", "%d.%m.%Y %H:%M UTC"))
            .to_string()
    }

    pub(super) fn scope(self, scope: Scope) -> &'static str {
        match scope {
            Scope::Name => self.say("Your name", "Navnet ditt"),
            Scope::Address => self.say("Your addresses", "Adressene dine"),
            Scope::Email => self.say("Your e-mail address", "E-postadressen din"),
            Scope::PhoneNumber => self.say("Your phone number", "Telefonnummeret ditt"),
            Scope::BirthDate => self.say("Your date of birth", "Fødselsdatoen din"),
            Scope::Nin => self.say(
                "Your national identity number",
                "Fødselsnummeret ditt (elleve siffer)",
            ),
            Scope::AccountNumbers => self.say("Your account numbers", "Kontonumrene dine"),
        }
    }

    pub(super) fn address(self, kind: AddressKind) -> &'static str {
        match kind {
            AddressKind::Home => self.say("Home", "Hjemme"),
            AddressKind::Work => self.say("Work", "Jobb"),
            AddressKind::Other => self.say("Other", "Annen"),
        }
    }

    pub(super) fn card(self, state: CardState) -> &'static str {
        match state {
            CardState::Valid => self.say("valid", "gyldig"),
            CardState::Expired => self.say("expired", "utløpt"),
            CardState::Blocked => self.say("blocked", "sperret"),
            CardState::InsufficientFunds => self.say("no money on it", "ikke dekning"),
        }
    }

    pub(super) fn refusal(self, refusal: Refusal) -> &'static str {
        match refusal {
            Refusal::NoValidCard => self.say("The card is not valid.", "Kortet er ikke gyldig."),
            Refusal::ByIssuer => self.say(
                "The bank refused the payment.",
                "Banken avviste betalingen.",
            ),
            Refusal::InvalidAmount => self.say(
                "The bank does not accept this amount.",
                "Banken godtar ikke dette beløpet.",
            ),
            Refusal::ExpiredCard => self.say("The card has expired.", "Kortet er utløpt."),
            Refusal::ReasonUnknown => self.say(
                "The confirmation with the bank was denied.",
                "Bekreftelsen hos banken ble avslått.",
            ),
        }
    }

    pub(super) fn cannot_pay(self, reason: CannotPay) -> &'static str {
        match reason {
            CannotPay::Number(_) | CannotPay::Unknown => {
                self.say("Nobody has this number", "Ingen har dette nummeret")
            }
            CannotPay::TooYoung => self.say("Younger than 15", "Under 15 år"),
            CannotPay::Blocked => self.say("The profile is blocked", "Profilen er sperret"),
            CannotPay::BelowMinimumAge => {
                self.say("Too young for this purchase", "For ung til dette kjøpet")
            }
            CannotPay::LimitReached => self.say(
                "The spending limit is used up",
                "Beløpsgrensen er brukt opp",
            ),
            CannotPay::NeverLoggedIn => self.say(
                "Has never logged in to the app",
                "Har aldri logget inn i appen",
            ),
        }
    }

    /// What became of a payment, for the one who pays, and whether it is good, bad or neither.
    pub(super) fn outcome(self, payment: &Payment) -> (&'static str, &'static str) {
        match &payment.state {
            State::Initiated(_) => (self.say("Waiting for you", "Venter på deg"), "info"),
            State::OutcomeUnknown { .. } => (
                self.say(
                    "The bank has not answered yet",
                    "Banken har ikke svart ennå",
                ),
                "warn",
            ),
            State::Reserved(reservation) => self.reserved(reservation),
            State::Voided { .. } => (
                self.say("Cancelled by the shop", "Kansellert av butikken"),
                "",
            ),
            State::Failed { .. } => (self.say("Refused by the bank", "Avvist av banken"), "bad"),
            State::Cancelled { by, .. } => match by {
                CancelledBy::Payer => (self.say("You rejected it", "Du avslo"), ""),
                CancelledBy::LandingPage => (
                    self.say("Cancelled on the payment page", "Avbrutt på betalingssiden"),
                    "",
                ),
                CancelledBy::Merchant => (
                    self.say("Cancelled by the shop", "Kansellert av butikken"),
                    "",
                ),
                CancelledBy::Timeout => (self.say("Expired", "Utløpt"), "warn"),
            },
        }
    }

    fn reserved(self, reservation: &Reservation) -> (&'static str, &'static str) {
        if reservation.captured.is_zero() {
            (self.say("Reserved", "Reservert"), "good")
        } else if reservation.refunded.is_zero() {
            (self.say("Paid", "Betalt"), "good")
        } else if reservation.remaining_to_refund().is_zero() {
            (self.say("Refunded", "Refundert"), "info")
        } else {
            (self.say("Partly refunded", "Delvis refundert"), "info")
        }
    }
}
