//! `metadata`: the merchant's own pairs. Read from the bytes, because a parsed object has forgotten
//! its order and the keys that stood there twice.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use super::{EpaymentCause, read::Reading};
use crate::params::Place;

const MOST_PAIRS: usize = 5;
const LONGEST_KEY: usize = 100;
const LONGEST_VALUE: usize = 500;

/// Reads the pairs, in their order. Numbers pass for texts: WooCommerce sends them.
pub(super) fn metadata(
    reading: &mut Reading,
    of: &Place<'_>,
    body: &[u8],
) -> Option<Vec<(String, String)>> {
    let object = reading.shape.object(of, "metadata", false)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let keys = keys(body);
    let count = keys.len();
    for key in keys {
        if pairs.iter().any(|(known, _)| *known == key) {
            reading.coded(EpaymentCause::MetadataDuplicate { key });
            return None;
        }
        let Some(value) = reading.text(&object, &key, false) else {
            continue;
        };
        pairs.push((key, value));
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

/// The keys of the last `metadata`, which is the one that counts.
fn keys(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        metadata: Keys,
    }
    // A body in which `metadata` stands twice keeps no order.
    let read = serde_json::from_slice::<Body>(body).map(|body| body.metadata.0);
    read.unwrap_or_else(|_| {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let members = body.get("metadata").and_then(Value::as_object);
        members
            .map(|it| it.keys().cloned().collect())
            .unwrap_or_default()
    })
}

/// The keys of an object, as they come.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        struct AsTheyCome;
        impl<'de> Visitor<'de> for AsTheyCome {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_any(AsTheyCome)
    }
}
