//! Who shall pay: `customer` of a create call and of a force approve.

use sandkasse_domain::{AsOf, PhoneNumber, phone::BadNumber};

use super::{EpaymentCause, read::Reading};
use crate::params::Place;

/// What stands in a personal QR code before the number: the platform's own, or one of ours.
const PERSONAL_QR: &str = "/28/2/01/031/";

/// A number that somebody has, or what is wrong with it.
pub(super) type Mobile = Result<PhoneNumber, BadNumber>;

/// Reads `customer`; an empty object is none, as official clients send it.
pub(super) fn customer(reading: &mut Reading, of: &Place<'_>, as_of: AsOf) -> Option<Mobile> {
    let customer = reading.shape.object(of, "customer", false)?;
    let today = as_of == AsOf::Today;
    let phone = reading.text(&customer, "phoneNumber", false);
    let qr = today
        .then(|| reading.sized(&customer, "personalQr", false, (5, 255)))
        .flatten();
    // Spelt with a capital from September to December 2023.
    let token = today.then(|| {
        let token = reading.text(&customer, "customerToken", false);
        token.or_else(|| reading.text(&customer, "CustomerToken", false))
    });
    let token = token.flatten();
    let given = [&phone, &qr, &token];
    if given.iter().filter(|it| it.is_some()).count() > 1 {
        reading.shape.fault(
            "customer",
            "Only one of phoneNumber, personalQr and customerToken may be given.",
            "customer.ambiguous",
            "more than one",
        );
        return None;
    }
    if token.is_some() {
        // They come with check-ins, which are not built yet: nobody has one.
        reading.coded(EpaymentCause::CustomerToken);
        return None;
    }
    if let Some(qr) = qr {
        let number = of_personal_qr(&qr);
        if number.is_none() {
            reading.coded(EpaymentCause::PersonalQr);
        }
        return number.map(|number| PhoneNumber::correct(&number));
    }
    let phone = phone?;
    let shortest = if today { 9 } else { 10 };
    let is_msisdn = (shortest..=15).contains(&phone.len()) && digits(&phone);
    if !is_msisdn {
        let received = phone.chars().take(100).collect();
        reading.coded(EpaymentCause::Phone { received });
        return None;
    }
    // Without its country code a number of nine digits is nobody's here.
    Some(match phone.strip_prefix("47") {
        Some(national) if national.len() == 8 => PhoneNumber::correct(national),
        _ => Err(BadNumber::Foreign),
    })
}

/// The number in the whole content of a personal QR code.
fn of_personal_qr(content: &str) -> Option<String> {
    let rest = content
        .strip_prefix("https://")
        .or_else(|| content.strip_prefix("http://"))?;
    let (_, rest) = rest.split_once(PERSONAL_QR)?;
    let number = rest.split(['?', '#']).next().unwrap_or_default();
    (digits(number) && (9..=15).contains(&number.len())).then(|| number.to_owned())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}
