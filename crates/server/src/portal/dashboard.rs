//! The API dashboard: how many calls, and how many failed, as plots made here.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use sandkasse_domain::Timestamp;

use super::{
    requests::sorry,
    shell::{self, Frame, Part},
    visitor::Visitor,
};
use crate::control::{
    Control,
    dashboard::{Counts, DashboardFilter, OfEnvironment, Span},
};

/// The plots' inner size, in units of their own.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 120;
/// The same of the small ones.
const SMALL_WIDTH: u64 = 180;
const SMALL_HEIGHT: u64 = 28;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/dashboard", get(page))
}

/// A bar, with the refused part of it at its foot.
struct Bar {
    x: u64,
    width: u64,
    fine_y: u64,
    fine_height: u64,
    refused_y: u64,
    refused_height: u64,
    /// When it begins, how many calls and how many refused.
    title: String,
}

/// Calls over time.
struct Plot {
    width: u64,
    height: u64,
    bars: Vec<Bar>,
    /// What the height stands for.
    most: u64,
    /// In words, for who does not see it.
    words: String,
}

/// A row of the text alternative.
struct Moment {
    at: String,
    calls: u64,
    errors: u64,
}

struct Line {
    operation: &'static str,
    calls: u64,
    errors: u64,
    share: String,
    plot: Plot,
    href: String,
    refused: String,
}

struct CauseLine {
    operation: &'static str,
    cause: &'static str,
    status: u16,
    errors: u64,
    plot: Plot,
    href: String,
}

/// One environment, drawn.
struct Drawn {
    name: &'static str,
    calls: u64,
    errors: u64,
    share: String,
    plot: Plot,
    moments: Vec<Moment>,
    operations: Vec<Line>,
    causes: Vec<CauseLine>,
    refused: String,
}

struct Choice {
    href: String,
    name: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "portal/dashboard.html")]
struct Page<'a> {
    frame: Frame<'a>,
    spans: Vec<Choice>,
    first: String,
    last: String,
    environments: Vec<Drawn>,
    failed: Vec<super::requests::Row>,
}

async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    query: Result<Query<DashboardFilter>, axum::extract::rejection::QueryRejection>,
) -> Response {
    // An unknown span is the usual one.
    let span = query.map_or(Span::default(), |Query(filter)| filter.span);
    let (starts, environments) = control.counts(span);
    let failed = match control.failed_calls().await {
        Ok(calls) => calls
            .iter()
            .map(super::requests::Row::of_outgoing)
            .collect(),
        Err(problem) => return sorry(&visitor, "The dashboard could not be made", &problem),
    };
    let short = |at: Option<&Timestamp>| at.map_or_else(String::new, |at| clock(*at));
    let choice = |it: &Span| Choice {
        href: format!("/dashboard?span={}", it.name()),
        name: it.words(),
        is_chosen: *it == span,
    };
    let page = Page {
        frame: Frame::new("API dashboard", Part::Dashboard, Some(&visitor)),
        spans: Span::ALL.iter().map(choice).collect(),
        first: short(starts.first()),
        last: short(starts.last()),
        environments: environments.iter().map(|it| drawn(it, &starts)).collect(),
        failed,
    };
    shell::page(StatusCode::OK, &page)
}

fn clock(at: Timestamp) -> String {
    at.strftime("%a %e %b %H:%M UTC").to_string()
}

fn drawn(of: &OfEnvironment, starts: &[Timestamp]) -> Drawn {
    let name = of.environment.name();
    let all = &of.all;
    let mut moments = Vec::new();
    for (at, (calls, errors)) in starts
        .iter()
        .zip(all.calls_by_step.iter().zip(&all.errors_by_step))
    {
        if *calls > 0 {
            moments.push(Moment {
                at: clock(*at),
                calls: *calls,
                errors: *errors,
            });
        }
    }
    let operation = |it: &crate::control::dashboard::OfOperation| Line {
        operation: it.operation,
        calls: it.counts.calls,
        errors: it.counts.errors,
        share: share(&it.counts),
        plot: plot(&it.counts, starts, SMALL_WIDTH, SMALL_HEIGHT),
        href: list(&[("environment", name), ("operation", it.operation)]),
        refused: list(&[
            ("environment", name),
            ("operation", it.operation),
            ("refused", "on"),
        ]),
    };
    let cause = |it: &crate::control::dashboard::OfCause| {
        let counts = Counts {
            calls: it.errors,
            errors: it.errors,
            calls_by_step: it.errors_by_step.clone(),
            errors_by_step: it.errors_by_step.clone(),
        };
        CauseLine {
            operation: it.operation,
            cause: it.cause,
            status: it.status,
            errors: it.errors,
            plot: plot(&counts, starts, SMALL_WIDTH, SMALL_HEIGHT),
            href: list(&[
                ("environment", name),
                ("operation", it.operation),
                ("cause", it.cause),
            ]),
        }
    };
    Drawn {
        name,
        calls: all.calls,
        errors: all.errors,
        share: share(all),
        plot: plot(all, starts, WIDTH, HEIGHT),
        moments,
        operations: of.operations.iter().map(operation).collect(),
        causes: of.causes.iter().map(cause).collect(),
        refused: list(&[("environment", name), ("refused", "on")]),
    }
}

/// The list with these filters.
fn list(filters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(filters)
        .finish();
    format!("/requests?{query}")
}

/// How many of the calls failed, of a hundred.
fn share(counts: &Counts) -> String {
    if counts.calls == 0 {
        return "–".to_owned();
    }
    let tenths = counts.errors * 1000 / counts.calls;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn plot(counts: &Counts, starts: &[Timestamp], width: u64, height: u64) -> Plot {
    let most = counts.calls_by_step.iter().copied().max().unwrap_or(0);
    let steps = (starts.len() as u64).max(1);
    let mut bars = Vec::new();
    let all = counts.calls_by_step.iter().zip(&counts.errors_by_step);
    for (step, ((calls, errors), start)) in (0_u64..).zip(all.zip(starts)) {
        if *calls == 0 {
            continue;
        }
        // What is there is seen, however little it is.
        let tall = |count: u64| match count {
            0 => 0,
            some => (some * height / most.max(1)).max(2),
        };
        let (fine, refused) = (tall(calls - errors), tall(*errors));
        let (x, end) = (step * width / steps, (step + 1) * width / steps);
        bars.push(Bar {
            x,
            width: (end - x).saturating_sub(1).max(1),
            fine_y: height.saturating_sub(fine + refused),
            fine_height: fine,
            refused_y: height - refused,
            refused_height: refused,
            title: format!("{}: {calls} calls, {errors} refused", clock(*start)),
        });
    }
    let words = format!(
        "{} calls, {} refused ({}); at most {most} in one step",
        counts.calls,
        counts.errors,
        share(counts)
    );
    Plot {
        width,
        height,
        bars,
        most,
        words,
    }
}
