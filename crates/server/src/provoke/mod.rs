//! "Provoke it now": plays what a page of the catalogue describes in the running platform, on
//! scratch sales units of its own.
//!
//! The scratch units, their merchants and persons are made when first needed, carry the word
//! "Catalogue" in their names, and are put back in order before each play: new keys, all traits as
//! of a new unit. Order ids are new in every play. Only their clocks cannot go back; a unit that is
//! far ahead is left alone and another one made. One play runs at a time.
//!
//! What is left out: directions that would touch more than the scratch units ([`why_not`]). The
//! tests' stage (`testkit`) plays those as well, each in a world of its own.

mod calls;
mod cast;
mod directions;
mod names;
#[cfg(test)]
mod tests;

use http::HeaderName;
use sandkasse_api::{Connection, Request};
use sandkasse_catalogue::{Cause, Direction, UnitTrait};
use sandkasse_domain::Environment;
use sandkasse_inspect::EXPLAIN;
use tokio::sync::Mutex;

use crate::control::Control;
use cast::Cast;

/// The scratch units, one play at a time.
#[derive(Default)]
pub(crate) struct Scratch {
    playing: Mutex<()>,
}

/// What was sent, and what came back.
#[derive(Debug)]
pub(crate) struct Provoked {
    /// The request; secrets are named.
    pub(crate) sent: String,
    pub(crate) status: u16,
    /// The body.
    pub(crate) answered: String,
    /// Whether the connection would have been closed without an answer.
    pub(crate) dropped: bool,
    /// Where the refusal is explained.
    pub(crate) explain: Option<String>,
}

impl Provoked {
    /// The call in the inspector.
    pub(crate) fn request_path(&self) -> String {
        let url = self.explain.as_deref().unwrap_or_default();
        let address = url.rsplit('/').next().unwrap_or_default();
        format!("/requests/{address}")
    }
}

/// Why a cause cannot be provoked here; `None` when it can.
pub(crate) fn why_not(cause: &Cause) -> Option<&str> {
    if let Some(why) = &cause.unprovokable {
        return Some(why);
    }
    if cause.request.is_none() {
        return Some("the page has no request");
    }
    if cause.awaits.is_some() {
        return Some("what it needs is not built yet");
    }
    cause
        .given
        .iter()
        .find_map(|line| match Direction::parse(line) {
            None => Some("the page says something that is not understood"),
            Some(Direction::UnitsIdleAway) => {
                Some("it takes an installation that closes test units nobody uses")
            }
            Some(Direction::StoreBroken) => {
                Some("the database of this platform would have to fail")
            }
            Some(Direction::CaptureRunning { .. }) => {
                Some("the database of this platform would have to be slow")
            }
            Some(Direction::Unit(UnitTrait::Strict)) => {
                Some("it asks the DNS, and what that answers is not known here")
            }
            Some(
                Direction::InProduction
                | Direction::Initiated { .. }
                | Direction::Reserved { .. }
                | Direction::Approved { .. }
                | Direction::Captured { .. }
                | Direction::Refunded { .. }
                | Direction::Cancelled { .. }
                | Direction::Released { .. }
                | Direction::BankAsks { .. }
                | Direction::BankBlocksCard
                | Direction::Shared { .. }
                | Direction::Pass { .. }
                | Direction::Unit(
                    UnitTrait::Deactivated
                    | UnitTrait::LoginOnly
                    | UnitTrait::WithoutLogin
                    | UnitTrait::WithCheckout
                    | UnitTrait::RecurringOnly
                    | UnitTrait::Direct
                    | UnitTrait::WithoutPartialCapture
                    | UnitTrait::WithoutExpress
                    | UnitTrait::LongLiving
                    | UnitTrait::PaidOut
                    | UnitTrait::ReceivesAtMost(_)
                    | UnitTrait::RequestsAtMost(_),
                )
                | Direction::Merchant(_)
                | Direction::RegisterDeleted
                | Direction::RegisterFormChanged
                | Direction::PartnerDeactivated
                | Direction::PartnerUnlinked
                | Direction::PartnerChanged
                | Direction::PartnerRegenerated(_)
                | Direction::Regenerated(_)
                | Direction::TokenFetched { .. }
                | Direction::Sent { .. },
            ) => None,
        })
}

impl Control {
    /// Plays a cause; the text of an error says what did not work.
    pub(crate) async fn provoke(&self, cause: &Cause) -> Result<Provoked, String> {
        if let Some(why) = why_not(cause) {
            return Err(format!("This cannot be provoked here: {why}."));
        }
        let _one_at_a_time = self.scratch.playing.lock().await;
        let played = self.play(cause).await;
        played.map_err(|what| format!("It could not be provoked: {what}."))
    }

    async fn play(&self, cause: &Cause) -> Result<Provoked, String> {
        // Order ids of the pages start so; with a number of the play they are new.
        let number = self.engine().chance.below(1 << 32);
        let orders = format!("acme-{number:08x}-");
        let renamed = |text: &str| text.replace("acme-", &orders);
        let given: Vec<String> = cause.given.iter().map(|line| renamed(line)).collect();
        let mut cause = cause.clone();
        cause.request = cause.request.as_deref().map(renamed);
        let request = cause.request().ok_or("the page has no request")?;
        let in_production = given.iter().any(|line| line == "in production");
        let environment = if in_production {
            Environment::Production
        } else {
            Environment::Test
        };
        let mut cast = Cast::gather(self, environment, &cause, orders.clone()).await?;
        let mut before = 0;
        for line in &given {
            let direction = Direction::parse(line).ok_or(line)?;
            if let Direction::Sent { times } = direction {
                before = times;
            } else if direction != Direction::InProduction {
                let carried = cast.carry_out(direction).await;
                carried.map_err(|what| format!("{line}: {what}"))?;
            }
        }
        let path = cast.filled(request.path).await?;
        let mut ask = Request {
            method: request.method.parse().map_err(|_| "the method is none")?,
            path: path.clone(),
            headers: http::HeaderMap::new(),
            body: cast.filled(request.body).await?.into(),
        };
        let mut sent = format!("{} {}\n", request.method, cast.shown(request.path));
        for (name, value) in request.all_headers(&path) {
            sent.push_str(&format!("{name}: {}\n", cast.shown(value)));
            let bad = |_| format!("the header {name} cannot be sent");
            let value = cast.filled(value).await?.parse().map_err(bad)?;
            let name: HeaderName = name.parse().map_err(|_| format!("{name} is no header"))?;
            ask.headers.insert(name, value);
        }
        if !request.body.is_empty() {
            sent.push_str(&format!("\n{}", cast.shown(request.body)));
        }
        for _ in 0..before {
            self.platform.answer(environment, &ask).await;
        }
        let (answer, connection) = self.inspector.answer(environment, &ask).await;
        cast.leave().await?;
        let explain = answer.headers.get(EXPLAIN);
        Ok(Provoked {
            sent,
            status: answer.status.as_u16(),
            answered: String::from_utf8_lossy(&answer.body).into_owned(),
            dropped: connection == Connection::Drop,
            explain: explain.and_then(|it| it.to_str().ok()).map(str::to_owned),
        })
    }
}
