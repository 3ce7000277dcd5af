//! The list as it grows: one task looks at what is new, renders each row once and hands it to all
//! pages that are open; each page takes what fits its filter.
//!
//! Calls pay nothing for it: they wake the task at most, and wait for nobody. The task looks at most
//! every 100 ms, renders at most [`MOST`] rows then, and counts the others. A page that is slow
//! loses rows and is told how many; nothing is kept for it beyond [`WAITING`] looks.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequestParts, Query, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, header, request::Parts};
use parking_lot::Mutex;
use sandkasse_inspect::Record;
use sandkasse_store::CallRecord;
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, Interval, interval_at},
};

use super::{list::Query as ListQuery, row::Row};
use crate::{
    control::{Control, wanted::Wanted},
    portal::{shell, visitor::Visitor},
};

/// So many rows are rendered at a time.
const MOST: usize = 25;
/// So many new calls are looked at for those rows.
const LOOKED_AT: usize = 1000;
/// So long between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// The same while there are more calls than rows.
const LONGER_PAUSE: Duration = Duration::from_millis(250);
/// So many looks wait for a page that is slow.
const WAITING: usize = 16;
/// How often a page hears that the stream lives, and is asked who reads it.
const BEAT: Duration = Duration::from_secs(15);

/// Who looks on.
pub(crate) struct Live {
    looks: broadcast::Sender<Arc<Look>>,
    task: Mutex<Task>,
}

/// How the one task stands.
#[derive(Default)]
struct Task {
    is_running: bool,
    /// How many new calls were told of, ever.
    told: u64,
}

impl Default for Live {
    fn default() -> Live {
        Live {
            looks: broadcast::Sender::new(WAITING),
            task: Mutex::default(),
        }
    }
}

/// What one look found.
struct Look {
    rows: Vec<(Source, String)>,
    /// How many calls were new, and how many were told of before.
    new: u64,
    before: u64,
    /// Where the next look at the journal begins.
    next: u64,
    /// The same as a page gets it that wants all.
    all: Bytes,
}

/// What a row was made from.
enum Source {
    Call(Arc<Record>),
    Outgoing(Box<CallRecord>),
}

impl Source {
    fn fits(&self, wanted: &Wanted) -> bool {
        match self {
            Source::Call(record) => wanted.fits(record),
            Source::Outgoing(record) => wanted.fits_call(record),
        }
    }
}

impl Live {
    /// Everything from now on, and how many calls were told of before.
    fn subscribe(&self, control: &Arc<Control>) -> (broadcast::Receiver<Arc<Look>>, u64) {
        let mut task = self.task.lock();
        let looks = self.looks.subscribe();
        if !task.is_running {
            task.is_running = true;
            // From now on, and not from when the task gets its turn.
            let next = control.inspector.journal.next();
            let ended = control.platform.engine.calls_ended();
            tokio::spawn(keep_looking(control.clone(), next, ended));
        }
        (looks, task.told)
    }

    /// Hands a look to everybody.
    fn tell(&self, look: Look) {
        let mut task = self.task.lock();
        task.told += look.new;
        // Nobody may be left by now; the next round finds out.
        let _ = self.looks.send(Arc::new(look));
    }

    /// Whether nobody looks on any more; then the task ends.
    fn is_over(&self) -> bool {
        let mut task = self.task.lock();
        task.is_running = self.looks.receiver_count() > 0;
        !task.is_running
    }
}

/// Lets another task begin if this one breaks down.
struct Watched(Arc<Control>);

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.live.task.lock().is_running = false;
        }
    }
}

/// The one task.
async fn keep_looking(
    control: Arc<Control>,
    mut next: u64,
    mut ended: Option<broadcast::Receiver<String>>,
) {
    let _watched = Watched(control.clone());
    let mut stop = control.stop.clone();
    loop {
        let mut ids = Vec::new();
        tokio::select! {
            () = control.inspector.journal.noted() => {}
            id = ended_call(&mut ended) => ids.extend(id),
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if control.live.is_over() {
            return;
        }
        while let Some(id) = ended.as_mut().and_then(|it| it.try_recv().ok()) {
            ids.push(id);
        }
        let before = control.live.task.lock().told;
        let look = look(&control, next, before, &ids).await;
        next = look.next;
        let is_crowded = look.new > MOST as u64;
        if look.new > 0 {
            control.live.tell(look);
        }
        let pause = if is_crowded { LONGER_PAUSE } else { PAUSE };
        let ended = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        if ended.is_ok() {
            return;
        }
    }
}

/// The next call to a merchant that ended. Without a way to know, never.
async fn ended_call(ended: &mut Option<broadcast::Receiver<String>>) -> Option<String> {
    match ended {
        Some(ended) => match ended.recv().await {
            Ok(id) => Some(id),
            Err(broadcast::error::RecvError::Lagged(_)) => None,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

async fn look(control: &Control, from: u64, before: u64, ids: &[String]) -> Look {
    let journal = &control.inspector.journal;
    let next = journal.next();
    let mut records = journal.since(from, LOOKED_AT);
    records.retain(|record| record.number < next);
    let new = next.saturating_sub(from) + ids.len() as u64;
    if records.len() > MOST {
        // Refused ones first: there are fewer of them, and they are looked for.
        let refused = records.iter().filter(|it| it.why.is_some());
        let others = records.iter().filter(|it| it.why.is_none());
        let chosen = refused.chain(others).take(MOST).map(|it| it.number);
        let chosen: HashSet<u64> = chosen.collect();
        records.retain(|record| chosen.contains(&record.number));
    }
    let mut rows = Vec::new();
    for id in ids.iter().rev().take(MOST) {
        if let Ok(Some(record)) = control.platform.engine.store().call(id).await {
            let html = Row::of_outgoing(&record).html();
            rows.push((Source::Outgoing(Box::new(record)), html));
        }
    }
    for record in records {
        let html = Row::of(control, &record).html();
        rows.push((Source::Call(record), html));
    }
    let shown = rows.len() as u64;
    let all = frame(
        rows.iter().map(|(_, html)| html.as_str()),
        new.saturating_sub(shown),
        next,
    );
    Look {
        rows,
        new,
        before,
        next,
        all,
    }
}

/// Rows as an event; newest first, as they came.
fn frame<'a>(rows: impl Iterator<Item = &'a str>, missed: u64, next: u64) -> Bytes {
    let mut text = String::new();
    for html in rows {
        text.push_str("data: ");
        text.push_str(html);
        text.push('\n');
    }
    if !text.is_empty() {
        text.insert_str(0, &format!("id: {next}\nevent: rows\n"));
        text.push('\n');
    }
    if missed > 0 {
        text.push_str(&format!("event: missed\ndata: {missed}\n\n"));
    }
    Bytes::from(text)
}

/// A page that is open.
struct Page {
    control: Arc<Control>,
    visitor: Parts,
    wanted: Wanted,
    looks: broadcast::Receiver<Arc<Look>>,
    stop: watch::Receiver<bool>,
    beat: Interval,
    /// Calls that it was told of, or that came before it.
    told: u64,
    /// Sent first.
    first: Option<Bytes>,
}

impl Page {
    /// The next piece of the stream; `None` at its end.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Page)> {
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        loop {
            let look = tokio::select! {
                look = self.looks.recv() => Some(look),
                _ = self.beat.tick() => None,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            };
            let Some(look) = look else {
                // Whoever signed out sees no more, however much happens.
                let parts = &mut self.visitor;
                let still = Visitor::from_request_parts(parts, &self.control).await;
                still.ok()?;
                return Some((Ok(Bytes::from_static(b": alive\n\n")), self));
            };
            match look {
                Ok(look) => {
                    let bytes = self.taken(&look);
                    if !bytes.is_empty() {
                        return Some((Ok(bytes), self));
                    }
                }
                // The next look says how many calls that were.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    fn taken(&mut self, look: &Look) -> Bytes {
        let lost = look.before.saturating_sub(self.told);
        self.told = look.before + look.new;
        if lost == 0 && self.wanted == Wanted::default() {
            return look.all.clone();
        }
        let fitting = look
            .rows
            .iter()
            .filter(|(source, _)| source.fits(&self.wanted));
        let not_rendered = look.new.saturating_sub(look.rows.len() as u64);
        let rows = fitting.map(|(_, html)| html.as_str());
        frame(rows, lost + not_rendered, look.next)
    }
}

/// Where a page goes on: after what it shows already.
fn from(headers: &HeaderMap, asked: &ListQuery) -> Option<u64> {
    let last = headers.get("last-event-id");
    let last = last
        .and_then(|value| value.to_str().ok())
        .and_then(|it| it.parse().ok());
    last.or(asked.since)
}

/// The list's events: `rows` with the rows that are new as HTML, newest first, and `missed` with a
/// number of calls that were not shown.
pub(super) async fn events(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Query(asked): Query<ListQuery>,
    request: Request<Body>,
) -> Response {
    drop(visitor);
    let (parts, _) = request.into_parts();
    let wanted = asked.wanted().0;
    let (looks, told) = control.live.subscribe(&control);
    let mut first = String::from("retry: 2000\n\n");
    if let Some(since) = from(&parts.headers, &asked) {
        // What came between the page and its stream. The next look may tell of some of it again;
        // a row that is there is replaced.
        let journal = &control.inspector.journal;
        let next = journal.next();
        let records = journal.since(since, LOOKED_AT);
        let fitting: Vec<_> = records.iter().filter(|it| wanted.fits(it)).collect();
        let shown = fitting.iter().take(MOST);
        let rows: Vec<String> = shown.map(|it| Row::of(&control, it).html()).collect();
        let not_looked_at = next
            .saturating_sub(since)
            .saturating_sub(records.len() as u64);
        let missed = not_looked_at + (fitting.len() - rows.len()) as u64;
        let frame = frame(rows.iter().map(String::as_str), missed, next);
        first.push_str(&String::from_utf8_lossy(&frame));
    }
    let page = Page {
        stop: control.stop.clone(),
        beat: interval_at(Instant::now() + BEAT, BEAT),
        control,
        visitor: parts,
        wanted,
        looks,
        told,
        first: Some(Bytes::from(first)),
    };
    let mut headers = shell::secured("text/event-stream; charset=utf-8");
    headers.insert(
        header::CACHE_CONTROL,
        http::HeaderValue::from_static("no-store"),
    );
    let body = Body::from_stream(stream::unfold(page, Page::next));
    (headers, body).into_response()
}
