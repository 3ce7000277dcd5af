//! `sandkasse import`: what was exported, into a new database; or one sales unit's snapshot.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use bytes::Bytes;
use http::{Method, StatusCode};
use sandkasse_engine::moving::{Import, NotMoved};

use super::{open, progress::Progress, wait_for};
use crate::{
    Ended,
    cli::{FileOrPipe, ImportWish},
    http_client::Door,
    output,
    parts::Opening,
};

/// No line is longer.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// No snapshot that is sent to a running platform is longer.
const LONGEST_SNAPSHOT: u64 = crate::control::LONGEST_SNAPSHOT as u64;

/// Takes everything, or one sales unit.
pub(crate) fn run(wish: &ImportWish) -> Result<(), Ended> {
    wait_for(async {
        if wish.replace_unit {
            replace_unit(wish).await
        } else {
            everything(wish).await
        }
    })
}

async fn everything(wish: &ImportWish) -> Result<(), Ended> {
    let mut source = BufReader::new(source(&wish.from)?);
    let data = open(&wish.place, Opening::Import).await?;
    let mut progress = Progress::new("imported");
    let mut import = Import::begin(&*data.store, &data.vault)
        .await
        .map_err(refused)?;
    let mut line = Vec::new();
    while read_line(&mut source, &mut line)? {
        import.line(&line).await.map_err(refused)?;
        progress.at(import.rows());
    }
    let taken = import.end().await.map_err(refused)?;
    progress.end(taken.rows.all());
    data.store.close().await;
    output::say(&format!(
        "{} records with {} events, {} answers and {} calls, as of {}. Start the platform on it with `sandkasse`\n",
        taken.rows.records,
        taken.rows.events,
        taken.rows.replies,
        taken.rows.calls,
        taken.header.at
    ));
    Ok(())
}

/// The running platform does it, because operations on the unit must wait meanwhile.
async fn replace_unit(wish: &ImportWish) -> Result<(), Ended> {
    let door = Door::of(&wish.portal, &wish.trust)?;
    let mut text = Vec::new();
    let mut source = source(&wish.from)?.take(LONGEST_SNAPSHOT + 1);
    source
        .read_to_end(&mut text)
        .map_err(|error| unread(&error))?;
    if text.len() as u64 > LONGEST_SNAPSHOT {
        return Err(Ended::WrongUse(format!(
            "a snapshot of more than {} MiB cannot be put back at once: move the whole installation instead",
            LONGEST_SNAPSHOT / 1024 / 1024
        )));
    }
    let unit = unit_of(&text).ok_or_else(|| {
        Ended::WrongUse(
            "this is no snapshot of a sales unit: make one with `sandkasse export --unit test/220001 --portal URL`"
                .to_owned(),
        )
    })?;
    let path = format!("/sales-units/{unit}/snapshot");
    let token = wish.place.token.as_deref();
    let answer = door
        .call(Method::POST, &path, token, Bytes::from(text))
        .await?;
    let status = answer.status;
    let body = answer.rest().await?;
    if status != StatusCode::OK {
        return Err(door.refused(status, &body));
    }
    output::say(&format!("{unit} is as it was\n"));
    Ok(())
}

/// Of which sales unit the first line says that it is.
fn unit_of(text: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct First {
        sandkasse: Header,
    }
    #[derive(serde::Deserialize)]
    struct Header {
        unit: Option<String>,
    }
    let first = text.split(|byte| *byte == b'\n').next()?;
    let unit = serde_json::from_slice::<First>(first)
        .ok()?
        .sandkasse
        .unit?;
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '/';
    unit.chars().all(is_path).then_some(unit)
}

fn source(from: &FileOrPipe) -> Result<Box<dyn Read>, Ended> {
    match from {
        FileOrPipe::Pipe => Ok(Box::new(io::stdin())),
        FileOrPipe::File(path) => {
            let file = File::open(path).map_err(|error| {
                Ended::WrongUse(format!("cannot read {}: {error}", path.display()))
            })?;
            Ok(Box::new(file))
        }
    }
}

/// The next line without its end; `false` when that was all.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, Ended> {
    line.clear();
    let read = source
        .take(LONGEST_LINE)
        .read_until(b'\n', line)
        .map_err(|error| unread(&error))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(read > 0)
}

fn unread(error: &io::Error) -> Ended {
    Ended::Failed(format!("what is imported could not be read: {error}"))
}

fn refused(error: NotMoved) -> Ended {
    match error {
        NotMoved::Store(_) => Ended::Failed(error.to_string()),
        NotMoved::Damaged(_)
        | NotMoved::Newer(_)
        | NotMoved::OtherKey
        | NotMoved::NotEmpty(_)
        | NotMoved::TooMuch(_) => Ended::WrongUse(format!("nothing was imported: {error}")),
    }
}
