//! Tells a page with phones that something changed on one of them, as it happens.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};
use sandkasse_domain::{Environment, Msn, person::PersonId};
use sandkasse_engine::Changed;
use tokio::{
    sync::{
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        watch,
    },
    time::{Interval, MissedTickBehavior, interval},
};

use super::owner::Owner;
use crate::{control::Control, portal::shell};

/// News are told no faster than this, so that a busy platform is not slowed down by phones.
const PACE: Duration = Duration::from_millis(40);
/// So often it is looked whether somebody moved a clock.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks without news a comment is sent, so that nobody on the way hangs up.
const LOOKS_BEFORE_HEARTBEAT: u32 = 15;
/// When more payments changed at once, all phones look for themselves.
const MOST: usize = 16;

/// The events for these phones.
pub(super) fn events(
    control: &Arc<Control>,
    environment: Environment,
    owners: &[Owner],
) -> Response {
    let [pace, look] = [PACE, LOOK].map(|period| {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let phones = owners.iter();
    let mut watcher = Watcher {
        environment,
        phones: phones
            .map(|owner| (owner.person.phone.to_string(), owner.person.id.clone()))
            .collect(),
        changes: control.platform.engine.changes(),
        control: control.clone(),
        stop: control.stop.clone(),
        pace,
        look,
        silent_looks: 0,
        ahead_ms: 0,
        apps: BTreeMap::new(),
        began: false,
    };
    watcher.ahead_ms = watcher.ahead_ms_of_all();
    let events = stream::unfold(watcher, |mut watcher| async move {
        let text = watcher.next().await?;
        Some((
            Ok::<_, std::convert::Infallible>(Bytes::from(text)),
            watcher,
        ))
    });
    let mut headers = shell::secured("text/event-stream");
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (StatusCode::OK, headers, Body::from_stream(events)).into_response()
}

/// Somebody who looks at phones.
struct Watcher {
    control: Arc<Control>,
    environment: Environment,
    /// Numbers and whose they are.
    phones: Vec<(String, PersonId)>,
    changes: Receiver<Changed>,
    stop: watch::Receiver<bool>,
    pace: Interval,
    look: Interval,
    silent_looks: u32,
    /// How far the environment's clocks were moved, all together.
    ahead_ms: i64,
    /// What was in each app when it was looked at last, by number; only where there are several
    /// processes.
    apps: BTreeMap<String, App>,
    began: bool,
}

/// The newest payments of an app, with how often each has changed.
type App = Vec<(Msn, String, usize)>;

/// So many payments of an app are compared.
const COMPARED: usize = 10;

/// Why to look again.
enum Woken {
    Changed(HashSet<(Msn, String)>),
    /// More than can be looked at one by one.
    Much,
    /// Another process works on the same store, and does not say at what.
    Anything,
    Tick,
    Stop,
}

impl Watcher {
    async fn next(&mut self) -> Option<String> {
        // The page was made before this stream began: it looks once.
        if !self.began {
            self.began = true;
            return Some(self.all());
        }
        loop {
            let numbers = match self.wait().await {
                Woken::Stop => return None,
                Woken::Much => return Some(self.all()),
                Woken::Changed(changed) => self.concerned(&changed).await,
                Woken::Anything => self.changed_apps().await,
                Woken::Tick => {
                    let ahead_ms = self.ahead_ms_of_all();
                    if ahead_ms != self.ahead_ms {
                        self.ahead_ms = ahead_ms;
                        return Some(self.all());
                    }
                    self.silent_looks += 1;
                    if self.silent_looks >= LOOKS_BEFORE_HEARTBEAT {
                        self.silent_looks = 0;
                        return Some(":\n\n".to_owned());
                    }
                    BTreeSet::new()
                }
            };
            if !numbers.is_empty() {
                let event = event(numbers.iter().map(String::as_str));
                self.silent_looks = 0;
                return Some(event);
            }
        }
    }

    fn all(&self) -> String {
        event(self.phones.iter().map(|(number, _)| number.as_str()))
    }

    fn ahead_ms_of_all(&self) -> i64 {
        let directory = self.control.platform.engine.directory.of(self.environment);
        let units = directory.units().into_iter();
        units.fold(0, |sum, unit| sum.wrapping_add(unit.ahead_ms()))
    }

    /// On whose phones these payments are, or were.
    async fn concerned(&self, changed: &HashSet<(Msn, String)>) -> BTreeSet<String> {
        let engine = &self.control.platform.engine;
        let directory = engine.directory.of(self.environment);
        let mut numbers = BTreeSet::new();
        for (msn, order) in changed {
            let Some(unit) = directory.unit(msn) else {
                continue;
            };
            // Gone meanwhile, with everything else: the page is told of that by nobody.
            let Ok(view) = engine.view(unit, order).await else {
                continue;
            };
            let concerned = self.phones.iter();
            let concerned = concerned.filter(|(_, person)| view.was_seen_by(person));
            numbers.extend(concerned.map(|(number, _)| number.clone()));
        }
        numbers
    }

    /// Whose apps show something else than at the last look.
    async fn changed_apps(&mut self) -> BTreeSet<String> {
        let engine = &self.control.platform.engine;
        let mut numbers = BTreeSet::new();
        for (number, person) in &self.phones {
            // What cannot be read now is looked at again at once.
            let Ok(list) = engine.in_app(self.environment, person, COMPARED).await else {
                continue;
            };
            let app = list.iter().map(|it| {
                let order = it.view.payment.order.id.to_string();
                (it.unit.facts.msn.clone(), order, it.view.history.len())
            });
            let app: App = app.collect();
            let before = self.apps.insert(number.clone(), app.clone());
            if before.is_some_and(|before| before != app) {
                numbers.insert(number.clone());
            }
        }
        numbers
    }

    async fn wait(&mut self) -> Woken {
        let stop = &mut self.stop;
        let (changes, environment) = (&mut self.changes, self.environment);
        let first = async {
            loop {
                match changes.recv().await {
                    Ok(Changed::Payment(partition, order))
                        if partition.environment == environment =>
                    {
                        return Woken::Changed([(partition.msn, order)].into());
                    }
                    Ok(Changed::Payment(..)) => {}
                    Ok(Changed::Anything) => return Woken::Anything,
                    Err(RecvError::Lagged(_)) => return Woken::Much,
                    Err(RecvError::Closed) => return Woken::Stop,
                }
            }
        };
        let first = tokio::select! {
            first = first => first,
            _ = self.look.tick() => return Woken::Tick,
            // Whoever would say so is gone: that is an end as well.
            _ = stop.wait_for(|stop| *stop) => return Woken::Stop,
        };
        let mut changed = match first {
            Woken::Stop | Woken::Anything => return first,
            Woken::Changed(changed) => changed,
            Woken::Much | Woken::Tick => HashSet::new(),
        };
        let mut is_much = changed.is_empty();
        tokio::select! {
            _ = self.pace.tick() => {}
            _ = self.stop.wait_for(|stop| *stop) => return Woken::Stop,
        }
        loop {
            match self.changes.try_recv() {
                Ok(Changed::Payment(partition, order)) => {
                    if partition.environment == environment && changed.len() <= MOST {
                        changed.insert((partition.msn, order));
                    }
                }
                // The next one is soon enough.
                Ok(Changed::Anything) => {}
                Err(TryRecvError::Lagged(_)) => is_much = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if is_much || changed.len() > MOST {
            Woken::Much
        } else {
            Woken::Changed(changed)
        }
    }
}

/// Numbers are digits: there is nothing to escape.
fn event<'a>(numbers: impl IntoIterator<Item = &'a str>) -> String {
    let numbers: Vec<&str> = numbers.into_iter().collect();
    format!("data: {}\n\n", numbers.join(","))
}
