//! What happens to a payment, told as it happens: server-sent events for whoever holds its link.
//!
//! Each event says where the payment stands and how long the link still works, on the sales unit's
//! clock. There is one at the beginning, and one whenever either changes; also when the clock is
//! moved. After the payment is decided the stream ends.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use sandkasse_api::Platform;
use sandkasse_domain::{Environment, Msn, payment::Payment};
use sandkasse_engine::{Changed, View};
use sandkasse_gate::link;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Interval, MissedTickBehavior, interval},
};

use super::{EVENTS, PATH, Surroundings, Visit, parameter};

/// So often it is looked whether somebody moved the unit's clock.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks without news a comment is sent, so that nobody on the way hangs up.
const LOOKS_BEFORE_HEARTBEAT: u32 = 15;

/// Where a payment stands, as far as its page is concerned: another page for another stage.
pub(super) fn stage(payment: &Payment) -> String {
    let Some(open) = payment.open() else {
        return "ended".to_owned();
    };
    let Some(payer) = &open.payer else {
        return "asked".to_owned();
    };
    let what = if open.in_three_d_secure {
        "confirming"
    } else if open.refused.is_some() {
        "refused"
    } else {
        "waiting"
    };
    format!("{what}-{}", payer.phone)
}

/// How long the link still works.
pub(super) fn left_ms(view: &View) -> i64 {
    let left = view.payment.link_expires_at().duration_since(view.now);
    i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(0)
}

/// The events for a visit that asks for them.
pub(crate) fn follow(
    platform: &Arc<Platform>,
    surroundings: &Surroundings,
    visit: &Visit<'_>,
) -> Option<Response> {
    let place = visit.path.get(..PATH.len())?;
    let rest = visit.path.get(PATH.len()..)?;
    let is_here = place.eq_ignore_ascii_case(PATH) && rest.eq_ignore_ascii_case(EVENTS);
    if !is_here || *visit.method != Method::GET {
        return None;
    }
    let token = parameter(visit.query.unwrap_or_default().as_bytes(), "token");
    let (msn, order) = link::read(&platform.engine, visit.environment, &token?)?;
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = Follower {
        environment: visit.environment,
        msn,
        order: order.to_string(),
        // From before the first look, so that nothing is missed between both.
        changes: platform.engine.changes(),
        platform: platform.clone(),
        stop: surroundings.stop.clone(),
        ticks,
        silent_looks: 0,
        told: None,
        is_over: false,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((
            Ok::<_, std::convert::Infallible>(Bytes::from(event)),
            follower,
        ))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-content-type-options"),
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Some((StatusCode::OK, headers, Body::from_stream(events)).into_response())
}

/// Somebody who follows a payment.
struct Follower {
    platform: Arc<Platform>,
    environment: Environment,
    msn: Msn,
    order: String,
    changes: Receiver<Changed>,
    stop: watch::Receiver<bool>,
    ticks: Interval,
    silent_looks: u32,
    told: Option<Told>,
    is_over: bool,
}

/// What was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    stage: String,
    /// When the link stops working, in real time.
    until_ms: i64,
    /// How far the unit's clock was moved.
    ahead_ms: i64,
}

/// Why to look again.
enum Woken {
    Changed,
    Tick,
    Stop,
}

impl Follower {
    /// The next event, or a comment.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        let mut looks = self.told.is_none();
        loop {
            if looks {
                let Some((told, left_ms)) = self.look().await else {
                    // The payment is gone, with all others: the page finds out.
                    self.is_over = true;
                    return Some(event("ended", 0));
                };
                if self.told.as_ref() != Some(&told) {
                    self.silent_looks = 0;
                    self.is_over = told.stage == "ended";
                    let event = event(&told.stage, left_ms);
                    self.told = Some(told);
                    return Some(event);
                }
            }
            looks = match self.wait().await {
                Woken::Stop => return None,
                Woken::Changed => true,
                Woken::Tick => {
                    self.silent_looks += 1;
                    if self.silent_looks >= LOOKS_BEFORE_HEARTBEAT {
                        self.silent_looks = 0;
                        return Some(":\n\n".to_owned());
                    }
                    self.clock_was_moved()
                }
            };
        }
    }

    async fn look(&self) -> Option<(Told, i64)> {
        let engine = &self.platform.engine;
        let unit = engine
            .directory
            .of(self.environment)
            .unit(&self.msn)?
            .clone();
        let view = engine.view(&unit, &self.order).await.ok()?;
        let told = Told {
            stage: stage(&view.payment),
            until_ms: unit.real(view.payment.link_expires_at()).as_millisecond(),
            ahead_ms: unit.ahead_ms(),
        };
        Some((told, left_ms(&view)))
    }

    /// Also when the unit is gone.
    fn clock_was_moved(&self) -> bool {
        let snapshot = self.platform.engine.directory.of(self.environment);
        let ahead_ms = snapshot.unit(&self.msn).map(|unit| unit.ahead_ms());
        ahead_ms != self.told.as_ref().map(|told| told.ahead_ms)
    }

    async fn wait(&mut self) -> Woken {
        let (changes, msn, order) = (&mut self.changes, &self.msn, &self.order);
        let environment = self.environment;
        let changed = async move {
            loop {
                match changes.recv().await {
                    Ok(Changed::Payment(partition, changed)) => {
                        let here = partition.environment == environment && partition.msn == *msn;
                        if here && changed == *order {
                            return Woken::Changed;
                        }
                    }
                    Ok(Changed::Anything) => return Woken::Changed,
                    // It may have been among those that were missed.
                    Err(RecvError::Lagged(_)) => return Woken::Changed,
                    Err(RecvError::Closed) => return Woken::Stop,
                }
            }
        };
        let stop = &mut self.stop;
        tokio::select! {
            woken = changed => woken,
            _ = self.ticks.tick() => Woken::Tick,
            // Whoever would say so is gone: that is an end as well.
            _ = stop.wait_for(|stop| *stop) => Woken::Stop,
        }
    }
}

fn event(stage: &str, left_ms: i64) -> String {
    format!("data: {{\"stage\":\"{stage}\",\"left_ms\":{left_ms}}}\n\n")
}
