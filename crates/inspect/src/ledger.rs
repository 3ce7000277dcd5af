//! How faithful we are: every operation, every error it is known to answer, how we know, and
//! whether a test proves it. Made from the catalogue, whose pages the tests play, and from the
//! list of checks that have no test yet.

use std::collections::BTreeSet;

use http::Method;
use sandkasse_api::{NOT_BUILT, OPERATIONS, find};
use sandkasse_catalogue::{Catalogue, Page};
use sandkasse_domain::Environment;
use serde::Serialize;

/// Checks that have no test yet; `cargo xtask tidy` holds the list and the tests together.
const NOT_YET: &str = include_str!("../../../docs/checks-not-yet.toml");

/// The deprecated status is refused exactly as details.
const STATUS: &str = "GET /ecomm/v2/payments/{orderId}/status";
const DETAILS: &str = "GET /ecomm/v2/payments/{orderId}/details";

/// An error at an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerRow {
    /// `POST /ecomm/v2/payments`; `None` where the error belongs to no one operation.
    pub operation: Option<String>,
    /// The page of the catalogue.
    pub page: String,
    /// Its heading.
    pub title: String,
    /// HTTP status, if it is an answer to a call.
    pub status: Option<u16>,
    /// Group and code, where the format has them.
    pub code: String,
    /// The causes told apart.
    pub causes: Vec<String>,
    /// `recorded`, `documented` or `inferred`.
    pub evidence: &'static str,
    /// From where we know it.
    pub source: String,
    /// Numbers of checks about it that tests prove.
    pub proved: Vec<String>,
    /// Numbers of checks about it that no test proves yet.
    pub not_yet: Vec<String>,
    /// Whether a test provokes it here, and compares the bytes and the cause.
    pub played: bool,
    /// Why nothing provokes it, where that is so.
    pub unplayed_because: Vec<String>,
}

/// All rows: first what every operation answers, then operation by operation, then the rest.
pub fn ledger() -> Vec<LedgerRow> {
    let not_yet = not_yet();
    let pages = Catalogue::get().pages();
    let mut rows = Vec::new();
    let everywhere =
        |page: &Page| page.slug.starts_with("gateway/") || page.slug.starts_with("platform/");
    for page in pages.iter().filter(|page| everywhere(page)) {
        rows.push(row(page, None, &not_yet));
    }
    for (method, path) in OPERATIONS {
        let name = format!("{method} {path}");
        for page in pages.iter().filter(|page| !everywhere(page)) {
            let here = operations(page);
            if here.contains(name.as_str()) {
                rows.push(row(page, Some(&name), &not_yet));
            } else if name == STATUS && here.contains(DETAILS) {
                rows.push(LedgerRow {
                    played: false,
                    unplayed_because: vec![format!(
                        "{}: the same code as details, played there",
                        page.slug
                    )],
                    ..row(page, Some(&name), &not_yet)
                });
            }
        }
    }
    for page in pages.iter().filter(|page| !everywhere(page)) {
        if operations(page).is_empty() {
            rows.push(row(page, None, &not_yet));
        }
    }
    rows
}

/// Where the requests of a page go.
fn operations(page: &Page) -> BTreeSet<&'static str> {
    page.causes
        .iter()
        .filter_map(sandkasse_catalogue::Cause::request)
        .filter_map(|request| {
            let method = Method::from_bytes(request.method.as_bytes()).ok()?;
            let route = find(Environment::Test, &method, request.path).ok()?;
            Some(route.name())
        })
        .collect()
}

fn row(page: &Page, operation: Option<&str>, not_yet: &BTreeSet<String>) -> LedgerRow {
    let mut checks: Vec<String> = page.evidence.checks.clone();
    checks.extend(
        page.causes
            .iter()
            .flat_map(|cause| cause.faq.iter().cloned()),
    );
    checks.sort();
    checks.dedup();
    let (not_yet, proved) = checks
        .into_iter()
        .partition(|check| not_yet.contains(check));
    let code: Vec<&str> = [page.group.as_deref(), page.code.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    LedgerRow {
        operation: operation.map(str::to_owned),
        page: page.slug.clone(),
        title: page.title.clone(),
        status: page.status,
        code: code.join(" "),
        causes: page.causes.iter().map(|cause| cause.id.clone()).collect(),
        evidence: page.evidence.kind.name(),
        source: page.evidence.source.clone(),
        proved,
        not_yet,
        played: page.causes.iter().any(|cause| cause.request.is_some()),
        unplayed_because: page
            .causes
            .iter()
            .filter_map(|cause| Some(format!("{}: {}", cause.id, cause.unprovokable.as_ref()?)))
            .collect(),
    }
}

/// The numbers of the list, ranges taken apart.
fn not_yet() -> BTreeSet<String> {
    let quoted = NOT_YET
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.flat_map(range).collect()
}

/// `PLAT-23..PLAT-27`, or one number. Widths vary: `FAQ-01`, `REC-001`.
fn range(text: &str) -> Vec<String> {
    let number = |text: &str| -> Option<(String, u32, usize)> {
        let (series, digits) = text.rsplit_once('-')?;
        Some((series.to_owned(), digits.parse().ok()?, digits.len()))
    };
    match text.split_once("..") {
        None => vec![text.to_owned()],
        Some((first, last)) => match (number(first), number(last)) {
            (Some((series, from, width)), Some((_, to, _))) => (from..=to)
                .map(|it| format!("{series}-{it:0width$}"))
                .collect(),
            _ => Vec::new(),
        },
    }
}

/// The ledger as `COMPATIBILITY.md`.
pub fn ledger_markdown() -> String {
    let rows = ledger();
    let mut out = String::from(
        "# Compatibility\n\n\
         Every operation that is built, every error it is known to answer, how we know, and whether a test proves it. Made by\n\
         `sandkasse explain --compatibility` from the catalogue and the list of checks without a test; do not edit.\n\n\
         **Evidence**: *recorded* (somebody saw these bytes), *documented* (a document says so), *inferred* (our decision). **Played**: a test\n\
         sends a request that provokes it and compares status, group, code, text and cause. Checks in brackets have no test yet.\n\
         Documented operations that are not built answer 501; the last section lists them.\n",
    );
    let mut section = None;
    for row in &rows {
        let heading = match (&row.operation, row.page.split('/').next()) {
            (Some(operation), _) => format!("`{operation}`"),
            (None, Some("gateway" | "platform")) => "Every operation".to_owned(),
            (None, _) => "No call of a merchant".to_owned(),
        };
        if section.as_ref() != Some(&heading) {
            out.push_str(&format!(
                "\n## {heading}\n\n| Status | Code | Error | Causes | Evidence | Checks | Played |\n|---|---|---|---|---|---|---|\n"
            ));
            section = Some(heading);
        }
        let checks: Vec<String> = row
            .proved
            .iter()
            .cloned()
            .chain(row.not_yet.iter().map(|check| format!("({check})")))
            .collect();
        let status = row
            .status
            .map_or(String::new(), |status| status.to_string());
        let causes: Vec<String> = row.causes.iter().map(|id| format!("`{id}`")).collect();
        let played = match (row.played, row.unplayed_because.is_empty()) {
            (true, true) => "yes".to_owned(),
            (true, false) => "in part".to_owned(),
            (false, _) => row
                .unplayed_because
                .first()
                .and_then(|because| because.split_once(": "))
                .map_or("no".to_owned(), |(_, why)| format!("no: {why}")),
        };
        out.push_str(&format!(
            "| {status} | {} | [{}](catalogue/{}.md) | {} | {} | {} | {} |\n",
            escaped(&row.code),
            escaped(&row.title),
            row.page,
            causes.join(" "),
            row.evidence,
            checks.join(", "),
            escaped(&played),
        ));
    }
    out.push_str(
        "\n## Documented, and not built\n\nThese answer 501. Whatever else is asked for is unknown, and a 404 of the gateway's.\n\n",
    );
    for (method, path) in NOT_BUILT {
        out.push_str(&format!("* `{method} {path}`\n"));
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_program_says() {
        let file = include_str!("../../../COMPATIBILITY.md");
        assert!(
            file == ledger_markdown(),
            "COMPATIBILITY.md is old: cargo run -p sandkasse -- explain --compatibility > COMPATIBILITY.md"
        );
    }

    #[test]
    fn ranges_are_taken_apart() {
        assert_eq!(range("PLAT-09..PLAT-11"), ["PLAT-09", "PLAT-10", "PLAT-11"]);
        assert_eq!(range("REC-001..REC-002"), ["REC-001", "REC-002"]);
        assert_eq!(range("FAQ-40"), ["FAQ-40"]);
        assert!(not_yet().contains("PSP-02"));
    }

    #[test]
    fn every_page_and_every_operation_has_a_row() {
        let rows = ledger();
        for page in Catalogue::get().pages() {
            assert!(
                rows.iter().any(|row| row.page == page.slug),
                "{}",
                page.slug
            );
        }
        for (method, path) in OPERATIONS {
            let name = format!("{method} {path}");
            let has = rows.iter().any(|row| row.operation.as_ref() == Some(&name));
            // The public keys are refused to nobody, and these only as every operation is.
            let as_every = [
                "/q/image",
                "/q/r/{msn}/{code}",
                "/vipps-userinfo-api/userinfo",
            ];
            let excepted = path == "/discovery/keys" || as_every.contains(&path);
            assert!(has || excepted, "{name}");
        }
    }
}
