//! Reads a request whole, within limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, header, request::Parts};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use sandkasse_api::{MAX_BODY, Unread, max_body};

use super::limits;

/// Head and body of a request, or its head and why the rest was not read.
pub(crate) async fn receive(
    request: Request<Incoming>,
) -> Result<(Parts, Bytes), (Box<Parts>, Unread)> {
    // Nearly all say that they send less than every path may have.
    let most = match request.body().size_hint().upper() {
        Some(size) if size <= MAX_BODY as u64 => MAX_BODY,
        _ => max_body(request.method(), request.uri().path()),
    };
    receive_up_to(most, limits::BODY_READ, request).await
}

/// The same with other limits of the body, for a sender who is known.
pub(crate) async fn receive_up_to(
    most: usize,
    patience: Duration,
    request: Request<Incoming>,
) -> Result<(Parts, Bytes), (Box<Parts>, Unread)> {
    let (parts, body) = request.into_parts();
    if !is_bearable(&parts.headers) {
        return Err((Box::new(parts), Unread::HeadersTooLarge));
    }
    if body.is_end_stream() {
        return Ok((parts, Bytes::new()));
    }
    let waits = parts.headers.contains_key(header::EXPECT);
    let read = tokio::time::timeout(patience, read(body, most, waits)).await;
    match read.unwrap_or(Err(Unread::TooSlow)) {
        Ok(body) => Ok((parts, body)),
        Err(fault) => Err((Box::new(parts), fault)),
    }
}

fn is_bearable(headers: &HeaderMap) -> bool {
    // Each field also has a colon, a blank and an end of line.
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    headers.len() <= limits::HEADERS && size <= limits::HEADER_BYTES
}

/// `waits`: the sender holds the body back until it is asked for.
async fn read(mut body: Incoming, most: usize, waits: bool) -> Result<Bytes, Unread> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        if !waits {
            throw_away(body, 0).await?;
        }
        return Err(Unread::BodyTooLarge);
    }
    // Most bodies come in one piece, which is then passed on as it is.
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::Broken)?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        let size = first.len() + joined.len() + piece.len();
        if size > most {
            throw_away(body, size).await?;
            return Err(Unread::BodyTooLarge);
        }
        if first.is_empty() && joined.is_empty() {
            first = piece;
        } else {
            if joined.is_empty() {
                joined.reserve(announced.max(size));
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&piece);
        }
    }
    Ok(if joined.is_empty() {
        first
    } else {
        joined.freeze()
    })
}

async fn throw_away(mut body: Incoming, mut read: usize) -> Result<(), Unread> {
    while read <= limits::THROWN_AWAY {
        match body.frame().await {
            Some(frame) => {
                let frame = frame.map_err(|_| Unread::Broken)?;
                read += frame.data_ref().map_or(0, Bytes::len);
            }
            None => break,
        }
    }
    Ok(())
}
