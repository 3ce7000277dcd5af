//! All figures of the running program.
//!
//! Nothing is counted here: each part of the program counts what it does, and this puts it together
//! when somebody asks. Labels are names that the program knows; none comes from a caller, so there
//! are never more series than operations and causes. docs/operations.md lists all of them, and a
//! test compares.

use std::collections::BTreeMap;

use prometheus_client::registry::Unit;
use sandkasse_domain::Environment;
use sandkasse_engine::Engine;
use sandkasse_inspect::api_of;
use sandkasse_store::Distribution;

use super::{
    metrics::{Figure, Labels, Rows},
    process::Process,
};
use crate::control::Control;

/// The figures in the order in which they are told.
pub(super) fn figures(control: &Control) -> Vec<Figure> {
    let mut all = Vec::new();
    program(control, &mut all);
    calls(control, &mut all);
    limiter(control, &mut all);
    store(&control.platform.engine, &mut all);
    later(&control.platform.engine, &mut all);
    outgoing(control, &mut all);
    journal(control, &mut all);
    process(control, &mut all);
    all
}

fn program(control: &Control, all: &mut Vec<Figure>) {
    let (operations, engine) = (&control.operations, &control.platform.engine);
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    all.push(gauges(
        "sandkasse_build_info",
        "Which version runs; always 1",
        [(version, 1.0)],
    ));
    all.push(gauge(
        "sandkasse_draining",
        "1 while the program is about to end and wants no more work",
        u64::from(operations.is_draining()),
    ));
    all.push(gauge(
        "sandkasse_nodes",
        "Processes that live and work on the same store, this one too",
        engine.living() as u64,
    ));
    let units = Environment::ALL.map(|environment| {
        let count = engine.directory.of(environment).units().len();
        (within(environment), count as f64)
    });
    all.push(gauges("sandkasse_sales_units", "Sales units", units));
    let doors = operations.listeners.all();
    let at = |name: &str| vec![("listener", name.to_owned())];
    all.push(gauges(
        "sandkasse_connections_open",
        "Connections of a listener",
        doors.map(|(name, door)| (at(name), door.inside() as f64)),
    ));
    all.push(counters(
        "sandkasse_connections_accepted",
        "Connections that a listener accepted",
        doors.map(|(name, door)| (at(name), door.entered.read())),
    ));
    all.push(counters(
        "sandkasse_connections_not_accepted",
        "Connections that a listener could not accept, mostly for want of file descriptors",
        doors.map(|(name, door)| (at(name), door.failed.read())),
    ));
}

fn calls(control: &Control, all: &mut Vec<Figure>) {
    let inspector = &control.inspector;
    let (mut by_status, mut by_cause) = (BTreeMap::new(), BTreeMap::new());
    let (mut limited, mut took) = (BTreeMap::new(), Vec::new());
    for environment in Environment::ALL {
        for (counted, count) in inspector.tally.totals(environment) {
            let api = api_of(counted.operation);
            let class = class_of(counted.status);
            let row = (environment.name(), api, counted.operation, class);
            *by_status.entry(row).or_default() += count;
            if let Some(cause) = counted.cause {
                let row = (environment.name(), api, cause);
                *by_cause.entry(row).or_default() += count;
                if let Some(limit) = cause.strip_prefix("rate.") {
                    *limited.entry((environment.name(), limit)).or_default() += count;
                }
            }
        }
        for (api, read) in inspector.durations.took(environment) {
            let mut labels = within(environment);
            labels.push(("api", api.to_owned()));
            took.push((labels, read));
        }
    }
    all.push(counters(
        "sandkasse_calls",
        "Calls of the merchant APIs that were answered; the operation is `no operation` where there is none at the path, and of calls that were sent away unread",
        by_status.into_iter().map(|((environment, api, operation, class), count)| {
            let labels = [
                ("environment", environment),
                ("api", api),
                ("operation", operation),
                ("status", class),
            ];
            (owned(&labels), count)
        }),
    ));
    all.push(counters(
        "sandkasse_refusals",
        "Calls that were refused, by cause; a page of the catalogue explains each",
        by_cause
            .into_iter()
            .map(|((environment, api, cause), count)| {
                let labels = [("environment", environment), ("api", api), ("cause", cause)];
                (owned(&labels), count)
            }),
    ));
    all.push(Figure {
        name: "sandkasse_call_duration",
        help: "How long it took to answer calls of the merchant APIs",
        unit: Some(Unit::Seconds),
        rows: Rows::Histogram(took),
    });
    all.push(gauges(
        "sandkasse_calls_in_flight",
        "Calls that are being answered",
        Environment::ALL.map(|environment| {
            let count = inspector.durations.in_flight(environment);
            (within(environment), count as f64)
        }),
    ));
    all.push(counters(
        "sandkasse_rate_limited",
        "Calls that were refused because there were too many in a minute, by limit",
        limited.into_iter().map(|((environment, limit), count)| {
            (
                owned(&[("environment", environment), ("limit", limit)]),
                count,
            )
        }),
    ));
}

fn limiter(control: &Control, all: &mut Vec<Figure>) {
    let windows = control.platform.engine.windows.as_ref();
    all.push(counter(
        "sandkasse_rate_limiter_uncounted",
        "Calls that passed because the store that several nodes count in could not count them in time",
        windows.map_or(0, |windows| windows.passed()),
    ));
    all.push(times(
        "sandkasse_rate_limiter_wait",
        "How long calls waited to be counted in the store, where several nodes may be",
        windows.map(|windows| windows.waits.read()),
    ));
}

fn store(engine: &Engine, all: &mut Vec<Figure>) {
    let (measures, measured) = (&engine.measures, engine.store().measured());
    let outcomes = [
        ("made", measures.committed.read()),
        ("conflict", measures.conflicts.read()),
        ("failed", measures.failed.read()),
    ];
    all.push(counters(
        "sandkasse_commits",
        "Commits of payments and what belongs to them; a conflict is decided anew",
        outcomes.map(|(outcome, count)| (owned(&[("outcome", outcome)]), count)),
    ));
    all.push(Figure {
        name: "sandkasse_store_group_size",
        help: "How many pieces of work were written to disk together",
        unit: None,
        rows: Rows::Histogram(alone(measured.group_sizes)),
    });
    all.push(times(
        "sandkasse_store_group_duration",
        "How long it took to write a group and have it on disk",
        measured.group_times,
    ));
    all.push(gauges(
        "sandkasse_store_waiting",
        "Pieces of work that wait to be written",
        alone(measured.waiting.map(|waiting| waiting as f64)),
    ));
    all.push(counter(
        "sandkasse_store_failures",
        "How often whoever asked was told that the store had failed",
        measured.failures,
    ));
    let connections = measured.connections;
    all.push(gauges(
        "sandkasse_database_connections_most",
        "Connections to PostgreSQL that may be in use at a time, besides those of the writers",
        alone(connections.map(|it| it.most as f64)),
    ));
    all.push(gauges(
        "sandkasse_database_connections_busy",
        "Connections to PostgreSQL that are in use, besides those of the writers",
        alone(connections.map(|it| it.busy as f64)),
    ));
    all.push(counters(
        "sandkasse_database_connections_opened",
        "Connections to PostgreSQL that were made, the first ones and those after a loss",
        alone(connections.map(|it| it.opened)),
    ));
    all.push(counters(
        "sandkasse_database_connections_refused",
        "Connections to PostgreSQL that could not be made",
        alone(connections.map(|it| it.refused)),
    ));
    all.push(counters(
        "sandkasse_database_connections_lost",
        "Connections to PostgreSQL that broke",
        alone(connections.map(|it| it.lost)),
    ));
}

fn later(engine: &Engine, all: &mut Vec<Figure>) {
    let ahead = engine.payments_ahead();
    all.push(gauge(
        "sandkasse_agenda_units",
        "Sales units with something that will happen by itself",
        ahead.units as u64,
    ));
    all.push(Figure {
        name: "sandkasse_agenda_overdue",
        help: "How long the first thing that should have happened by itself has been due",
        unit: Some(Unit::Seconds),
        rows: Rows::Gauge(vec![(Labels::new(), ahead.overdue.as_secs_f64())]),
    });
    all.push(times(
        "sandkasse_agenda_lateness",
        "How much later than its moment something happened by itself",
        Some(engine.measures.lateness.read()),
    ));
}

fn outgoing(control: &Control, all: &mut Vec<Figure>) {
    let courier = control.operations.courier.as_ref();
    all.push(gauge(
        "sandkasse_callbacks_at_hand",
        "Callbacks that wait or are being made",
        courier.map_or(0, |courier| courier.at_hand()) as u64,
    ));
    let ended = courier
        .into_iter()
        .flat_map(|courier| courier.counts().ended());
    all.push(counters(
        "sandkasse_callbacks",
        "Callbacks and calls for shipping details that ended, by outcome; none is repeated",
        ended.map(|(outcome, count)| (owned(&[("outcome", outcome)]), count)),
    ));
    all.push(times(
        "sandkasse_callback_duration",
        "How long callbacks took",
        courier.map(|courier| courier.counts().times.read()),
    ));
    let engine = &control.platform.engine;
    let (hooks, ahead) = (&engine.hooks, engine.deliveries_ahead());
    all.push(counter(
        "sandkasse_webhook_deliveries",
        "Deliveries of webhooks that this process promised",
        hooks.counts.promised.read(),
    ));
    let attempts = [
        ("taken", hooks.counts.taken.read()),
        ("failed", hooks.counts.failed.read()),
    ];
    all.push(counters(
        "sandkasse_webhook_attempts",
        "Attempts at deliveries of webhooks, by outcome",
        attempts.map(|(outcome, count)| (owned(&[("outcome", outcome)]), count)),
    ));
    all.push(counter(
        "sandkasse_webhook_dropped",
        "Deliveries of webhooks that are not tried any more",
        hooks.counts.dropped.read(),
    ));
    all.push(times(
        "sandkasse_webhook_attempt_duration",
        "How long attempts at deliveries took",
        Some(hooks.counts.times.read()),
    ));
    all.push(gauge(
        "sandkasse_webhook_attempts_in_flight",
        "Attempts that are being made",
        hooks.in_flight() as u64,
    ));
    all.push(gauge(
        "sandkasse_webhook_units_waiting",
        "Sales units with deliveries that wait for their moment",
        ahead.units as u64,
    ));
    all.push(Figure {
        name: "sandkasse_webhook_overdue",
        help: "How long the first delivery that should have been attempted has been due",
        unit: Some(Unit::Seconds),
        rows: Rows::Gauge(vec![(Labels::new(), ahead.overdue.as_secs_f64())]),
    });
}

fn journal(control: &Control, all: &mut Vec<Figure>) {
    let fill = control.inspector.journal.fill();
    all.push(gauge(
        "sandkasse_journal_calls",
        "Calls that the inspector has in memory",
        fill.calls as u64,
    ));
    all.push(bytes(
        "sandkasse_journal",
        "What they take in memory, roughly",
        Some(fill.bytes as u64),
    ));
    all.push(bytes(
        "sandkasse_journal_most",
        "What they may take",
        Some(fill.most_bytes as u64),
    ));
    all.push(gauge(
        "sandkasse_journal_disk_calls",
        "Calls that the inspector has on disk",
        fill.on_disk,
    ));
    all.push(counter(
        "sandkasse_journal_forgotten",
        "Calls that the inspector's memory had and forgot",
        fill.forgotten,
    ));
    all.push(counter(
        "sandkasse_journal_passed_over",
        "Successes, and refusals of a crowd, that came too fast to be written down",
        fill.passed_over,
    ));
    all.push(counter(
        "sandkasse_journal_not_written",
        "Calls that are missing on disk because it was too slow",
        fill.not_written,
    ));
}

fn process(control: &Control, all: &mut Vec<Figure>) {
    let process = Process::now();
    all.push(Figure {
        name: "process_cpu",
        help: "Processor time",
        unit: Some(Unit::Seconds),
        rows: Rows::Counter(alone(process.cpu_seconds)),
    });
    all.push(bytes(
        "process_resident_memory",
        "Memory that is in use",
        process.resident_bytes,
    ));
    all.push(bytes(
        "process_virtual_memory",
        "Memory that has addresses",
        process.virtual_bytes,
    ));
    let count = |count: Option<u64>| alone(count.map(|count| count as f64));
    all.push(gauges("process_threads", "Threads", count(process.threads)));
    all.push(gauges(
        "process_open_fds",
        "File descriptors that are open",
        count(process.open_files),
    ));
    all.push(gauges(
        "process_max_fds",
        "File descriptors that may be open",
        count(process.most_files),
    ));
    let started = control.operations.started_at.as_millisecond();
    all.push(Figure {
        name: "process_start_time",
        help: "When the program began, since 1970",
        unit: Some(Unit::Seconds),
        rows: Rows::Gauge(vec![(Labels::new(), started as f64 / 1000.0)]),
    });
}

fn class_of(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

fn within(environment: Environment) -> Labels {
    owned(&[("environment", environment.name())])
}

fn owned(labels: &[(&'static str, &str)]) -> Labels {
    let labels = labels.iter();
    labels.map(|(name, it)| (*name, (*it).to_owned())).collect()
}

/// The one row of a metric without labels, if there is a value.
fn alone<T>(value: Option<T>) -> Vec<(Labels, T)> {
    value
        .map(|value| (Labels::new(), value))
        .into_iter()
        .collect()
}

fn figure(name: &'static str, help: &'static str, rows: Rows) -> Figure {
    Figure {
        name,
        help,
        unit: None,
        rows,
    }
}

fn counters(
    name: &'static str,
    help: &'static str,
    rows: impl IntoIterator<Item = (Labels, u64)>,
) -> Figure {
    let rows = rows.into_iter().map(|(labels, it)| (labels, it as f64));
    figure(name, help, Rows::Counter(rows.collect()))
}

fn counter(name: &'static str, help: &'static str, count: u64) -> Figure {
    counters(name, help, alone(Some(count)))
}

fn gauges(
    name: &'static str,
    help: &'static str,
    rows: impl IntoIterator<Item = (Labels, f64)>,
) -> Figure {
    figure(name, help, Rows::Gauge(rows.into_iter().collect()))
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Figure {
    gauges(name, help, alone(Some(value as f64)))
}

fn times(name: &'static str, help: &'static str, read: Option<Distribution>) -> Figure {
    Figure {
        name,
        help,
        unit: Some(Unit::Seconds),
        rows: Rows::Histogram(alone(read)),
    }
}

fn bytes(name: &'static str, help: &'static str, bytes: Option<u64>) -> Figure {
    Figure {
        name,
        help,
        unit: Some(Unit::Bytes),
        rows: Rows::Gauge(alone(bytes.map(|bytes| bytes as f64))),
    }
}
