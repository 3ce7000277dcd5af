//! Bars: values that must not fall below, or not exceed, what was promised.

use std::fmt;

/// A value and what it is held against.
pub(crate) struct Bar {
    what: String,
    wanted: String,
    measured: String,
    met: bool,
}

/// All bars of a run, as a table.
pub(crate) struct Bars(pub(crate) Vec<Bar>);

impl Bar {
    /// Without a value it is unknown: nothing was measured.
    pub(crate) fn at_least(
        what: &str,
        bar: f64,
        measured: impl Into<Option<f64>>,
        unit: &str,
    ) -> Self {
        let Some(measured) = measured.into() else {
            return Self::unknown(what, "not measured");
        };
        let wanted = format!("≥ {bar} {unit}");
        Self::new(what, wanted, measured, unit, measured >= bar)
    }

    pub(crate) fn at_most(
        what: &str,
        bar: f64,
        measured: impl Into<Option<f64>>,
        unit: &str,
    ) -> Self {
        let Some(measured) = measured.into() else {
            return Self::unknown(what, "not measured");
        };
        let wanted = format!("≤ {bar} {unit}");
        Self::new(what, wanted, measured, unit, measured <= bar)
    }

    /// Of which nothing was measured, and why.
    pub(crate) fn unknown(what: &str, why: &str) -> Self {
        Self {
            what: what.to_owned(),
            wanted: String::new(),
            measured: why.to_owned(),
            met: false,
        }
    }

    fn new(what: &str, wanted: String, measured: f64, unit: &str, met: bool) -> Self {
        // Two figures behind the point where one would hide by how much it was missed.
        let places = if measured.abs() < 10.0 { 2 } else { 1 };
        Self {
            what: what.to_owned(),
            wanted,
            measured: format!("{measured:.places$} {unit}"),
            met,
        }
    }
}

impl fmt::Display for Bars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| | bar | measured | |\n|---|---:|---:|---|")?;
        for Bar {
            what,
            wanted,
            measured,
            met,
        } in &self.0
        {
            let verdict = if *met { "met" } else { "**missed**" };
            writeln!(formatter, "| {what} | {wanted} | {measured} | {verdict} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_at_its_value_and_missed_beyond() {
        let bars = Bars(vec![
            Bar::at_least("a", 60.0, 60.0, "%"),
            Bar::at_least("b", 60.0, 59.94, "%"),
            Bar::at_most("c", 8.0, 8.004, "ms"),
            Bar::unknown("d", "no peer"),
        ]);
        let table = bars.to_string();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| a | ≥ 60 % | 60.0 % | met |",
                "| b | ≥ 60 % | 59.9 % | **missed** |",
                "| c | ≤ 8 ms | 8.00 ms | **missed** |",
                "| d |  | no peer | **missed** |",
            ]
        );
    }
}
