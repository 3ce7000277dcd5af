//! `sandkasse export`, `import` and `doctor`: a whole installation, told, taken in and examined.

mod doctor;
mod export;
mod import;
mod progress;

pub(crate) use doctor::run as doctor;
pub(crate) use export::run as export;
pub(crate) use import::run as import;

use std::future::Future;

use crate::{
    Ended,
    cli::Place,
    parts::{self, Data, Opening},
};

/// Runs a command to its end.
fn wait_for(work: impl Future<Output = Result<(), Ended>>) -> Result<(), Ended> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()))?;
    runtime.block_on(work)
}

async fn open(place: &Place, opening: Opening) -> Result<Data, Ended> {
    parts::open(&place.database, place.master_key.as_ref(), opening).await
}
