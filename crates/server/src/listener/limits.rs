//! Everything has a limit; these are the server's own, before any API is asked.

use std::time::Duration;

use jiff::SignedDuration;

/// The most bytes of a request's header section.
pub(crate) const HEADER_BYTES: usize = 32 * 1024;
/// The most header fields of a request.
pub(crate) const HEADERS: usize = 100;
/// A header section arrives within this time, or the connection ends; the same goes for the next
/// one on a connection that is kept alive.
pub(crate) const HEADER_READ: Duration = Duration::from_secs(10);
/// A body arrives within this time, or the answer is 408.
pub(crate) const BODY_READ: Duration = Duration::from_secs(10);
/// The same for a sales unit's snapshot, sent by somebody who is known.
pub(crate) const SNAPSHOT_READ: Duration = Duration::from_secs(60);
/// So much of a body that is too large is read and thrown away, so that its sender gets to see the
/// answer instead of a broken connection.
pub(crate) const THROWN_AWAY: usize = 8 * 1024 * 1024;
/// The most connections of one listener; whoever comes then waits.
pub(crate) const CONNECTIONS: usize = 8192;
/// The most requests at a time on one connection of HTTP/2.
pub(crate) const STREAMS: u32 = 256;
/// How often a silent connection of HTTP/2 is asked whether it still lives.
pub(crate) const PING: Duration = Duration::from_secs(30);
/// How long no connection is accepted after one could not be.
pub(crate) const AFTER_FAULT: SignedDuration = SignedDuration::from_millis(50);
/// How long requests may take when the program shall end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
