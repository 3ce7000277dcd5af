//! The parts of a platform: where its data is, who calls merchants, and what decides.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use sandkasse_api::{Platform, Shedder};
use sandkasse_courier::{Courier, CourierConfig, CourierHandle, Limits, SystemResolver};
use sandkasse_domain::{Environment, sales_unit::UrlPolicy};
use sandkasse_engine::{
    Chance, Engine, WallClock, directory::sealed_entries, moving::is_importing,
};
use sandkasse_gate::{Gate, token::KeySource};
use sandkasse_store::{
    MemoryStore, PostgresStore, Sealer, SqliteStore, Store, StoreError, postgres::Address,
};
use sandkasse_vault::Vault;

use crate::{
    Ended,
    config::{Database, MasterKeyText, PostgresUrl, Settings},
    control::users,
    demo, exposure,
    files::DataFolder,
    messenger::Messenger,
    portal::Places,
    register::{BuiltIn, Register, Remote},
    traces::Traced,
};

/// Where data and keys are.
pub(crate) struct Data {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sqlite: Option<Arc<SqliteStore>>,
    pub(crate) test_key: KeySource,
    pub(crate) production_key: KeySource,
    pub(crate) vault: Arc<Vault>,
    pub(crate) shown: String,
    /// Where calls may be written down.
    pub(crate) journal: Option<PathBuf>,
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// To run on it. A new one is made, with a master key.
    Platform,
    /// To put into it what another installation had, whose master key must be there.
    Import,
    /// To look at what is there.
    Look,
}

/// Opens a database. With the wrong master key, nothing in it or beside it is changed.
pub(crate) async fn open(
    database: &Database,
    master_key: Option<&MasterKeyText>,
    opening: Opening,
) -> Result<Data, Ended> {
    match database {
        Database::Memory if opening != Opening::Platform => Err(Ended::WrongUse(
            "sqlite::memory: is forgotten with its process: name a file with `--database sqlite:FILE`, or the \
             running platform with `--portal URL`"
                .to_owned(),
        )),
        Database::Memory => Ok(Data {
            store: Arc::new(MemoryStore::new()),
            sqlite: None,
            test_key: KeySource::Fresh,
            production_key: KeySource::Fresh,
            vault: Arc::new(Vault::fresh()),
            shown: "in memory, gone with the process".to_owned(),
            journal: None,
        }),
        Database::File(path) => open_file(path, master_key, opening).await,
        Database::Postgres(url) => open_postgres(url, master_key, opening).await,
    }
}

async fn open_file(
    path: &Path,
    master_key: Option<&MasterKeyText>,
    opening: Opening,
) -> Result<Data, Ended> {
    if opening == Opening::Look && !path.exists() {
        return Err(Ended::WrongUse(format!(
            "there is no database {}: name another with `--database sqlite:FILE`",
            path.display()
        )));
    }
    let folder = DataFolder::of(path).map_err(Ended::WrongUse)?;
    let store = SqliteStore::open(path)
        .map_err(|error| Ended::WrongUse(format!("{error} (with `--database sqlite:FILE`)")))?;
    let store = Arc::new(store);
    let vault = vault(
        &folder,
        folder.sealed(),
        store.as_ref(),
        master_key,
        opening,
    );
    let vault = closing(store.as_ref(), vault.await).await?;
    seal(store.as_ref(), &vault, opening).await?;
    Ok(Data {
        test_key: folder.signing_key(Environment::Test, &vault),
        production_key: folder.signing_key(Environment::Production, &vault),
        store: store.clone(),
        sqlite: Some(store),
        vault,
        shown: path.display().to_string(),
        // Not `…-journal`, which is a name of SQLite's own.
        journal: Some(path.with_extension("calls.db")),
    })
}

/// Whoever is alone on a new database finds the master key in the folder that a file would have been
/// in. Other nodes must be given it.
async fn open_postgres(
    url: &PostgresUrl,
    master_key: Option<&MasterKeyText>,
    opening: Opening,
) -> Result<Data, Ended> {
    let wrong =
        |error: String| Ended::WrongUse(format!("{error} (with `--database postgres://…`)"));
    let address = Address::parse(&url.0).map_err(wrong)?;
    let shown = address.to_string();
    let store = PostgresStore::open(address).await;
    let store = Arc::new(store.map_err(|error| wrong(error.to_string()))?);
    // Made only for whoever needs it. What else lies sealed there is of another installation.
    let folder = match master_key {
        Some(_) => DataFolder::unmade(Path::new(Settings::DATABASE)),
        None => DataFolder::of(Path::new(Settings::DATABASE)).map_err(Ended::WrongUse)?,
    };
    let is_new = master_key.is_none() && !folder.master_key_path().exists();
    let vault = vault(&folder, Vec::new(), store.as_ref(), master_key, opening).await;
    let vault = closing(store.as_ref(), vault).await?;
    seal(store.as_ref(), &vault, opening).await?;
    if is_new {
        tracing::warn!(
            file = %folder.master_key_path().display(),
            "a master key was made in this file: keep a copy, since nothing in the database opens without it, \
             and give it to every other node as SANDKASSE_MASTER_KEY"
        );
    }
    Ok(Data {
        // Not used: nodes have theirs in the directory.
        test_key: KeySource::Fresh,
        production_key: KeySource::Fresh,
        store,
        sqlite: None,
        vault,
        shown,
        journal: None,
    })
}

/// Whoever only looks or moves writes no seals: what is moved has its own.
async fn seal(store: &dyn Store, vault: &Vault, opening: Opening) -> Result<(), Ended> {
    if opening == Opening::Platform {
        let sealing = store.seal_with(Sealer::new(vault.row_seals())).await;
        sealing.map_err(|error| Ended::Failed(error.to_string()))?;
    }
    Ok(())
}

/// Lets go of the store when there is no vault for it.
async fn closing(store: &dyn Store, vault: Result<Vault, Ended>) -> Result<Arc<Vault>, Ended> {
    match vault {
        Ok(vault) => Ok(Arc::new(vault)),
        Err(ended) => {
            store.close().await;
            Err(ended)
        }
    }
}

/// The vault of an installation, if it opens what lies there. A master key is made only where
/// nothing is sealed yet: a new one would open nothing.
async fn vault(
    folder: &DataFolder,
    beside: Vec<(String, String)>,
    store: &dyn Store,
    given: Option<&MasterKeyText>,
    opening: Opening,
) -> Result<Vault, Ended> {
    let (entries, _) = store
        .directory(0)
        .await
        .map_err(|error| Ended::Failed(error.to_string()))?;
    if opening == Opening::Platform && is_importing(&entries) {
        return Err(Ended::WrongUse(
            "an import into this database was begun and not finished: run `sandkasse import` with the same file again, \
             or name a new database with `--database`"
                .to_owned(),
        ));
    }
    let mut sealed = sealed_entries(&entries);
    sealed.extend(beside);
    let path = folder.master_key_path();
    let key = match given {
        Some(given) => given.key(),
        None => match folder.master_key().map_err(Ended::WrongUse)? {
            Some(key) => key,
            None if sealed.is_empty() && opening == Opening::Platform => {
                folder.make_master_key().map_err(Ended::WrongUse)?
            }
            None if sealed.is_empty() => {
                return Err(Ended::WrongUse(format!(
                    "what is moved is sealed under a master key, and none is here: put that of the installation where it \
                     comes from beside this database, as {} (`chmod 600`), or give it as SANDKASSE_MASTER_KEY",
                    path.display()
                )));
            }
            None => {
                return Err(Ended::WrongUse(format!(
                    "the master key is missing, and without it what lies sealed in this installation cannot be read: \
                     put the file back as {} (`chmod 600`), or give the key as SANDKASSE_MASTER_KEY. \
                     Nothing was changed",
                    path.display()
                )));
            }
        },
    };
    let vault = Vault::new(&key);
    let opened = sealed
        .iter()
        .filter(|(place, it)| vault.open(place, it).is_ok())
        .count();
    // Who looks wants to know which ones do not open, unless it is all of them.
    let is_right = match opening {
        Opening::Look => opened > 0 || sealed.is_empty(),
        Opening::Platform | Opening::Import => opened == sealed.len(),
    };
    if !is_right {
        let whose = match given {
            Some(_) => "SANDKASSE_MASTER_KEY is".to_owned(),
            None => format!("{} holds", path.display()),
        };
        return Err(Ended::WrongUse(format!(
            "{whose} another master key than this database was sealed under: give the right one as \
             SANDKASSE_MASTER_KEY, or put the right file back as {}. Nothing was changed",
            path.display()
        )));
    }
    Ok(vault)
}

/// Whoever calls merchants; `own` are the addresses that are never called.
pub(crate) fn courier(
    own: Vec<SocketAddr>,
    data: &Data,
    clock: Arc<dyn WallClock>,
) -> CourierHandle {
    let config = CourierConfig {
        vault: Some(data.vault.clone()),
        own,
        ..CourierConfig::default()
    };
    let courier = Courier::new(config, Arc::new(SystemResolver));
    let now = Arc::new(move || clock.now());
    CourierHandle::new(Traced(courier), data.store.clone(), now, Limits::default())
}

/// What a seed makes again is there already.
const SEED_REPEATS: &str = "--seed makes the same ids and keys again, and this database has those of an earlier run: \
     use a new one (--database sqlite:OTHER-FILE), or one that is forgotten (--database sqlite::memory:)";

/// What one node does while others wait: making what a new installation has.
const START: &str = "start";

/// The platform, with demo data if it is new.
pub(crate) async fn platform(
    settings: &Settings,
    places: &Places,
    data: &Data,
    clock: &Arc<dyn WallClock>,
    courier: &CourierHandle,
) -> Result<Arc<Platform>, Ended> {
    let chance = match settings.seed {
        Some(seed) => Chance::seeded(seed),
        None => Chance::from_entropy(),
    };
    let wording = sandkasse_engine::Settings {
        test_wording: settings.wording,
        production_wording: settings.production_wording,
        as_of: settings.as_of,
        test_idle_deactivation: settings.test_idle_deactivation,
        reports_in_test: settings.reports_in_test,
    };
    let messenger = Arc::new(Messenger::new(courier.clone(), settings.local_urls));
    let failed = |error: StoreError| Ended::Failed(error.to_string());
    let (store, clock) = (data.store.clone(), clock.clone());
    let engine = Engine::open(
        store,
        clock,
        chance,
        messenger.clone(),
        data.vault.clone(),
        wording,
    )
    .await
    .map_err(failed)?;
    engine.turn(START).await.map_err(failed)?;
    let is_new = Environment::ALL
        .into_iter()
        .all(|environment| engine.directory.of(environment).is_empty());
    if !is_new && settings.seed.is_some() {
        return Err(Ended::WrongUse(SEED_REPEATS.to_owned()));
    }
    if is_new && settings.demo_data {
        demo::fill(&engine, settings.local_urls)
            .await
            .map_err(failed)?;
    }
    users::ensure(&engine, settings.demo_data)
        .await
        .map_err(failed)?;
    engine.end_turn(START).await.map_err(failed)?;
    if !settings.demo_data_bearable && demo::is_within(&engine) {
        return Err(Ended::WrongUse(exposure::DEMO_KEYS_WITHIN.to_owned()));
    }
    let owed = courier
        .recover(|partition| {
            let directory = engine.directory.of(partition.environment);
            let unit = directory.unit(&partition.msn);
            let policy = unit.map(|unit| unit.facts.url_policy);
            messenger.policy(policy.unwrap_or(UrlPolicy::Strict))
        })
        .await
        .map_err(failed)?;
    if owed > 0 {
        tracing::info!(calls = owed, "calls that an earlier run owed are sent now");
    }
    let engine = Arc::new(engine);
    let key = |own: &KeySource| match engine.store().nodes() {
        Some(_) => KeySource::Directory(engine.clone()),
        None => own.clone(),
    };
    let gate = Gate::new(
        engine.clone(),
        key(&data.test_key),
        key(&data.production_key),
        settings.lenient_bearer,
    );
    let platform = Platform {
        engine,
        gate,
        resolver: Arc::new(SystemResolver),
        test_base: places.test.clone(),
        production_base: places.production.clone(),
        shedder: Shedder::new(settings.calls_at_once),
    };
    Ok(Arc::new(platform))
}

/// The Business register: the one behind `register_url`, or else the built-in table.
pub(crate) fn register(
    settings: &Settings,
    engine: &Arc<Engine>,
    clock: &Arc<dyn WallClock>,
) -> Arc<dyn Register> {
    match &settings.register_url {
        Some(base) => Arc::new(Remote::new(base.clone(), clock.clone())),
        None => Arc::new(BuiltIn(engine.clone())),
    }
}
