//! How pages of the portal say moments and spans of time.

use sandkasse_domain::Timestamp;

/// `2023-06-13 12:00:00`, UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The two largest parts of a span: `4 min 59 s`, `180 days 12 h`. Negative ones are as long.
pub(crate) fn span(milliseconds: i64) -> String {
    let seconds = milliseconds.unsigned_abs().div_ceil(1000);
    let parts = [
        (seconds / 86_400, "days"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let mut said = parts
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| {
            let unit = if (count, unit) == (1, "days") {
                "day"
            } else {
                unit
            };
            format!("{count} {unit}")
        })
        .collect::<Vec<_>>()
        .join(" ");
    if said.is_empty() {
        "0 s".clone_into(&mut said);
    }
    said
}

/// `in 5 min`, or `5 min ago`.
pub(crate) fn from_now(milliseconds: i64) -> String {
    if milliseconds < 0 {
        format!("{} ago", span(milliseconds))
    } else {
        format!("in {}", span(milliseconds))
    }
}

/// Filters of the templates, for `use`.
pub(crate) mod filters {
    use sandkasse_domain::Timestamp;

    #[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
    pub(crate) fn moment(at: &Timestamp, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(super::moment(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_parts_at_most() {
        for (milliseconds, said) in [
            (0, "in 0 s"),
            (1, "in 1 s"),
            (299_000, "in 4 min 59 s"),
            (300_000, "in 5 min"),
            (86_400_000, "in 1 day"),
            (86_401_000, "in 1 day"),
            (15_595_200_000, "in 180 days 12 h"),
            (-7_200_000, "2 h ago"),
        ] {
            assert_eq!(from_now(milliseconds), said);
        }
    }
}
