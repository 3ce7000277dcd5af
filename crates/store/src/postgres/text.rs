//! Texts as PostgreSQL takes them.
//!
//! A text of PostgreSQL holds no NUL, one of ours may. So NUL and U+0001 become two characters each,
//! such that the order of the bytes and what starts with what stay as they are. JSON has neither as
//! a raw character, so bodies look in the database as they are.

use std::borrow::Cow;

const MARK: char = '\u{1}';
const NUL: char = '\u{1}';
const ONE: char = '\u{2}';

/// The text for a column.
pub(super) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => out.extend([MARK, NUL]),
            MARK => out.extend([MARK, ONE]),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The text from a column. `None` if [`stored`] never makes it.
pub(super) fn told(text: String) -> Option<String> {
    if !text.contains(MARK) {
        return Some(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            MARK => match characters.next()? {
                NUL => out.push('\0'),
                ONE => out.push(MARK),
                _ => return None,
            },
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_order_and_their_beginnings() {
        let texts = [
            "",
            "\0",
            "\0\0",
            "\0\u{1}",
            "\u{1}",
            "\u{1}\0",
            "\u{1}\u{1}",
            "\u{2}",
            "a",
            "a\0",
            "a\0b",
            "a\u{1}",
            "a\u{2}",
            "ab",
            "\u{10ffff}",
        ];
        for one in texts {
            assert!(!stored(one).contains('\0'));
            assert_eq!(told(stored(one).into_owned()).as_deref(), Some(one));
            for other in texts {
                assert_eq!(
                    stored(one).cmp(&stored(other)),
                    one.cmp(other),
                    "{one:?} {other:?}"
                );
                assert_eq!(
                    stored(one).starts_with(&*stored(other)),
                    one.starts_with(other),
                    "{one:?} {other:?}"
                );
            }
        }
        for wrong in ["\u{1}", "a\u{1}b"] {
            assert_eq!(told(wrong.to_owned()), None);
        }
    }
}
