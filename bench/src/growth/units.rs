//! Very many sales units in one installation: how long one takes to make, and what they cost the others.

use std::time::{Duration, Instant};

use crate::bars::Bar;
use crate::http::Connection;
use crate::latency::Latencies;
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform;
use crate::process::pause;

use super::place::Places;
use super::{Round, details, initiate, pair, share};

/// A sales unit is made in less, in the median.
const MAKING_MS: f64 = 1.0;

/// Makes so many, then compares with an installation that has only those which are under load; prints, and returns the bars.
pub(super) async fn measure(
    places: &Places<'_>,
    units: usize,
    rounds: usize,
    seconds: u64,
) -> anyhow::Result<Vec<Bar>> {
    if units == 0 {
        return Ok(Vec::new());
    }
    let making = format!("making one of {units} sales units, median");
    if units <= CONNECTIONS {
        let why = format!("{CONNECTIONS} are there before the time is taken");
        return Ok(vec![Bar::unknown(&making, &why)]);
    }
    eprintln!("  {units} sales units");
    // As many of them are under load as there are connections.
    let (place, mut many) = places.make("units", CONNECTIONS).await?;
    let mut connection = Connection::open(many.portal).await?;
    let request = platform::new_unit_request(many.portal, "off");
    let mut took = Latencies::default();
    let mut last = Latencies::default();
    for number in CONNECTIONS..units {
        let begun = Instant::now();
        let answer = connection.exchange(&request).await?;
        answer.expect(201, "making a sales unit")?;
        took.add(begun.elapsed());
        if number + units / 10 >= units {
            last.add(begun.elapsed());
        }
    }
    many.process.stop().await?;
    places.settle()?;
    many = places.start(&place).await?;
    let start_ms = many.first_answer.as_secs_f64() * 1e3;
    pause(SETTLE).await;
    let idle_mb = machine::resident_mb(many.process.id())?;
    let target = places.target(&place, &many).await?;
    let mut measured = Vec::new();
    for number in 0..rounds {
        let tag = format!("units-{number}");
        let (other, few) = places.make("empty", CONNECTIONS).await?;
        let beside = places.target(&other, &few).await?;
        let (full, empty) = if number % 2 == 0 {
            let full = pair(&target, &tag, seconds).await?;
            (full, pair(&beside, &tag, seconds).await?)
        } else {
            let empty = pair(&beside, &tag, seconds).await?;
            (pair(&target, &tag, seconds).await?, empty)
        };
        few.process.stop().await?;
        measured.push(Round { full, empty });
    }
    many.process.stop().await?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (half, last) = (ms(took.percentile(50)), ms(last.percentile(50)));
    println!(
        "\n{units} sales units: made in {half:.3} ms each (median; p99 {:.3} ms; the last tenth {last:.3} ms), \
         first answer after {start_ms:.1} ms, {idle_mb:.1} MB idle. Of what an installation with {CONNECTIONS} achieves: \
         {:.1} % of the initiates, {:.1} % of the details.",
        ms(took.percentile(99)),
        share(&measured, initiate),
        share(&measured, details),
    );
    Ok(vec![
        Bar::at_most(&making, MAKING_MS, half, "ms"),
        Bar::at_most(
            "making one of the last tenth of them, median",
            MAKING_MS,
            last,
            "ms",
        ),
    ])
}
