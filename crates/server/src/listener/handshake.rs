//! How a connection gets through its handshake of TLS, and what happens to those that do not.
//!
//! A handshake is done in its connection's own task, so the listener accepts meanwhile. Its time is limited; so is how many
//! are under way at once. For one more, the one that has been at it the longest is let go, rather than that newcomers wait:
//! whoever means it is through in milliseconds, and a crowd that says nothing only drives out itself.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
};
use tokio_rustls::server::TlsStream;

use super::limits;
use crate::tls::{Tls, turn_away};

/// What the first byte of TLS is: a record of the kind "handshake" (RFC 8446 §5.1).
const RECORD: u8 = 0x16;

/// The handshakes of one listener.
pub(super) struct Handshakes {
    most: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    /// By arrival. Dropping one lets its handshake go.
    seats: BTreeMap<u64, oneshot::Sender<()>>,
}

/// Room for one handshake, for as long as it is kept.
pub(super) struct Seat {
    of: Arc<Handshakes>,
    number: u64,
    lost: oneshot::Receiver<()>,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Arc<Handshakes> {
        Arc::new(Handshakes {
            most,
            inside: Mutex::default(),
        })
    }

    pub(super) fn enter(self: &Arc<Self>) -> Seat {
        let (sender, lost) = oneshot::channel();
        let mut inside = self.inside.lock();
        let number = inside.next;
        inside.next += 1;
        inside.seats.insert(number, sender);
        while inside.seats.len() > self.most && inside.seats.pop_first().is_some() {}
        drop(inside);
        Seat {
            of: self.clone(),
            number,
            lost,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of.inside.lock().seats.remove(&self.number);
    }
}

/// The stream behind the handshake; nothing if there is none, or not in time, or not before the end.
pub(super) async fn shake(
    stream: TcpStream,
    tls: &Tls,
    mut seat: Seat,
    mut stop: watch::Receiver<bool>,
) -> Option<TlsStream<TcpStream>> {
    let work = tokio::time::timeout(limits::HANDSHAKE, greet(stream, tls));
    tokio::select! {
        done = work => done.ok().flatten(),
        _ = &mut seat.lost => None,
        _ = stop.wait_for(|stop| *stop) => None,
    }
}

async fn greet(stream: TcpStream, tls: &Tls) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first == [RECORD] => {}
        Ok(1) if first.iter().all(u8::is_ascii_uppercase) => {
            turn_away(stream).await;
            return None;
        }
        // It went away, or speaks neither.
        Ok(_) | Err(_) => return None,
    }
    match tls.acceptor().accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a handshake failed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_at_it_the_longest_makes_room() {
        let handshakes = Handshakes::new(2);
        let lost =
            |seat: &mut Seat| seat.lost.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        let (mut first, mut second) = (handshakes.enter(), handshakes.enter());
        assert!(!lost(&mut first) && !lost(&mut second));
        let mut third = handshakes.enter();
        assert!(lost(&mut first) && !lost(&mut second) && !lost(&mut third));
        drop((first, third));
        let _fourth = handshakes.enter();
        assert!(!lost(&mut second), "who is through makes room as well");
        let _fifth = handshakes.enter();
        assert!(lost(&mut second));
    }
}
