//! `sandkasse verify-webhook`: whether a delivery that somebody received verifies, offline.

use std::{io::Read, path::PathBuf};

use clap::Args;
use sandkasse_engine::{SystemClock, WallClock};
use sandkasse_hooks::{Received, Verdict, verify};

use crate::{Ended, output};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sandkasse verify-webhook --request received.http
                                              the whole request as it came, head and body
  sandkasse verify-webhook --headers head.txt --body body.json --url https://shop.example.com/hook
  … | sandkasse verify-webhook --request -    from a pipe

The secret is what the registration answered: --secret, or better SANDKASSE_WEBHOOK_SECRET, which other users of
the machine do not see. Exit code 1: it does not verify.";

/// Which delivery.
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyFlags {
    /// The whole request as it was received: request line, headers, an empty line, the body
    #[arg(long, value_name = "FILE", conflicts_with_all = ["headers", "body"])]
    request: Option<PathBuf>,
    /// The headers, a line each
    #[arg(long, value_name = "FILE", required_unless_present = "request")]
    headers: Option<PathBuf>,
    /// The body, byte for byte
    #[arg(long, value_name = "FILE", required_unless_present = "request")]
    body: Option<PathBuf>,
    /// The address as registered, or path and query as received
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What the registration answered
    #[arg(
        long,
        value_name = "SECRET",
        env = "SANDKASSE_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    secret: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Looks, and says what was found.
pub(crate) fn run(flags: &VerifyFlags) -> Result<(), Ended> {
    let mut received = Received {
        secret: flags.secret.trim().to_owned(),
        url: flags.url.clone(),
        ..Received::default()
    };
    let (head, body) = match &flags.request {
        Some(path) => halves(read(path)?),
        None => (
            flags
                .headers
                .as_ref()
                .map_or_else(|| Ok(Vec::new()), read)?,
            flags.body.as_ref().map_or_else(|| Ok(Vec::new()), read)?,
        ),
    };
    received.read_head(&String::from_utf8_lossy(&head));
    received.body = body;
    let verdict = verify(&received, SystemClock.now());
    if flags.json {
        let json = serde_json::to_string_pretty(&verdict);
        output::say(&format!(
            "{}\n",
            json.map_err(|error| Ended::Failed(error.to_string()))?
        ));
    } else {
        output::say(&text(&verdict));
    }
    if verdict.valid {
        Ok(())
    } else {
        Err(Ended::Failed("the delivery does not verify".to_owned()))
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Ended> {
    let shown = path.display();
    let failed = |error| Ended::WrongUse(format!("cannot read {shown}: {error}"));
    if path.as_os_str() == "-" {
        let mut all = Vec::new();
        std::io::stdin().read_to_end(&mut all).map_err(failed)?;
        return Ok(all);
    }
    std::fs::read(path).map_err(failed)
}

/// Head and body of a request as it was received; line ends may be LF or CR LF.
fn halves(all: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let found = ends.iter().filter_map(|end| {
        let at = all.windows(end.len()).position(|window| window == *end)?;
        Some((at, end.len()))
    });
    match found.min() {
        Some((at, length)) => {
            let (head, rest) = all.split_at(at);
            let body = rest.get(length..).unwrap_or_default();
            (head.to_vec(), body.to_vec())
        }
        None => (all, Vec::new()),
    }
}

fn text(verdict: &Verdict) -> String {
    let mut text = format!("{}\n\n", verdict.says);
    for check in &verdict.checks {
        let mark = if check.passed { "ok   " } else { "WRONG" };
        text.push_str(&format!("{mark} {}: {}\n", check.name, check.says));
    }
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            text.push_str(&format!("\n{name}:\n{value}\n"));
        }
    };
    fact("String to sign", verdict.string_to_sign.as_deref());
    fact("Expected signature", verdict.expected_signature.as_deref());
    fact("Received signature", verdict.received_signature.as_deref());
    let at = verdict.first_difference.map(|at| at.to_string());
    fact("First byte that differs, from 0", at.as_deref());
    fact("Hash of the body", Some(&verdict.expected_content_hash));
    fact("Hash received", verdict.received_content_hash.as_deref());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_cut_where_its_head_ends() {
        for (all, head, body) in [
            (
                "POST / HTTP/1.1\r\nA: b\r\n\r\n{}\n\n",
                "POST / HTTP/1.1\r\nA: b",
                "{}\n\n",
            ),
            ("A: b\n\n{}", "A: b", "{}"),
            ("A: b", "A: b", ""),
        ] {
            let (found, rest) = halves(all.as_bytes().to_vec());
            assert_eq!(
                (found, rest),
                (head.as_bytes().to_vec(), body.as_bytes().to_vec())
            );
        }
    }
}
