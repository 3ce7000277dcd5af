//! `sandkasse migrate`: makes or changes the tables, as their owner.

use sandkasse_store::{PostgresStore, postgres::Address};

use crate::{
    Ended,
    cli::MigrateWish,
    config::{Database, PostgresUrl},
    output,
};

/// Migrates, and says so.
pub(crate) fn run(wish: MigrateWish) -> Result<(), Ended> {
    let Some(Database::Postgres(PostgresUrl(url))) = wish.database else {
        return Err(Ended::WrongUse(
            "name the PostgreSQL database: sandkasse migrate --database postgres://OWNER@HOST/DATABASE \
             (a file of SQLite is brought up to date when it is opened)"
                .to_owned(),
        ));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()))?;
    let address = Address::parse(&url).map_err(Ended::WrongUse)?;
    let shown = address.to_string();
    let role = wish.grant_to.as_deref();
    runtime
        .block_on(PostgresStore::migrate(address, role))
        .map_err(|error| Ended::WrongUse(error.to_string()))?;
    let granted = role.map_or_else(String::new, |role| format!(", and {role} may use them"));
    output::say(&format!("the tables of {shown} are up to date{granted}\n"));
    Ok(())
}
