//! `sandkasse explain`: the catalogue, offline; or one call of a running platform.

use std::fmt::Write as _;

use http::StatusCode;
use sandkasse_catalogue::Catalogue;
use serde_json::Value;

use crate::{
    Ended, address::BaseUrl, cli::ExplainWish, http_client::Door, output, tls::SPEAK_HTTPS,
    trust::TrustFlags,
};

/// As wide as a usual terminal.
const WIDTH: usize = 80;
/// So many other pages are named besides the best one.
const OTHERS: usize = 12;

/// Explains and prints.
pub(crate) fn run(wish: &ExplainWish) -> Result<(), Ended> {
    if wish.compatibility {
        output::say(&sandkasse_inspect::ledger_markdown());
        return Ok(());
    }
    let what = wish.what.join(" ");
    let what = what.trim();
    let is_address = what.starts_with("http://") || what.starts_with("https://");
    if is_address && what.contains(sandkasse_inspect::PATH) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Ended::Failed(error.to_string()))?;
        let explanation = runtime.block_on(ask(what, &wish.trust, wish.token.as_deref()))?;
        output::say(&if wish.json {
            format!("{explanation:#}\n")
        } else {
            told(&explanation)
        });
        return Ok(());
    }
    output::say(&looked_up(what)?);
    Ok(())
}

fn looked_up(what: &str) -> Result<String, Ended> {
    let catalogue = Catalogue::get();
    if what.is_empty() {
        let lines: Vec<String> = catalogue
            .pages()
            .iter()
            .map(|page| format!("{:44} {}\n", page.slug, page.title))
            .collect();
        return Ok(lines.concat());
    }
    if let Some(page) = catalogue.page(what) {
        return Ok(page.text(WIDTH));
    }
    let hits = catalogue.search(what);
    let Some((best, others)) = hits.split_first() else {
        return Err(Ended::Failed(format!(
            "the catalogue has nothing about `{what}`: try the code, a few words of the message, or the whole answer; `sandkasse explain` alone lists all pages"
        )));
    };
    let mut out = best.page.text(WIDTH);
    if !others.is_empty() {
        out.push_str("\nAlso about it:\n");
        for hit in others.iter().take(OTHERS) {
            let _ = writeln!(out, "  {:42} {}", hit.page.slug, hit.page.title);
        }
        let left = others.len().saturating_sub(OTHERS);
        if left > 0 {
            let _ = writeln!(out, "  and {left} more; say more of the message");
        }
    }
    Ok(out)
}

async fn ask(url: &str, trust: &TrustFlags, token: Option<&str>) -> Result<Value, Ended> {
    let (base, path) = url.split_at(url.find(sandkasse_inspect::PATH).unwrap_or(url.len()));
    let base: BaseUrl = base.parse().map_err(Ended::WrongUse)?;
    let otherwise = "take the address from the answer's `Explain` once more";
    let door = Door::with(otherwise, &base, trust)?;
    let (status, body) = door.fetch(path, token).await?;
    let value: Value = serde_json::from_slice(&body).map_err(|_| {
        Ended::Failed(if *body == *SPEAK_HTTPS.as_bytes() {
            format!(
                "{} speaks HTTPS: begin the address with https://",
                base.authority()
            )
        } else {
            format!("{url} is no explanation (status {status})")
        })
    })?;
    if status == StatusCode::OK {
        return Ok(value);
    }
    let detail = value.get("detail").and_then(Value::as_str);
    Err(Ended::Failed(
        detail.unwrap_or("there is no such explanation").to_owned(),
    ))
}

/// An explanation for a terminal.
fn told(it: &Value) -> String {
    let text = |pointer: &str| match it.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let list = |pointer: &str| it.pointer(pointer).and_then(Value::as_array).cloned();
    let mut out = format!(
        "{} {} · {} · {}\n{} {} ({})\n\n{}\n\n",
        text("/request/method"),
        text("/request/path"),
        text("/environment"),
        text("/at"),
        text("/response/status"),
        text("/page/title"),
        text("/cause"),
        text("/means"),
    );
    for check in list("/checks").unwrap_or_default() {
        let passed = check.get("passed") == Some(&Value::Bool(true));
        let word = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default();
        let mark = if passed { "passed" } else { "FAILED" };
        let _ = writeln!(out, "  {mark}  {}: {}", word("check"), word("saw"));
    }
    for near in list("/near_misses").unwrap_or_default() {
        let _ = writeln!(
            out,
            "\nProbably meant: {}",
            near.as_str().unwrap_or_default()
        );
    }
    let _ = writeln!(out, "\n{}\n", text("/remedy/says"));
    for step in list("/remedy/steps").unwrap_or_default() {
        let member = |pointer: &str| step.pointer(pointer).and_then(Value::as_str);
        if let Some(what) = member("/what") {
            let _ = writeln!(out, "# {what}");
        }
        if let Some(seconds) = step.get("seconds") {
            let _ = writeln!(out, "sleep {seconds}");
        }
        if let Some(curl) = member("/call/curl") {
            let _ = writeln!(out, "{curl}");
        }
    }
    let _ = writeln!(
        out,
        "\n{}: {}. sandkasse explain {}",
        text("/certainty"),
        text("/source"),
        text("/page/slug")
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_developers_have_at_hand_is_found() {
        for (what, expected) in [
            ("35", "Requested Order not found"),
            ("Invalid MSN", "Invalid MSN"),
            ("FAQ-52", "supermerchant"),
            ("capture.exceeds", "reserved"),
            ("ecom/order-not-found", "order.other_unit"),
            ("", "gateway/missing-subscription-key"),
        ] {
            let text = looked_up(what).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(text.contains(expected), "{what}: {text}");
        }
        let nothing = looked_up("zzzz-nonsense").unwrap_err();
        assert!(nothing.to_string().contains("lists all pages"));
    }

    #[test]
    fn an_explanation_is_told_with_its_commands() {
        let text = told(&serde_json::json!({
            "request": {"method": "GET", "path": "/x"}, "environment": "test", "at": "now",
            "response": {"status": 401}, "page": {"title": "T", "slug": "s/t"}, "cause": "c",
            "means": "M.", "checks": [{"check": "token", "passed": false, "saw": "c"}],
            "near_misses": ["n"], "certainty": "recorded", "source": "S",
            "remedy": {"says": "Do.", "steps": [
                {"do": "wait", "seconds": 5},
                {"do": "call", "what": "W", "call": {"curl": "curl A"}},
            ]},
        }));
        for part in [
            "FAILED  token: c",
            "Probably meant: n",
            "sleep 5",
            "# W\ncurl A",
            "explain s/t",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
