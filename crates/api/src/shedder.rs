//! How many calls are worked on at once, and who is sent away when there are more.
//!
//! Without a bound, each call of a crowd waits for all the others, until all of them are too late. With one, those that are let
//! in are answered about as fast as ever, and the others learn at once that they should come back. Two things are kept out
//! of a crowd's way: what ends or asks for something that was begun (a capture of goods that left, a refund, details), and the
//! other sales units, where one of them makes the crowd.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicIsize, Ordering::Relaxed},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::Unread;

const SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");
/// So many calls are worked on at once, if nobody says otherwise: some milliseconds of work.
pub const CALLS_AT_ONCE: u32 = 256;
/// One part of so many is only for what was begun already.
const RESERVE: isize = 5;
/// When one part of so many is taken, no subscription key has more than its share.
const CROWDED: isize = 2;
/// A key's share is one part of so many.
const SHARE: isize = 4;
/// Keys are counted in so many places; two that meet in one share it.
const PLACES: usize = 512;

/// Counts the calls that are worked on.
#[derive(Debug)]
pub struct Shedder {
    most: isize,
    /// Below zero where somebody waits outside who never came in: a call made at the portal.
    inside: AtomicIsize,
    of_key: Box<[AtomicIsize; PLACES]>,
    /// Nobody can choose a key that meets another's.
    hasher: RandomState,
}

/// The right to be worked on; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct Place<'a> {
    shedder: &'a Shedder,
    of_key: &'a AtomicIsize,
}

impl Shedder {
    /// Lets so many in at once.
    pub fn new(most: u32) -> Shedder {
        Shedder {
            most: isize::try_from(most).unwrap_or(isize::MAX).max(1),
            inside: AtomicIsize::new(0),
            of_key: Box::new([const { AtomicIsize::new(0) }; PLACES]),
            hasher: RandomState::new(),
        }
    }

    /// How many are inside.
    pub fn inside(&self) -> isize {
        self.inside.load(Relaxed)
    }

    /// Lets a call in, judged by its head, of which nothing is proved by then.
    ///
    /// # Errors
    ///
    /// [`Unread::Overloaded`] when there are too many, [`Unread::Crowded`] when too many of them have this key.
    pub fn enter(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Place<'_>, Unread> {
        let most = if goes_on(method, path) {
            self.most
        } else {
            self.most - self.most / RESERVE
        };
        let of_key = self.of_key(headers);
        // Counted first, so that two who come together are not both the last one.
        let place = Place::take(self, of_key);
        let inside = self.inside();
        if inside > most {
            return Err(Unread::Overloaded);
        }
        let share = (self.most / SHARE).max(1);
        if inside > self.most / CROWDED && of_key.load(Relaxed) > share {
            return Err(Unread::Crowded);
        }
        Ok(place)
    }

    /// Waits for what costs nothing but time, and takes no place meanwhile, nor one of its key.
    pub(crate) async fn outside<T>(&self, headers: &HeaderMap, wait: impl Future<Output = T>) -> T {
        /// Comes back in, also when nobody waits any more.
        struct Outside<'a>([&'a AtomicIsize; 2]);
        impl Drop for Outside<'_> {
            fn drop(&mut self) {
                for count in self.0 {
                    count.fetch_add(1, Relaxed);
                }
            }
        }
        let left = [&self.inside, self.of_key(headers)];
        for count in left {
            count.fetch_sub(1, Relaxed);
        }
        let _back = Outside(left);
        wait.await
    }

    /// How many calls with the same subscription key are inside.
    fn of_key(&self, headers: &HeaderMap) -> &AtomicIsize {
        let key = headers.get(SUBSCRIPTION_KEY).map(HeaderValue::as_bytes);
        let index = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() % PLACES;
        let [first, ..] = &*self.of_key;
        self.of_key.get(index).unwrap_or(first)
    }
}

impl Default for Shedder {
    fn default() -> Shedder {
        Shedder::new(CALLS_AT_ONCE)
    }
}

impl<'a> Place<'a> {
    fn take(shedder: &'a Shedder, of_key: &'a AtomicIsize) -> Place<'a> {
        shedder.inside.fetch_add(1, Relaxed);
        of_key.fetch_add(1, Relaxed);
        Place { shedder, of_key }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of_key.fetch_sub(1, Relaxed);
        self.shedder.inside.fetch_sub(1, Relaxed);
    }
}

/// Whether a call goes on with what was begun.
fn goes_on(method: &Method, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next();
    let acts = ["capture", "cancel", "refund"];
    *method == Method::GET
        || last.is_some_and(|last| acts.iter().any(|it| last.eq_ignore_ascii_case(it)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const NEW: (Method, &str) = (Method::POST, "/ecomm/v2/payments");

    fn key(name: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(SUBSCRIPTION_KEY, HeaderValue::from_static(name))])
    }

    /// Strangers, no two of whom are counted together.
    fn strangers(shedder: &Shedder, count: usize) -> Vec<Place<'_>> {
        let places = shedder.of_key.iter().take(count);
        places.map(|it| Place::take(shedder, it)).collect()
    }

    #[test]
    fn r_19_a_fifth_is_kept_for_what_was_begun() {
        let shedder = Shedder::new(10);
        let _inside = strangers(&shedder, 8);
        for (method, path, enters) in [
            (Method::POST, "/ecomm/v2/payments", false),
            (Method::POST, "/accesstoken/get", false),
            (Method::POST, "/ecomm/v2/payments/acme-1/capture", true),
            (Method::POST, "/ecomm/v2/payments/acme-1/Refund/?a=/b", true),
            (Method::PUT, "/ecomm/v2/payments/acme-1/cancel", true),
            (Method::GET, "/ecomm/v2/payments/acme-1/details", true),
            (Method::POST, "/epayment/v1/payments/capture-1", false),
        ] {
            let entered = shedder.enter(&method, path, &HeaderMap::new());
            assert_eq!(entered.is_ok(), enters, "{method} {path}");
        }
        let _more = strangers(&shedder, 2);
        let refused = shedder.enter(&Method::GET, "/ecomm/v2/payments/acme-1/details", &key("k"));
        assert_eq!(refused.err(), Some(Unread::Overloaded));
        assert_eq!(shedder.inside(), 10, "who is refused takes no place");
    }

    #[test]
    fn r_19_one_key_takes_everything_while_there_is_room_and_its_share_in_a_crowd() {
        let shedder = Shedder::new(40);
        let (method, path) = NEW;
        let enter = |name| shedder.enter(&method, path, &key(name));
        let mut inside: Vec<_> = (0..20).map(|_| enter("busy").unwrap()).collect();
        assert_eq!(enter("busy").err(), Some(Unread::Crowded));
        // One of them is counted elsewhere than the busy one.
        let others = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let other = others
            .into_iter()
            .find_map(|name| enter(name).ok())
            .unwrap();
        assert_eq!(enter("busy").err(), Some(Unread::Crowded));
        drop(other);
        inside.truncate(19);
        drop(enter("busy").unwrap());
        inside.clear();
        assert_eq!(shedder.inside(), 0);
    }

    #[test]
    fn who_waits_on_purpose_takes_no_place() {
        let shedder = Shedder::new(2);
        let (method, path) = (Method::GET, "/ecomm/v2/payments/acme-1/details");
        let place = shedder.enter(&method, path, &key("k")).unwrap();
        let headers = key("k");
        let mut waits = Box::pin(shedder.outside(&headers, std::future::pending::<()>()));
        assert!((&mut waits).now_or_never().is_none());
        assert_eq!(shedder.inside(), 0);
        assert_eq!(shedder.of_key(&headers).load(Relaxed), 0);
        drop(shedder.enter(&method, path, &key("k")).unwrap());
        drop(waits);
        assert_eq!(shedder.inside(), 1);
        drop(place);
        assert_eq!(shedder.inside(), 0);
    }
}
