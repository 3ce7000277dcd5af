//! What the pages say, in Norwegian and English.

/// All texts of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) play_money: &'static str,
    pub(crate) pay_to: &'static str,
    pub(crate) plus_shipping: &'static str,
    pub(crate) phone: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) cannot_pay: &'static str,
    pub(crate) waiting_title: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) confirm_with_bank: &'static str,
    pub(crate) card_refused: &'static str,
    pub(crate) card_number: &'static str,
    pub(crate) card_expiry: &'static str,
    pub(crate) card_code: &'static str,
    pub(crate) card_wrong: &'static str,
    pub(crate) card_refused_here: &'static str,
    pub(crate) which_cards: &'static str,
    pub(crate) bank_title: &'static str,
    pub(crate) bank: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) other_number: &'static str,
    pub(crate) no_phone_at_hand: &'static str,
    pub(crate) back_title: &'static str,
    pub(crate) back: &'static str,
    pub(crate) close_title: &'static str,
    pub(crate) close: &'static str,
    pub(crate) expired_title: &'static str,
    pub(crate) expired: &'static str,
    pub(crate) to_shop: &'static str,
    pub(crate) unknown_title: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) failed_title: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) time_left: &'static str,
    pub(crate) ended: &'static str,
    pub(crate) scan: &'static str,
    pub(crate) scan_why: &'static str,
    pub(crate) open_phone: &'static str,
    pub(crate) opens_a_window: &'static str,
    /// The other language: its name in itself, and its tag.
    pub(crate) other_name: &'static str,
    pub(crate) other_language: &'static str,
    pub(crate) decimal_mark: char,
}

static ENGLISH: Words = Words {
    language: "en",
    play_money: "Sandkasse · play money, not a real payment",
    pay_to: "Pay to",
    plus_shipping: "and shipping, which you choose in the app",
    phone: "Phone number",
    go_on: "Continue",
    cancel: "Cancel",
    cannot_pay: "This number cannot pay here. To pay you must have the app and be at least 15 years old. Check the number, or use another one.",
    waiting_title: "Open the app",
    waiting: "The payment waits in the app of this number. This page goes on by itself when it is approved.",
    confirm_with_bank: "The bank asks for one more confirmation in the app.",
    card_refused: "The bank refused the card. Another card can be chosen in the app.",
    card_number: "Card number",
    card_expiry: "Expires (MM/YY)",
    card_code: "Security code",
    card_wrong: "This card cannot pay here. Check what is on it, or use another one.",
    card_refused_here: "The bank refused the card. Try another one.",
    which_cards: "Which cards are there?",
    bank_title: "Your bank asks",
    bank: "Is it you who pays with this card? Nothing is paid before you confirm.",
    confirm: "Confirm",
    other_number: "Use another number",
    no_phone_at_hand: "Or approve from a terminal",
    back_title: "One moment",
    back: "You are on the way back to the shop.",
    close_title: "Done",
    close: "You can close this page.",
    expired_title: "Too late",
    expired: "The time for this payment is over. Nothing was paid. Start again in the shop.",
    to_shop: "Back to the shop",
    unknown_title: "No such payment",
    unknown: "This link belongs to no payment. Start again in the shop.",
    failed_title: "Something went wrong",
    failed: "The payment page failed. Try once more, or start again in the shop.",
    time_left: "Time left",
    ended: "Decided. One moment …",
    scan: "Sitting at a computer?",
    scan_why: "Scan this with the phone, and go on there.",
    open_phone: "Open the phone",
    opens_a_window: "opens in a new window",
    other_name: "Norsk",
    other_language: "nb",
    decimal_mark: '.',
};

static NORWEGIAN: Words = Words {
    language: "nb",
    play_money: "Sandkasse · lekepenger, ingen ekte betaling",
    pay_to: "Betal til",
    plus_shipping: "og frakt, som du velger i appen",
    phone: "Telefonnummer",
    go_on: "Fortsett",
    cancel: "Avbryt",
    cannot_pay: "Dette nummeret kan ikke betale her. For å betale må du ha appen og være minst 15 år. Sjekk nummeret, eller bruk et annet.",
    waiting_title: "Åpne appen",
    waiting: "Betalingen venter i appen til dette nummeret. Siden går videre av seg selv når den er godkjent.",
    confirm_with_bank: "Banken ber om en bekreftelse til i appen.",
    card_refused: "Banken avviste kortet. Du kan velge et annet kort i appen.",
    card_number: "Kortnummer",
    card_expiry: "Utløper (MM/ÅÅ)",
    card_code: "Sikkerhetskode",
    card_wrong: "Dette kortet kan ikke betale her. Sjekk det som står på det, eller bruk et annet.",
    card_refused_here: "Banken avviste kortet. Prøv et annet.",
    which_cards: "Hvilke kort finnes?",
    bank_title: "Banken din spør",
    bank: "Er det du som betaler med dette kortet? Ingenting er betalt før du bekrefter.",
    confirm: "Bekreft",
    other_number: "Bruk et annet nummer",
    no_phone_at_hand: "Eller godkjenn fra et terminalvindu",
    back_title: "Et øyeblikk",
    back: "Du er på vei tilbake til butikken.",
    close_title: "Ferdig",
    close: "Du kan lukke denne siden.",
    expired_title: "For sent",
    expired: "Tiden for denne betalingen er ute. Ingenting er betalt. Start på nytt i butikken.",
    to_shop: "Tilbake til butikken",
    unknown_title: "Ukjent betaling",
    unknown: "Lenken hører ikke til noen betaling. Start på nytt i butikken.",
    failed_title: "Noe gikk galt",
    failed: "Betalingssiden feilet. Prøv en gang til, eller start på nytt i butikken.",
    time_left: "Tid igjen",
    ended: "Avgjort. Et øyeblikk …",
    scan: "Sitter du ved en datamaskin?",
    scan_why: "Skann koden med telefonen, og gå videre der.",
    open_phone: "Åpne telefonen",
    opens_a_window: "åpnes i et nytt vindu",
    other_name: "English",
    other_language: "en",
    decimal_mark: ',',
};

/// The language with this tag, of the two there are.
pub(crate) fn by_name(tag: &str) -> Option<&'static Words> {
    match tag.split('-').next().unwrap_or_default() {
        "nb" | "nn" | "no" => Some(&NORWEGIAN),
        "en" => Some(&ENGLISH),
        _ => None,
    }
}

/// The language that somebody chose, or else the one their browser prefers; English if neither
/// says which.
pub(crate) fn pick(chosen: Option<&str>, accept_language: Option<&str>) -> &'static Words {
    if let Some(words) = chosen.and_then(by_name) {
        return words;
    }
    let mut best = (0.0, &ENGLISH);
    for wish in accept_language.unwrap_or_default().split(',') {
        let mut parts = wish.trim().split(';');
        let tag = parts.next().unwrap_or_default().trim();
        let weight: f32 = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        let Some(words) = by_name(&tag.to_ascii_lowercase()) else {
            continue;
        };
        if weight > best.0 {
            best = (weight, words);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_chooses_the_language() {
        let rows = [
            (None, "en"),
            (Some(""), "en"),
            (Some("nb-NO,nb;q=0.9,en;q=0.5"), "nb"),
            (Some("nn"), "nb"),
            (Some("en-GB,en;q=0.9,no;q=0.8"), "en"),
            (Some("en;q=0.1, NO;q=0.2"), "nb"),
            (Some("de,fr;q=0.9"), "en"),
            (Some("de, no;q=0.1"), "nb"),
            (Some("no;q=x"), "en"),
        ];
        for (header, language) in rows {
            assert_eq!(pick(None, header).language, language, "{header:?}");
        }
        assert_eq!(pick(Some("nb"), Some("en")).language, "nb");
        assert_eq!(pick(Some("xx"), Some("no")).language, "nb");
    }
}
