//! Where data lies: a file of SQLite or a database of PostgreSQL, for the platform that grows and for an empty one
//! beside it.

use std::path::PathBuf;
use std::rc::Rc;

use crate::platform::Platform;
use crate::postgres::Postgres;
use crate::shop::Keys;
use crate::sink::Sink;
use crate::subject::Subject;
use crate::target::Target;

/// Starts platforms of one kind.
pub(crate) struct Places<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) sink: &'a Sink,
    /// The server, unless it is SQLite.
    pub(crate) server: Option<Postgres>,
}

/// The data of one platform, which can be started again and again.
pub(crate) struct Place {
    folder: PathBuf,
    database: Option<String>,
    /// Of its sales units under load.
    pub(crate) keys: Vec<Keys>,
}

impl Places<'_> {
    /// An empty one, with so many sales units to put load on.
    pub(crate) async fn make(&self, name: &str, units: usize) -> anyhow::Result<(Place, Platform)> {
        let folder = self.subject.fresh_named(name)?;
        let database = match &self.server {
            Some(server) => Some(server.make(&name.replace('-', "_"))?),
            None => None,
        };
        let mut place = Place {
            folder,
            database,
            keys: Vec::new(),
        };
        let platform = self.start(&place).await?;
        for _ in 0..units {
            place.keys.push(platform.new_unit().await?);
        }
        Ok((place, platform))
    }

    /// A platform on what is there.
    pub(crate) async fn start(&self, place: &Place) -> anyhow::Result<Platform> {
        let binary = &self.subject.sandkasse;
        match &place.database {
            Some(database) => Platform::start_node(binary, &place.folder, database).await,
            None => Platform::start(binary, &place.folder).await,
        }
    }

    /// The sales units of a place, with tokens of its platform.
    pub(crate) async fn target(
        &self,
        place: &Place,
        platform: &Platform,
    ) -> anyhow::Result<Target> {
        let phone = platform.phone(&self.subject.sandkasse)?;
        let mut shops = Vec::new();
        for keys in &place.keys {
            shops.push(Rc::clone(
                &platform.shop(keys, &phone, self.sink.address).await?,
            ));
        }
        Ok(Target {
            addresses: vec![platform.test],
            shops,
        })
    }

    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        match &self.server {
            Some(server) => server.settle(),
            None => Ok(()),
        }
    }
}
