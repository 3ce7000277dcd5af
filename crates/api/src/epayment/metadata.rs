//! `metadata`: the merchant's own pairs.

use super::{EpaymentCause, read::Reading};
use crate::params::Place;

const MOST_PAIRS: usize = 5;
const LONGEST_KEY: usize = 100;
const LONGEST_VALUE: usize = 500;

/// Reads the pairs, in their order. Numbers pass for texts: WooCommerce sends them.
pub(super) fn metadata(reading: &mut Reading, of: &Place<'_>) -> Option<Vec<(String, String)>> {
    let object = reading.shape.object(of, "metadata", false)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let count = object.members().len();
    for (key, _) in object.members().iter() {
        if pairs.iter().any(|(known, _)| known == key) {
            let key = key.to_owned();
            reading.coded(EpaymentCause::MetadataDuplicate { key });
            return None;
        }
        let Some(value) = reading.text(&object, key, false) else {
            continue;
        };
        pairs.push((key.to_owned(), value));
        // Not all of them: there may be a hundred thousand.
        if pairs.len() > MOST_PAIRS {
            reading.coded(EpaymentCause::MetadataCapacity { pairs: count });
            return None;
        }
    }
    let too_long = |text: &str, most: usize| Some(text.chars().count()).filter(|it| *it > most);
    for (key, value) in &pairs {
        let cut = || key.chars().take(LONGEST_KEY).collect::<String>();
        if let Some(length) = too_long(key, LONGEST_KEY) {
            reading.coded(EpaymentCause::MetadataKey { key: cut(), length });
        }
        if let Some(length) = too_long(value, LONGEST_VALUE) {
            reading.coded(EpaymentCause::MetadataValue { key: cut(), length });
        }
    }
    Some(pairs)
}
