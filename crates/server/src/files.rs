//! The data folder and the ready file.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use sandkasse_domain::Environment;
use sandkasse_gate::token::{
    self, KeySource,
    file::{sync_folder, write_secret, write_whole},
};
use sandkasse_vault::{MasterKey, Vault, is_sealed};

/// The mode of files that are no secret, less what the user's mask takes away.
const FOR_ALL: u32 = 0o666;

/// The folder that a database file and the signing keys lie in.
#[derive(Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder of a database file; made if it is not there. A folder made here, and the default
    /// one, are kept out of git.
    pub(crate) fn of(database: &Path) -> Result<DataFolder, String> {
        let folder = match database.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        let cannot = |error: io::Error| {
            let shown = folder.display();
            format!(
                "cannot use the folder {shown}: {error}. Name another with `--database sqlite:FILE`"
            )
        };
        let is_new = !folder.exists();
        fs::create_dir_all(folder).map_err(cannot)?;
        if is_new {
            sync_folder(folder).map_err(cannot)?;
        }
        let ignore = folder.join(".gitignore");
        // An empty one is what a power cut left of it in earlier versions.
        let is_there = fs::metadata(&ignore).is_ok_and(|found| found.len() > 0);
        if (is_new || folder.ends_with(".sandkasse")) && !is_there {
            write_whole(&ignore, b"*\n", FOR_ALL).map_err(cannot)?;
            sync_folder(&ignore).map_err(cannot)?;
        }
        Ok(DataFolder(folder.to_owned()))
    }

    /// The same folder, which is not made: for its name only.
    pub(crate) fn unmade(database: &Path) -> DataFolder {
        DataFolder(database.parent().unwrap_or(Path::new(".")).to_owned())
    }

    /// Where an environment's signing key is, or will be.
    pub(crate) fn signing_key(&self, environment: Environment, vault: &Arc<Vault>) -> KeySource {
        KeySource::File {
            path: self.signing_key_path(environment),
            vault: vault.clone(),
        }
    }

    fn signing_key_path(&self, environment: Environment) -> PathBuf {
        self.0.join(format!("{environment}-signing-key.pem"))
    }

    /// What lies sealed in the folder, each with its place.
    pub(crate) fn sealed(&self) -> Vec<(String, String)> {
        let mut sealed = Vec::new();
        for environment in Environment::ALL {
            if let Ok(kept) = fs::read_to_string(self.signing_key_path(environment))
                && is_sealed(&kept)
            {
                sealed.push((token::place(environment), kept.trim_end().to_owned()));
            }
        }
        sealed
    }

    /// Where the master key is, or will be.
    pub(crate) fn master_key_path(&self) -> PathBuf {
        self.0.join("master.key")
    }

    /// What secrets in the database are sealed under; made by the first start, `None` before.
    /// Whoever has this file and the database has the keys, so a backup of one goes elsewhere than
    /// the other's.
    pub(crate) fn master_key(&self) -> Result<Option<MasterKey>, String> {
        let path = self.master_key_path();
        let cannot = |error: io::Error| format!("cannot use {}: {error}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mode = fs::metadata(&path).map_err(cannot)?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(format!(
                        "{} can be read by others: `chmod 600` it, or give the key as SANDKASSE_MASTER_KEY",
                        path.display()
                    ));
                }
                match MasterKey::from_hex(&text) {
                    Some(key) => Ok(Some(key)),
                    None => Err(format!(
                        "{} holds no master key of 64 hexadecimal digits",
                        path.display()
                    )),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot(error)),
        }
    }

    /// Makes the master key of a new installation.
    pub(crate) fn make_master_key(&self) -> Result<MasterKey, String> {
        let path = self.master_key_path();
        let key = Vault::fresh_key();
        write_secret(&path, format!("{}\n", key.to_hex()).as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(key)
    }
}

/// Takes away what an earlier run left, so that nobody takes it for this one's.
pub(crate) fn remove_ready_file(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!(
            "cannot write the ready file {}: {error}",
            path.display()
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Tells where the listeners are. It need not outlive a power cut, so its folder is not synced.
pub(crate) fn write_ready_file(
    path: &Path,
    test: &str,
    production: &str,
    portal: &str,
    metrics: Option<&str>,
) -> Result<(), String> {
    let mut urls = serde_json::json!({ "test": test, "production": production, "portal": portal });
    if let (Some(metrics), Some(urls)) = (metrics, urls.as_object_mut()) {
        urls.insert("metrics".to_owned(), metrics.into());
    }
    write_whole(path, format!("{urls}\n").as_bytes(), FOR_ALL)
        .map_err(|error| format!("cannot write the ready file {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_ours_is_kept_out_of_git() {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("new/sandkasse.db");
        DataFolder::of(&database).unwrap();
        let ignore = fs::read_to_string(place.path().join("new/.gitignore")).unwrap();
        assert_eq!(ignore, "*\n");
    }

    /// without it, keys may get into somebody's repository.
    #[test]
    fn a_list_that_a_power_cut_emptied_is_written_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(".sandkasse");
        fs::create_dir(&folder).unwrap();
        let ignore = folder.join(".gitignore");
        for (left, expected) in [("", "*\n"), ("mine\n", "mine\n")] {
            fs::write(&ignore, left).unwrap();
            DataFolder::of(&folder.join("sandkasse.db")).unwrap();
            assert_eq!(fs::read_to_string(&ignore).unwrap(), expected);
        }
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        DataFolder::of(&place.path().join("sandkasse.db")).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        let message = DataFolder::of(Path::new("/proc/none/x.db")).unwrap_err();
        assert!(message.contains("/proc/none"), "{message}");
        assert!(message.contains("--database"), "and the remedy: {message}");
    }

    #[test]
    fn a_ready_file_is_new_and_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ready.json");
        remove_ready_file(&path).unwrap();
        write_ready_file(&path, "http://a", "http://b", "http://c", None).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let urls: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            urls,
            serde_json::json!({"test": "http://a", "production": "http://b", "portal": "http://c"})
        );
        remove_ready_file(&path).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
