//! `docs/faq-by-api.md`: one table for each question of the FAQ.

use std::{fs, path::Path};

use sandkasse_catalogue::{Catalogue, Wire as Seen};

use super::{APIS, Api, Cell, causes::Named, wire::Wire};

const HEAD: &str = "# The FAQ, API by API

Each cause that the FAQ \"Common errors\" names, on each API that is served. The entries hold for all of them, but every API answers in
its own format. Made by the test `faq_01_every_cause_on_every_api`, which makes each call and compares the answer byte by byte; do
not edit.

A cell has the HTTP status and what else a program tells the answer by: eCom's group and code, ePayment's `ErrorCode`, Checkout's
`errorCode`, the identity provider's number, or the first member that is named. It leads to the page that explains it: what it means,
how to tell, how to mend it. ✓ is a call that passes all the same, and – a cause that cannot happen there; the number leads to why.
The numbers of a cause are rows of [the reference](reference/errors-faq.md).

What a program reads in each format:

| API | `Content-Type` of its own refusals | Read |
|---|---|---|
| every API, from the gateway | `application/json` | `statusCode`, `message`; `responseInfo` for a token; `errorCode` for keys that do not fit together |
| Access token | `application/json; charset=utf-8` | `error`, `error_codes` |
| eCom | `application/json;charset=UTF-8` | of the first of an array `errorGroup`, `errorCode` |
| ePayment | `application/problem+json` | in `extraDetails` the `reason` of `ErrorCode`, else the members |
| Webhooks | `application/problem+json` | `status`, `extraDetails` |
| Userinfo | `application/problem+json` | `status` (a string), `detail` |
| Order Management, QR | `application/json` | the HTTP status, `title`, `detail`, `invalidParams` |
| Report | `application/json`, `application/problem+json` for 403 | `errorCode`, or `status` |
| Checkout | `application/json` | `errorCode`, `errors` |
";

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faq-by-api.md");
const NEW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faq-by-api.md");

/// Compares the committed page with what was just played.
pub(super) fn compare(rows: &[(&Named, Vec<Cell>)]) {
    let page = page(rows);
    let committed = fs::read_to_string(FILE).unwrap_or_default();
    if committed != page {
        fs::write(Path::new(NEW), &page).expect("the target folder takes files");
    }
    assert!(
        committed == page,
        "docs/faq-by-api.md is old. The new one is target/tmp/faq-by-api.md: read it, then copy it"
    );
}

fn page(rows: &[(&Named, Vec<Cell>)]) -> String {
    let mut page = HEAD.to_owned();
    let mut reasons: Vec<&str> = Vec::new();
    let mut question = "";
    for (named, cells) in rows {
        if named.question != question {
            question = named.question;
            let titles = APIS.map(Api::title).join(" | ");
            let line = "---|".repeat(APIS.len() + 2);
            page.push_str(&format!(
                "\n## {question}\n\n| Cause | Numbers | {titles} |\n|{line}\n"
            ));
        }
        page.push_str(&format!("| {} | {} |", named.says, named.faq));
        for (api, cell) in APIS.into_iter().zip(cells) {
            page.push_str(&format!(" {} |", shown(api, cell, &mut reasons)));
        }
        page.push('\n');
    }
    page.push_str("\n## Why not\n\n");
    for (at, reason) in (1..).zip(reasons) {
        page.push_str(&format!("{at}. <a id=\"why-{at}\"></a>{reason}\n"));
    }
    page
}

fn shown(api: Api, cell: &Cell, reasons: &mut Vec<&'static str>) -> String {
    let mut because = |mark: &str, why: &'static str| {
        let at = reasons.iter().position(|it| *it == why);
        let at = at.unwrap_or_else(|| {
            reasons.push(why);
            reasons.len() - 1
        });
        format!("{mark} [{0}](#why-{0})", at + 1)
    };
    match cell {
        Cell::Passes(why) => because("✓", why),
        Cell::Never(why) => because("–", why),
        Cell::Says(wire, cause) => {
            let (status, code) = (wire.status(), wire.code(api));
            let code = code.replace('/', " ");
            let says = format!("{status} {code}");
            format!(
                "[{}](../catalogue/{}.md)",
                says.trim_end(),
                explained(api, wire, cause)
            )
        }
    }
}

/// The page of the catalogue to which an explanation leads.
fn explained(api: Api, wire: &Wire, cause: &str) -> String {
    let (code, text) = spoken(api, wire);
    let seen = Seen {
        status: wire.status(),
        media: wire.media(api),
        code: code.as_deref(),
        text: text.as_deref(),
    };
    let found = Catalogue::get().of_answer(cause, seen);
    // Nobody could copy a page that has a gap.
    let (page, _) = found.unwrap_or_else(|| panic!("{cause} is explained nowhere: {seen:?}"));
    page.slug.clone()
}

/// Code and text as an explanation reads them.
fn spoken(api: Api, wire: &Wire) -> (Option<String>, Option<String>) {
    let (code, text) = (wire.code(api), wire.text());
    let code = match wire {
        // Of eCom's the group stands before it.
        Wire::Own { .. } => code.rsplit('/').next().map(str::to_owned),
        Wire::Members(_) if api == Api::Webhooks => None,
        // An explanation does not look at the identity provider's.
        Wire::Identity(..) => None,
        _ => Some(code),
    };
    let text = match wire {
        Wire::Members(_) if api == Api::Webhooks => {
            Some("One or more validation errors occurred.".to_owned())
        }
        _ => text,
    };
    (code.filter(|it| !it.is_empty()), text)
}
