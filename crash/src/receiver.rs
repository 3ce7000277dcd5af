//! A merchant's callback end point: answers 200 and counts by path.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) struct Receiver {
    address: String,
    counts: Counts,
}

type Counts = Arc<Mutex<HashMap<String, usize>>>;

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "the receiver is another party")]
    pub(crate) fn start() -> anyhow::Result<Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let counts = Counts::default();
        let counted = counts.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                std::thread::spawn(move || receive(stream, &counted));
            }
        });
        Ok(Receiver { address, counts })
    }

    pub(crate) fn prefix(&self) -> String {
        format!("http://{}/callback", self.address)
    }

    /// How often a callback about an order came.
    pub(crate) fn count(&self, order: &str) -> usize {
        let path = format!("/callback/v2/payments/{order}");
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&path).copied().unwrap_or_default()
    }
}

/// Counts a request once it is there whole, as a merchant would act on it.
fn receive(stream: TcpStream, counts: &Counts) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    *counts.entry(path).or_default() += 1;
    drop(counts);
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .ok()
}
