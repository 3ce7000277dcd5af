//! `sandkasse certs`: an authority of this machine, and a certificate for the names by which clients call.
//!
//! The authority is made once, since clients have to be told of it; what it may vouch for is limited, so that little is lost
//! with its key. The certificate is made anew each time.

mod authority;
mod leaf;
mod names;
#[cfg(test)]
mod tests;
mod words;

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use clap::Args;
use jiff::SignedDuration;
use sandkasse_domain::Timestamp;
use sandkasse_engine::{SystemClock, WallClock};
use sandkasse_gate::token::file::{write_secret, write_whole};
use time::OffsetDateTime;

use crate::{Ended, output};
use authority::Authority;
use names::Name;

pub(crate) const EXAMPLES: &str = "\
Examples:
  sandkasse certs                             for localhost, 127.0.0.1 and ::1
  sandkasse certs apitest.vipps.no api.vipps.no
                                              for the real hosts' names as well, for clients that know no others
  sandkasse certs sandkasse.internal 10.1.2.3 for a machine that others reach

The authority is made once, and vouches for local names, private networks, vipps.no, vippsmobilepay.com and the names it was
made with, but for nothing else. Run it again to renew the certificate, at the latest after 13 months, or for other names. A
running platform takes the new certificate in within a minute. How clients are told of the authority is printed, and
explained in docs/clients.md.";

/// Where everything is kept unless somebody says otherwise.
const FOLDER: &str = ".sandkasse/certs";
const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";
/// The mode of files that are no secret, less what the user's mask takes away.
const FOR_ALL: u32 = 0o666;
/// What the mode of a secret does not have.
const FOR_OTHERS: u32 = 0o077;

/// Clocks of clients may be slow by this much.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// Clients refuse certificates of more than 398 days (CA/Browser Forum, Ballot 193 and its followers).
const LEAF_LASTS: SignedDuration = SignedDuration::from_hours(396 * 24);
/// Clients are told of the authority by hand, so it lasts ten years.
const AUTHORITY_LASTS: SignedDuration = SignedDuration::from_hours(3652 * 24);

/// For what names, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct CertsFlags {
    /// Names and addresses by which clients call, besides localhost, 127.0.0.1 and ::1
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    /// The folder for the authority and the certificate
    #[arg(long, value_name = "FOLDER", default_value = FOLDER)]
    to: PathBuf,
}

/// Where the authority is that this user made in this folder, if one was made. One whose key is not there, or is there for
/// others too, may have come with a repository: git keeps no such mode.
pub(crate) fn authority() -> Option<PathBuf> {
    let folder = Path::new(FOLDER);
    let key = fs::metadata(folder.join(AUTHORITY_KEY)).ok()?;
    let is_own = key.uid() == rustix::process::geteuid().as_raw() && key.mode() & FOR_OTHERS == 0;
    Some(folder.join(AUTHORITY)).filter(|path| is_own && path.exists())
}

/// What was made.
struct Made {
    authority: String,
    is_new: bool,
    names: Vec<Name>,
    until: Timestamp,
}

/// The four files of a folder.
struct Files {
    authority: PathBuf,
    authority_key: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Files {
        Files {
            authority: folder.join(AUTHORITY),
            authority_key: folder.join(AUTHORITY_KEY),
            certificate: folder.join(CERTIFICATE),
            key: folder.join(KEY),
        }
    }
}

/// Makes them and says what to do next.
pub(crate) fn run(flags: &CertsFlags) -> Result<(), Ended> {
    let made = make(flags, SystemClock.now()).map_err(Ended::WrongUse)?;
    let folder = std::path::absolute(&flags.to).unwrap_or_else(|_| flags.to.clone());
    output::say(&words::told(
        &made,
        &Files::of(&flags.to),
        &Files::of(&folder),
    ));
    Ok(())
}

/// Makes what is missing and the certificate. Fails before anything is written when something of somebody else lies there.
fn make(flags: &CertsFlags, now: Timestamp) -> Result<Made, String> {
    let files = Files::of(&flags.to);
    let names = names::with_local(&flags.names);
    let (authority, is_new) = match Authority::read(&files)? {
        Some(authority) => (authority, false),
        None => (Authority::make(&host(), &names, now)?, true),
    };
    if !is_new {
        leaf::is_ours(&files, &authority)?;
    }
    let leaf = leaf::make(&authority, &names, now)?;
    let shown = flags.to.display();
    let cannot = |error: io::Error| {
        format!("cannot write in {shown}: {error}. Name another folder with `--to FOLDER`")
    };
    prepare(&flags.to).map_err(cannot)?;
    if is_new {
        write_secret(&files.authority_key, authority.key_pem().as_bytes()).map_err(cannot)?;
        write_whole(&files.authority, authority.pem().as_bytes(), FOR_ALL).map_err(cannot)?;
    }
    // A running platform that sees one without the other goes on with the old ones until it looks again.
    write_secret(&files.key, leaf.key.as_bytes()).map_err(cannot)?;
    write_whole(&files.certificate, leaf.certificate.as_bytes(), FOR_ALL).map_err(cannot)?;
    Ok(Made {
        authority: authority.name,
        is_new,
        names,
        until: leaf.until,
    })
}

/// The folder, which stays out of git when it is made here.
fn prepare(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    write_whole(&folder.join(".gitignore"), b"*\n", FOR_ALL)
}

/// How this machine is called.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// As the library for certificates has it.
fn moment(at: Timestamp) -> Result<OffsetDateTime, String> {
    OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|error| error.to_string())
}
