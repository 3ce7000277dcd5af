//! PLAT-65, PLAT-66, PLAT-68 and RELIABILITY S-16: who reads what, and that nobody learns more.

use std::sync::Arc;

use http::{Request, header};
use sandkasse_catalogue::{Catalogue, Cause};
use sandkasse_domain::{
    Environment,
    keys::KeyName,
    person::Person,
    sales_unit::{Product, RateLimits},
};
use sandkasse_engine::directory::Client;
use sandkasse_inspect::{EXPLAIN, Explanation, InspectorConfig};
use sandkasse_testkit::{Ask, Shop, Stage, World};
use serde_json::Value;

use super::*;

mod on_disk;
mod oracle;
mod page;
mod persons_and_orders;
mod register;
mod wire;

const PORTAL: &str = "http://portal.sandkasse.invalid";

fn inspector(world: &World, explain: bool, journal_bytes: usize) -> Inspector {
    Inspector::new(
        world.platform.clone(),
        InspectorConfig {
            explain,
            journal_bytes,
            portal: PORTAL.to_owned(),
            on_disk: None,
            shared_secret: None,
        },
    )
}

fn watching(world: &World) -> Inspector {
    inspector(world, true, 1 << 24)
}

fn access(local: bool, token: Option<&str>) -> Access {
    Access {
        guard: Guard {
            hosts: vec!["test.sandkasse.invalid".to_owned()],
            token: token.map(|token| token.parse().unwrap()),
            tls: false,
        },
        local,
    }
}

/// Sends it; answers its address, if it was refused.
async fn refused(inspector: &Inspector, ask: &Ask) -> Option<String> {
    let (answer, _) = inspector.answer(ask.environment(), ask.request()).await;
    let url = answer.headers.get(EXPLAIN)?.to_str().unwrap().to_owned();
    let base = inspector.platform().base(ask.environment());
    let path = url.strip_prefix(base).expect("on the same host");
    Some(path.strip_prefix("/explain/").unwrap().to_owned())
}

struct Read {
    status: u16,
    media: String,
    policy: bool,
    body: String,
}

async fn read_as(
    (inspector, access): (&Inspector, &Access),
    environment: Environment,
    address: &str,
    headers: &[(&str, &str)],
) -> Read {
    let mut request = Request::builder()
        .uri(format!("/explain/{address}"))
        .header(header::HOST, "test.sandkasse.invalid");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let answer = answer(inspector, access, environment, &parts, address).await;
    Read {
        status: answer.status.as_u16(),
        media: answer.headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned(),
        policy: answer.headers.contains_key("content-security-policy"),
        body: String::from_utf8(answer.body.to_vec()).unwrap(),
    }
}

/// What stands in for whatever differs between two calls: ids, times, and what was sent.
fn leveled(text: &str, sent: &[&str]) -> String {
    let mut text = text.to_owned();
    for sent in sent {
        let shown = sandkasse_inspect::fingerprint(sent);
        text = text.replace(sent, "SENT").replace(&shown, "SENT");
    }
    let is_part = |it: char| it.is_ascii_alphanumeric() || "-:.".contains(it);
    let is_id = |word: &str| {
        let dashes = word.matches('-').count();
        let hex = word.chars().all(|it| it.is_ascii_hexdigit() || it == '-');
        (dashes == 4 && hex && word.len() == 36)
            || (dashes == 1 && hex && word.len() > 32)
            || (word.starts_with("20") && word.ends_with('Z') && word.contains('T'))
    };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(is_part) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|it| !is_part(it)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if is_id(word) { "ID" } else { word });
        rest = after;
    }
    out + rest
}

fn level(explanation: &Explanation, sent: &[&str]) -> String {
    let text = serde_json::to_string_pretty(explanation).unwrap();
    // The length tells nothing that its sender does not know.
    leveled(&text, sent)
}

fn causes() -> impl Iterator<Item = &'static Cause> {
    let pages = Catalogue::get().pages().iter();
    pages
        .flat_map(|page| &page.causes)
        .filter(|cause| cause.request.is_some() && cause.awaits.is_none())
}

/// `Authorization` and key, then `client_id`, `client_secret` and key.
async fn headers_of(shop: &Shop) -> Vec<(&'static str, String)> {
    let keys = shop.keys();
    let key = ("Ocp-Apim-Subscription-Key", keys.primary);
    vec![
        ("Authorization", format!("Bearer {}", shop.token().await)),
        key.clone(),
        ("client_id", keys.client_id),
        ("client_secret", keys.client_secret),
        key,
    ]
}
