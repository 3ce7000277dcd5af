//! What is measured, and where: what the command lines of most runs have in common.

use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use crate::measure::{fresh, fresh_named};
use crate::platform::Platform;
use crate::shop::Shop;
use crate::sink::Sink;

// No doc comment: it would be the help of every run that has these.
#[derive(Args)]
pub(crate) struct Subject {
    /// The program to measure.
    #[arg(long)]
    pub(crate) sandkasse: PathBuf,
    /// A folder on the disk to measure with; its content is replaced.
    #[arg(long)]
    pub(crate) data: PathBuf,
}

impl Subject {
    /// An empty folder for the data of one process.
    pub(crate) fn fresh(&self) -> anyhow::Result<PathBuf> {
        fresh(&self.data)
    }

    /// The same by a name, where several processes run at once.
    pub(crate) fn fresh_named(&self, name: &str) -> anyhow::Result<PathBuf> {
        fresh_named(&self.data, name)
    }

    /// The platform on SQLite with nothing stored.
    pub(crate) async fn start(&self) -> anyhow::Result<Platform> {
        self.start_with(&[]).await
    }

    /// The same with settings in its environment.
    pub(crate) async fn start_with(&self, settings: &[(&str, &str)]) -> anyhow::Result<Platform> {
        Platform::start_with(&self.sandkasse, &self.fresh()?, settings).await
    }

    /// A new sales unit whose customers can pay, and whose callbacks go to `sink`.
    pub(crate) async fn shop(&self, platform: &Platform, sink: &Sink) -> anyhow::Result<Rc<Shop>> {
        let keys = platform.new_unit().await?;
        let phone = platform.phone(&self.sandkasse)?;
        platform.shop(&keys, &phone, sink.address).await
    }
}

/// A number on the command line without which nothing would be measured, and every bar would look met.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nothing would be measured".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rounds_are_no_measurement() {
        assert_eq!(at_least_one("3"), Ok(3));
        for text in ["0", "-1", "many"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
    }
}
