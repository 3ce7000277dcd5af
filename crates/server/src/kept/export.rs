//! `sandkasse export`: a file or a stream of lines, from a database or from a running platform.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
};

use bytes::Bytes;
use http::{Method, StatusCode};
use sandkasse_engine::{
    WallClock,
    clock::SystemClock,
    moving::{Export, NotMoved, snapshot_of},
};

use super::{open, progress::Progress, wait_for};
use crate::{
    Ended,
    cli::{ExportWish, FileOrPipe, unit_name},
    http_client::Door,
    parts::{Data, Opening},
};

/// Tells everything, or one sales unit.
pub(crate) fn run(wish: &ExportWish) -> Result<(), Ended> {
    wait_for(async {
        match (&wish.portal, &wish.unit) {
            (Some(portal), unit) => {
                let path = match unit {
                    Some(unit) => format!("/sales-units/{unit}/snapshot"),
                    None => "/export".to_owned(),
                };
                from_platform(&Door::of(portal, &wish.trust)?, &path, wish).await
            }
            (None, _) => from_database(wish).await,
        }
    })
}

async fn from_database(wish: &ExportWish) -> Result<(), Ended> {
    let data = open(&wish.place, Opening::Look)
        .await
        .map_err(|ended| match ended {
            Ended::WrongUse(ref text) if text.contains("is in use by another sandkasse") => {
                Ended::WrongUse(format!(
                    "{text}; or read it through the one that runs: `sandkasse export --portal URL`"
                ))
            }
            Ended::WrongUse(_) | Ended::Failed(_) => ended,
        })?;
    let mut export = begin(&data, wish.unit.as_deref()).await?;
    let mut sink = sink(&wish.to)?;
    let mut progress = Progress::new("exported");
    let mut told = 0;
    while let Some(more) = export.next().await.map_err(failed)? {
        sink.write_all(&more.lines)
            .map_err(|error| unwritten(&error))?;
        told = more.rows;
        progress.at(told);
    }
    sink.flush().map_err(|error| unwritten(&error))?;
    progress.end(told);
    data.store.close().await;
    Ok(())
}

async fn begin(data: &Data, unit: Option<&str>) -> Result<Export, Ended> {
    let (store, vault, now) = (&*data.store, &data.vault, SystemClock.now());
    let Some(unit) = unit else {
        let rows = store.rows(None).await;
        let rows = rows.map_err(|error| Ended::Failed(error.to_string()))?;
        return Ok(Export::new(rows, now, vault));
    };
    let (environment, msn) = unit_name(unit).map_err(Ended::WrongUse)?;
    let export = snapshot_of(store, vault, now, (environment, &msn)).await;
    export
        .map_err(failed)?
        .ok_or_else(|| Ended::WrongUse(format!("there is no sales unit {unit} in {}", data.shown)))
}

/// The lines come as they are; whether they are whole the last one says.
async fn from_platform(door: &Door, path: &str, wish: &ExportWish) -> Result<(), Ended> {
    let token = wish.place.token.as_deref();
    let mut answer = door.call(Method::GET, path, token, Bytes::new()).await?;
    if answer.status != StatusCode::OK {
        let status = answer.status;
        return Err(door.refused(status, &answer.rest().await?));
    }
    let mut sink = sink(&wish.to)?;
    let mut progress = Progress::new("exported");
    let (mut lines, mut last) = (0, Vec::new());
    while let Some(piece) = answer.next().await? {
        sink.write_all(&piece).map_err(|error| unwritten(&error))?;
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        keep_last(&mut last, &piece);
        progress.at(lines);
    }
    sink.flush().map_err(|error| unwritten(&error))?;
    if !last.starts_with(b"{\"end\"") {
        return Err(Ended::Failed(
            "the export broke off: the platform's log says why; what was written is not whole"
                .to_owned(),
        ));
    }
    progress.end(lines.saturating_sub(2));
    Ok(())
}

/// The last line that has begun.
fn keep_last(last: &mut Vec<u8>, piece: &[u8]) {
    let body = piece.strip_suffix(b"\n").unwrap_or(piece);
    match body.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => {
            last.clear();
            last.extend_from_slice(body.get(at + 1..).unwrap_or_default());
        }
        None => last.extend_from_slice(body),
    }
}

/// A new file, which others may not read, or standard output.
fn sink(to: &FileOrPipe) -> Result<Box<dyn Write>, Ended> {
    match to {
        FileOrPipe::Pipe => Ok(Box::new(io::stdout().lock())),
        FileOrPipe::File(path) => {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path);
            let file = file.map_err(|error| {
                let shown = path.display();
                let is_there = error.kind() == io::ErrorKind::AlreadyExists;
                Ended::WrongUse(if is_there {
                    format!("{shown} is there already: name another file with `--to`")
                } else {
                    format!("cannot write {shown}: {error}")
                })
            })?;
            Ok(Box::new(file))
        }
    }
}

fn unwritten(error: &io::Error) -> Ended {
    Ended::Failed(format!("the export could not be written: {error}"))
}

fn failed(error: NotMoved) -> Ended {
    Ended::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_kept_however_it_comes() {
        for pieces in [
            vec!["a\n{\"end\":1}\n"],
            vec!["a\n", "{\"en", "d\":1}\n"],
            vec!["a\n{\"end\"", ":1}\n"],
        ] {
            let mut last = Vec::new();
            for piece in &pieces {
                keep_last(&mut last, piece.as_bytes());
            }
            assert!(last.ends_with(b"{\"end\":1}"), "{pieces:?}");
        }
    }
}
