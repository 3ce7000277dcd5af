//! Numbers of the outside world, made up but well-formed: organisations, people, telephones.

use jiff::civil::Date;
use sandkasse_domain::{PhoneNumber, merchant::OrgNo};
use sandkasse_engine::Chance;

/// A Norwegian organisation number that starts with 3, as synthetic ones do.
pub(crate) fn orgno(chance: &Chance) -> OrgNo {
    loop {
        let first = format!("3{:07}", chance.below(10_000_000));
        if let Some(check) = check_digit(&first, &[3, 2, 7, 6, 5, 4, 3, 2]) {
            return OrgNo(format!("{first}{check}"));
        }
    }
}

/// A national identity number for somebody born that day. 80 is added to the month, so that it can
/// be nobody's.
pub(crate) fn nin(birthdate: Date, chance: &Chance) -> String {
    loop {
        let first = format!(
            "{:02}{:02}{:02}{:03}",
            birthdate.day(),
            birthdate.month() + 80,
            birthdate.year().rem_euclid(100),
            chance.below(1000)
        );
        let Some(one) = check_digit(&first, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) else {
            continue;
        };
        let ten = format!("{first}{one}");
        if let Some(two) = check_digit(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) {
            return format!("{ten}{two}");
        }
    }
}

/// A mobile number: 4 or 9, then seven digits.
pub(crate) fn phone(chance: &Chance) -> PhoneNumber {
    let first = if chance.below(2) == 0 { '4' } else { '9' };
    let rest = chance.below(10_000_000);
    PhoneNumber::try_new(&format!("{first}{rest:07}")).expect("eight digits")
}

/// Modulus 11; `None` where no digit fits.
fn check_digit(digits: &str, weights: &[u32]) -> Option<u32> {
    let sum: u32 = digits
        .bytes()
        .zip(weights)
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    match sum % 11 {
        0 => Some(0),
        1 => None,
        rest => Some(11 - rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_well_formed() {
        // The organisation number of Brønnøysundregistrene itself.
        assert_eq!(check_digit("97476067", &[3, 2, 7, 6, 5, 4, 3, 2]), Some(3));
        let chance = Chance::seeded(1);
        for _ in 0..200 {
            assert_eq!(orgno(&chance).0.len(), 9);
            assert!(phone(&chance).as_str().starts_with(['4', '9']));
            let nin = nin(jiff::civil::date(1990, 12, 31), &chance);
            assert_eq!((nin.len(), &nin[..6]), (11, "319290"));
        }
    }
}
