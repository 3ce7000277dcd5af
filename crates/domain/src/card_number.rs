//! Numbers of the cards that persons have, for the page where is paid without the app.
//!
//! No document tells of numbers to try, so these are ours: the card's first six digits, its holder's telephone number, its
//! place among the holder's cards, and a check digit that is wrong on purpose. So no card of this world has such a number, and
//! a real one that somebody types is refused unseen.

use crate::{
    PhoneNumber,
    person::{Card, Person},
};

/// By how much the last digit is wrong.
const OFF: u32 = 5;

/// What a number says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardNumber {
    /// Its first six digits.
    pub bin: u32,
    /// Whose it is.
    pub holder: PhoneNumber,
    /// Which of the holder's cards, counted from 0.
    pub place: usize,
}

impl CardNumber {
    /// Reads sixteen digits, with or without blanks between them. `None`: it is no number of ours.
    ///
    /// ```
    /// use sandkasse_domain::card_number::CardNumber;
    /// let number = CardNumber::read("4925 5691 2345 6702").expect("one of ours");
    /// assert_eq!((number.bin, number.holder.as_str(), number.place), (492_556, "91234567", 0));
    /// assert_eq!(CardNumber::read("4925 5691 2345 6707"), None);
    /// ```
    pub fn read(text: &str) -> Option<CardNumber> {
        let digits: String = text.chars().filter(|it| !matches!(it, ' ' | '-')).collect();
        let is_number = digits.len() == 16 && digits.bytes().all(|it| it.is_ascii_digit());
        let (most, last) = digits.split_at_checked(15).filter(|_| is_number)?;
        if last != check_digit(most).to_string() {
            return None;
        }
        Some(CardNumber {
            bin: most.get(..6)?.parse().ok()?,
            holder: PhoneNumber::try_new(most.get(6..14)?)?,
            place: most.get(14..)?.parse().ok()?,
        })
    }

    /// The card of this number, if its holder has it.
    pub fn card<'a>(&self, holder: &'a Person) -> Option<&'a Card> {
        let card = holder.cards.get(self.place)?;
        (card.bin == self.bin && holder.phone == self.holder).then_some(card)
    }

    /// The numbers of a person's cards, in their order.
    pub fn all_of(person: &Person) -> Vec<String> {
        let cards = person.cards.iter().take(10).enumerate();
        let number = |(place, card): (usize, &Card)| {
            let most = format!("{:06}{}{place}", card.bin, person.phone);
            format!("{most}{}", check_digit(&most))
        };
        cards.map(number).collect()
    }
}

/// The digit of Luhn behind fifteen others, and then [`OFF`].
fn check_digit(most: &str) -> u32 {
    let digits = most.chars().filter_map(|it| it.to_digit(10));
    let sum: u32 = digits
        .zip([true, false].into_iter().cycle())
        .map(|(digit, twice)| match digit * 2 {
            _ if !twice => digit,
            more @ 0..=9 => more,
            more => more - 9,
        })
        .sum();
    (10 - sum % 10 + OFF) % 10
}
