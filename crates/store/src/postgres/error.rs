//! Why a database cannot be used.

/// Why a database cannot be used. The text says what to do about it, and holds no password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none.
    #[error("{0}")]
    Address(String),
    /// It cannot be reached, or does not let us in.
    #[error("cannot use the database {address}: {reason}")]
    Away {
        /// Without the password.
        address: String,
        /// What the system or the database says.
        reason: String,
    },
    /// A newer version of this program prepared it.
    #[error(
        "the database was prepared by a newer sandkasse (schema {found}, this one knows {known}): start the newer one"
    )]
    Newer {
        /// The version in the database.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// The tables are missing or old, and this role may not make them.
    #[error(
        "the tables of this database are missing or older than this sandkasse, and this role may not change them \
         ({0}): run `sandkasse migrate --database postgres://OWNER@HOST/DATABASE --grant-to ROLE` as the owner"
    )]
    MayNotMigrate(String),
    /// Texts would not come back as they were.
    #[error(
        "the database's encoding is {0}, and it must be UTF8: create it with `createdb --encoding=UTF8 --template=template0`"
    )]
    Encoding(String),
    /// As many nodes as there may be are running.
    #[error(
        "{} nodes use this database already, which is as many as there may be",
        super::nodes::SLOTS
    )]
    NoSlot,
    /// Something else the database says.
    #[error("the database cannot be prepared: {0}")]
    Failed(String),
}
