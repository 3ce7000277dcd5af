//! The list of calls.

use std::{cmp::Reverse, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query as Asked, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_api::OPERATIONS;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_inspect::NO_OPERATION;
use sandkasse_store::{CallState, Purpose};
use serde::Deserialize;

use super::{row::Row, row::purpose, sorry};
use crate::{
    control::{Control, wanted::Wanted},
    portal::{
        shell::{self, Frame, Part},
        visitor::Visitor,
    },
};

/// So many rows stand on a page.
const ROWS: usize = 50;
/// So many calls to merchants are looked at for a page.
const LOOKED_AT: usize = 400;

/// The filters as the form sends them: everything is a text, and nothing may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    environment: String,
    msn: String,
    operation: String,
    status: String,
    refused: String,
    cause: String,
    text: String,
    /// Only this one, in files.
    pub(super) id: String,
    /// Where this page begins: the numbers of a merchant's call, and of one to a merchant.
    before: Option<u64>,
    out: Option<u64>,
    /// Where the stream begins.
    pub(super) since: Option<u64>,
}

impl Query {
    /// What is wanted, and what of it could not be understood.
    pub(super) fn wanted(&self) -> (Wanted, Vec<String>) {
        let mut faults = Vec::new();
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let environment = given(&self.environment).and_then(|text| {
            let read = text.parse::<Environment>().ok();
            if read.is_none() {
                faults.push(format!("There is no environment “{text}”."));
            }
            read
        });
        let msn = given(&self.msn).and_then(|text| {
            let read = Msn::try_new(&text);
            if read.is_none() {
                faults.push(format!(
                    "“{text}” is no sales unit number: four to seven digits."
                ));
            }
            read
        });
        let status = given(&self.status).and_then(|text| {
            let read = text.parse::<u16>().ok();
            if read.is_none() {
                faults.push(format!("“{text}” is no status: three digits, such as 401."));
            }
            read
        });
        let wanted = Wanted {
            environment,
            msn,
            operation: given(&self.operation),
            status,
            refused: given(&self.refused).map(|_| true),
            cause: given(&self.cause),
            text: given(&self.text),
        };
        (wanted, faults)
    }

    /// The filters as a query, to be shared.
    fn shared(wanted: &Wanted) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(it) = wanted.environment {
            query.append_pair("environment", it.name());
        }
        if let Some(it) = &wanted.msn {
            query.append_pair("msn", it.as_str());
        }
        if let Some(it) = wanted.status {
            query.append_pair("status", &it.to_string());
        }
        if wanted.refused.is_some() {
            query.append_pair("refused", "on");
        }
        let texts = [
            ("operation", &wanted.operation),
            ("cause", &wanted.cause),
            ("text", &wanted.text),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

/// A choice of the form.
struct Choice {
    value: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "portal/requests.html")]
struct Page<'a> {
    frame: Frame<'a>,
    wanted: Filled,
    environments: Vec<Choice>,
    operations: Vec<Choice>,
    faults: Vec<String>,
    rows: Vec<Row>,
    /// The filters as a query.
    query: String,
    /// Where older ones are.
    older: Option<String>,
    /// Whether only a part of the journal was looked at.
    is_partial: bool,
    /// Whether this is the newest page, which grows.
    is_first: bool,
    /// Where its stream begins.
    since: u64,
    fill: sandkasse_inspect::Fill,
}

/// The form as it was filled in.
struct Filled {
    msn: String,
    status: String,
    cause: String,
    text: String,
    refused: bool,
}

/// A row with what it is sorted by.
struct Placed {
    at: Timestamp,
    number: u64,
    row: Row,
}

/// What stands on a page, and where the next one begins.
struct Mixed {
    rows: Vec<Row>,
    older: Option<(u64, u64)>,
    is_partial: bool,
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Asked(query): Asked<Query>,
) -> Response {
    let (wanted, faults) = query.wanted();
    let since = control.inspector.journal.next();
    let mixed = match mixed(&control, &wanted, query.before, query.out).await {
        Ok(mixed) => mixed,
        Err(problem) => return sorry(&visitor, "The calls could not be read", &problem),
    };
    let shared = Query::shared(&wanted);
    let older = mixed.older.map(|(before, out)| {
        let joint = if shared.is_empty() { "" } else { "&" };
        format!("/requests?{shared}{joint}before={before}&out={out}")
    });
    let is_first = query.before.is_none() && query.out.is_none();
    let frame = Frame::new("Requests", Part::Requests, Some(&visitor));
    let choice = |value: &str, name: String, chosen: Option<&str>| Choice {
        value: value.to_owned(),
        name,
        is_chosen: chosen == Some(value),
    };
    let environment = wanted.environment.map(Environment::name);
    let environments = Environment::ALL
        .iter()
        .map(|it| choice(it.name(), it.name().to_owned(), environment))
        .collect();
    let calls = OPERATIONS
        .iter()
        .map(|(method, path)| format!("{method} {path}"));
    let calls = calls.chain([NO_OPERATION.to_owned()]);
    let calls = calls.map(|name| choice(&name, name.clone(), wanted.operation.as_deref()));
    let outgoing = Purpose::ALL.iter().map(|it| {
        let name = format!("outgoing: {}", purpose(*it));
        choice(it.name(), name, wanted.operation.as_deref())
    });
    let page = Page {
        frame: frame.with(&["inspector"]),
        environments,
        operations: calls.chain(outgoing).collect(),
        wanted: Filled {
            msn: query.msn.clone(),
            status: query.status.clone(),
            cause: query.cause.clone(),
            text: query.text.clone(),
            refused: wanted.refused.is_some(),
        },
        faults,
        rows: mixed.rows,
        query: shared,
        older,
        is_partial: mixed.is_partial,
        is_first,
        since,
        fill: control.inspector.journal.fill(),
    };
    shell::page(StatusCode::OK, &page)
}

/// Calls of merchants and calls to them, by real time.
async fn mixed(
    control: &Control,
    wanted: &Wanted,
    before: Option<u64>,
    out: Option<u64>,
) -> Result<Mixed, crate::control::Problem> {
    // An operation is of the one kind or the other.
    let operation = wanted.operation.as_deref();
    let is_outgoing = |name: &str| Purpose::ALL.iter().any(|it| it.name() == name);
    let (calls, outgoing) = match operation {
        Some(name) if is_outgoing(name) => (false, true),
        Some(_) => (true, false),
        None => (true, true),
    };
    let mut placed = Vec::new();
    let (mut more, mut more_out) = (None, None);
    let mut is_partial = false;
    if calls {
        let found = control.calls_found(wanted, before, ROWS);
        (more, is_partial) = (found.next, found.is_partial);
        placed.extend(found.records.iter().map(|record| Placed {
            at: record.at,
            number: record.number,
            row: Row::of(control, record),
        }));
    }
    if outgoing {
        let found = control.outgoing_found(wanted, out, ROWS, LOOKED_AT).await?;
        more_out = found.next;
        placed.extend(found.calls.iter().map(|(number, record)| Placed {
            at: match &record.state {
                CallState::Owed => Timestamp::MAX,
                CallState::Begun { at }
                | CallState::Done { at, .. }
                | CallState::Interrupted { at } => *at,
            },
            number: *number,
            row: Row::of_outgoing(record),
        }));
    }
    placed.sort_by_key(|it| Reverse(it.at));
    // The page ends with its last row; what did not fit begins the next one, for each kind.
    let rest = placed.split_off(placed.len().min(ROWS));
    let begin = |is_outgoing: bool, began: Option<u64>, more: Option<u64>| {
        let of_kind = |it: &&Placed| it.row.is_outgoing == is_outgoing;
        if rest.iter().any(|it| of_kind(&it)) {
            let last = placed.iter().filter(of_kind).map(|it| it.number).min();
            return Some(last.or(began).unwrap_or(u64::MAX >> 1));
        }
        more
    };
    let (older, older_out) = (begin(false, before, more), begin(true, out, more_out));
    let has_older = older.is_some() || older_out.is_some();
    Ok(Mixed {
        rows: placed.into_iter().map(|it| it.row).collect(),
        // Where nothing is left there is nothing before the first one.
        older: has_older.then(|| (older.unwrap_or(0), older_out.unwrap_or(0))),
        is_partial,
    })
}
