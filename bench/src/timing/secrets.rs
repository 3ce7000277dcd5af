//! (a) The comparison of secrets by itself.

use std::hint::black_box;
use std::time::Instant;

use sandkasse_gate::token::same_secret;

use super::welch::{Chance, largest_t, middle};
use super::{Row, T_BAR};

/// A `client_secret`: Base64 of sixteen bytes.
const SECRET: &str = "c2FuZGthc3NlLXRlc3QtMQ==";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LENGTH: usize = SECRET.len();
/// So many guesses are prepared at a time.
const CHUNK: usize = 10_000;
/// One comparison takes less than reading the clock; so many are one sample.
const REPEATS: usize = 16;
/// How often each test is made, for the machine is shared.
const ROUNDS: u64 = 3;

/// A way to compare what was received with what is right.
type Compare = fn(&str, &str) -> bool;

/// Guesses whose first bytes are right against guesses of which nothing is.
pub(super) fn run(samples: usize) -> anyhow::Result<Vec<Row>> {
    let tests: [(&str, usize, Compare, bool); 3] = [
        ("`same_secret`, first byte right", 1, same_secret, true),
        (
            "`same_secret`, all but the last byte right",
            23,
            same_secret,
            true,
        ),
        (
            "control: byte by byte, all but the last right",
            23,
            naive,
            false,
        ),
    ];
    let mut rows = Vec::new();
    for (what, right, compare, constant) in tests {
        for round in 1..=ROUNDS {
            eprintln!("timing: {what}, {round} of {ROUNDS}");
            let [partly, random] = sample(samples, right, compare, round)?;
            let t = largest_t([&partly, &random]);
            rows.push(Row {
                what: format!("{what}, round {round}"),
                samples: partly.len() + random.len(),
                medians: [&partly, &random].map(|times| middle(times) / REPEATS as f64 / 1e3),
                t,
                met: Some((t < T_BAR) == constant),
                bar: if constant { "t < 4.5" } else { "t > 4.5" },
            });
        }
    }
    Ok(rows)
}

/// What must be caught: it stops at the first wrong byte.
fn naive(received: &str, expected: &str) -> bool {
    let mut pairs = received.bytes().zip(expected.bytes());
    received.len() == expected.len()
        && pairs.all(|(received, expected)| black_box(received) == expected)
}

fn sample(
    samples: usize,
    right: usize,
    compare: Compare,
    seed: u64,
) -> anyhow::Result<[Vec<u32>; 2]> {
    let mut chance = Chance::new(seed);
    let mut times = [(); 2].map(|()| Vec::with_capacity(samples));
    // Every guess lies at the same place in memory when it is compared, whatever its class.
    let mut guess = [0_u8; LENGTH];
    while times.iter().map(Vec::len).sum::<usize>() < samples {
        // Guesses are made beforehand: making them takes another way through the processor in each class.
        let prepared: Vec<(usize, [u8; LENGTH])> =
            (0..CHUNK).map(|_| prepare(&mut chance, right)).collect();
        for (class, prepared) in prepared {
            guess.copy_from_slice(&prepared);
            let received = std::str::from_utf8(black_box(&guess))?;
            let begun = Instant::now();
            for _ in 0..REPEATS {
                black_box(compare(black_box(received), black_box(SECRET)));
            }
            let took = begun.elapsed().as_nanos();
            if let Some(times) = times.get_mut(class) {
                times.push(u32::try_from(took).unwrap_or(u32::MAX));
            }
        }
    }
    Ok(times)
}

/// A class by chance, and a guess of it.
fn prepare(chance: &mut Chance, right: usize) -> (usize, [u8; LENGTH]) {
    let class = chance.below(2);
    let kept = if class == 0 { right } else { 0 };
    let mut guess = [0; LENGTH];
    for (at, (byte, secret)) in guess.iter_mut().zip(SECRET.bytes()).enumerate() {
        let other = ALPHABET.get(chance.below(64)).copied().unwrap_or_default();
        *byte = if at < kept { secret } else { other };
    }
    (class, guess)
}
