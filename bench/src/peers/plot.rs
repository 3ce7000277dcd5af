//! The same as a picture: a bar for each system, longest first, readable in light and dark, and on a phone.

use askama::Template;

use super::System;
use super::table::{Figures, Operation};

/// Room for a row: its words, and its bar under them.
const ROW: u32 = 34;
/// Room for the heading of a panel, and between panels.
const HEADING: u32 = 44;
/// How long the longest bar is.
const LONGEST: f64 = 376.0;

#[derive(Template)]
#[template(path = "peers.svg")]
struct Plot {
    height: u32,
    panels: Vec<Panel>,
}

struct Panel {
    title: &'static str,
    y: u32,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    value: String,
    /// Of whose kind it is: a class of the style sheet.
    class: &'static str,
    length: String,
    /// Where the words stand, and where the bar begins.
    words_y: u32,
    bar_y: u32,
}

/// Draws it.
pub(crate) fn draw(figures: &Figures) -> anyhow::Result<String> {
    let mut y = 12;
    let mut panels = Vec::new();
    for (title, operation) in [
        ("Create a payment, per second", Operation::Create),
        ("Read it back, per second", Operation::Read),
    ] {
        let panel = panel(figures, title, operation, y);
        y += HEADING + ROW * u32::try_from(panel.rows.len())?;
        panels.push(panel);
    }
    Ok(Plot { height: y, panels }.render()?)
}

fn panel(figures: &Figures, title: &'static str, operation: Operation, y: u32) -> Panel {
    let rate = |system: &System| {
        let rate = figures.median(*system, |turn| operation.rate(turn));
        rate.map(|rate| (*system, rate))
    };
    let mut rates: Vec<(System, f64)> = figures.systems.iter().filter_map(rate).collect();
    rates.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let most = rates.first().map_or(1.0, |(_, rate)| rate.max(1.0));
    let begin = y + HEADING - 8;
    let rows = rates.into_iter().zip((begin..).step_by(ROW as usize));
    let rows = rows.map(|((system, rate), top)| Row {
        name: figures.name(system),
        value: thousands(rate),
        class: class(system),
        length: format!("{:.1}", (LONGEST * rate / most).max(1.0)),
        words_y: top + 12,
        bar_y: top + 17,
    });
    Panel {
        title,
        y: y + 14,
        rows: rows.collect(),
    }
}

fn class(system: System) -> &'static str {
    match system {
        System::Axum | System::Durable | System::Pgbench => "ceiling",
        System::Sqlite | System::Postgres { .. } => "ours",
        System::Peer(_) => "peer",
    }
}

/// `12345` as `12,345`.
fn thousands(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::sample;
    use super::*;

    #[test]
    fn each_system_has_a_bar_as_long_as_its_rate() {
        let picture = draw(&sample()).unwrap();
        // Nobody reads back from pgbench.
        assert_eq!(picture.matches("<rect").count(), 9, "{picture}");
        assert_eq!(picture.matches(r#"width="376.0""#).count(), 2, "{picture}");
        assert_eq!(picture.matches(r#"width="225.6""#).count(), 1, "{picture}");
        assert_eq!(picture.matches(">fast 2<").count(), 2, "{picture}");
        assert_eq!(
            [thousands(999.6), thousands(1_234_567.0), thousands(12.0)],
            ["1,000", "1,234,567", "12"]
        );
    }
}
