//! Texts of the program that are written down and read back.

use std::{collections::HashSet, fmt, ops::Deref, sync::Mutex};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The program itself has some hundreds; more come from a file that something else wrote.
const MOST: usize = 4096;

static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// A text that the program has: an id, the name of an operation. It can be written down; each that
/// is read back is kept once, for ever, so reading more than some thousand different ones fails.
///
/// ```
/// use sandkasse_domain::Known;
/// let id: Known = serde_json::from_str(r#""json.depth""#).unwrap();
/// assert_eq!(id, Known("json.depth"));
/// assert_eq!(id.0, "json.depth");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Known(pub &'static str);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Known, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut texts = TEXTS
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let texts = texts.get_or_insert_default();
        if let Some(text) = texts.get(text.as_str()) {
            return Ok(Known(text));
        }
        if texts.len() >= MOST {
            return Err(D::Error::custom("too many different texts"));
        }
        let text: &'static str = Box::leak(text.into_boxed_str());
        texts.insert(text);
        Ok(Known(text))
    }
}

impl From<&'static str> for Known {
    fn from(text: &'static str) -> Known {
        Known(text)
    }
}

impl Deref for Known {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
