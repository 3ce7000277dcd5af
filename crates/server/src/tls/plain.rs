//! Whoever speaks plain HTTP to a port of HTTPS is told so.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::listener::limits;

/// What such a caller reads.
pub(crate) const SPEAK_HTTPS: &str =
    "This port speaks HTTPS: write https:// in the place of http://\n";

/// Answers it, and reads on for a moment: bytes that were never read would make the system break the connection off, and
/// the answer might be lost.
pub(crate) async fn turn_away(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{SPEAK_HTTPS}",
        SPEAK_HTTPS.len()
    );
    let lingering = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut left = limits::THROWN_AWAY;
        let mut bytes = vec![0; 16 * 1024];
        while left > 0 {
            match stream.read(&mut bytes).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        std::io::Result::Ok(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(limits::AFTER_PLAIN, lingering).await {
        tracing::debug!(%error, "a plain connection broke");
    }
}
