//! Plays what a page of the catalogue describes: its stage directions, then its request.
//!
//! The directions and the placeholders are listed in `catalogue/README.md`; [`given`] understands
//! the first, [`names`] the second. Every play has a world of its own.
//!
//! ```
//! use sandkasse_catalogue::Catalogue;
//! use sandkasse_testkit::Stage;
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let (_, cause) = Catalogue::get().by_cause("order.unknown", "ecom/order-not-found").expect("a page");
//! let played = Stage::default().play(cause).await;
//! assert_eq!((played.got.status, played.got.cause()), (404, "order.unknown"));
//! # }
//! ```

mod cast;
mod given;
mod names;
mod spoken;

use sandkasse_catalogue::{Cause, Direction, Request};
use sandkasse_domain::Wording;

use crate::{Ask, Got, Shop, World};
use cast::{Cast, Place};
pub use spoken::Spoken;

/// Where causes are played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stage {
    wording: Wording,
}

/// What was played.
pub struct Played {
    /// Where.
    pub world: World,
    /// Whose program called: the sales unit without a prefix.
    pub shop: Shop,
    /// The request, as it was sent last.
    pub ask: Ask,
    /// What came back.
    pub got: Got,
}

/// A direction or a placeholder that nobody has taught the stage yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplayable(pub String);

impl Stage {
    /// The same with other words of the platform.
    #[must_use]
    pub fn in_wording(wording: Wording) -> Stage {
        Stage { wording }
    }

    /// Plays a cause.
    ///
    /// # Panics
    ///
    /// When it has no request, or the stage cannot play it.
    pub async fn play(&self, cause: &Cause) -> Played {
        match self.try_play(cause).await {
            Ok(played) => played,
            Err(unplayable) => panic!("{}: {}", cause.id, unplayable.0),
        }
    }

    /// Plays a cause, if the stage knows all of its directions and placeholders.
    ///
    /// # Errors
    ///
    /// When it does not know one, or there is no request.
    ///
    /// # Panics
    ///
    /// When a direction cannot be carried out, such as the capture of what is not reserved.
    pub async fn try_play(&self, cause: &Cause) -> Result<Played, Unplayable> {
        let request = cause.request().ok_or_else(|| unknown("no request"))?;
        let directions = cause.given.iter();
        let directions = directions.map(|it| Direction::parse(it).ok_or_else(|| unknown(it)));
        let mut directions = directions.collect::<Result<Vec<_>, _>>()?;
        // What is true of the whole place comes first.
        let mut place = Place::default();
        while let Some(direction) = directions.first() {
            if *direction == Direction::InProduction {
                place.in_production = true;
            } else if *direction == Direction::UnitsIdleAway {
                place.idle_away = true;
            } else {
                break;
            }
            directions.remove(0);
        }
        let mut cast = Cast::gather(self.wording, place).await;
        let mut before = 0;
        for direction in directions {
            if let Direction::Sent { times } = direction {
                before = times;
            } else {
                given::carry_out(&mut cast, direction).await?;
            }
        }
        for _ in 0..before {
            ask(&mut cast, &request).await?.send().await;
        }
        let ask = ask(&mut cast, &request).await?;
        let got = ask.clone().send().await;
        cast.calm_down().await;
        Ok(Played {
            world: cast.world,
            shop: cast.shop,
            ask,
            got,
        })
    }
}

/// The request with its usual headers and all names filled in.
async fn ask(cast: &mut Cast, request: &Request<'_>) -> Result<Ask, Unplayable> {
    let path = names::filled(cast, request.path).await?;
    let mut ask = cast.world.ask(cast.shop.environment, request.method, &path);
    for (name, value) in request.all_headers(&path) {
        ask = ask.header(name, &names::filled(cast, value).await?);
    }
    Ok(ask.body(names::filled(cast, request.body).await?))
}

fn unknown(what: impl Into<String>) -> Unplayable {
    Unplayable(what.into())
}
