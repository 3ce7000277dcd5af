//! The folder of a run. Whatever a run that was killed left, folders and processes in them, the next one removes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::command::{is_alive, signal};

/// Before the process id of the run.
const PREFIX: &str = "sandkasse-chaos-";

/// A folder for data, removed when dropped.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder of this run, which servers of other users may enter.
    pub(crate) fn make() -> anyhow::Result<Self> {
        remove_leftovers()?;
        let path = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("{} was not removed: {error}", self.path.display());
        }
    }
}

fn remove_leftovers() -> anyhow::Result<()> {
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let path = entry?.path();
        if run_of(&path).is_some_and(|run| !is_alive(run)) {
            // All servers of a run work in its folder.
            signal(Signal::KILL, &processes_in(&path));
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// The process id in the name of a run's folder.
fn run_of(path: &Path) -> Option<i32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(PREFIX)?.parse().ok()
}

/// The processes whose working folder is in this one.
fn processes_in(folder: &Path) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_in = |pid: &i32| {
        let works_in = std::fs::read_link(format!("/proc/{pid}/cwd"));
        works_in.is_ok_and(|works_in| works_in.starts_with(folder))
    };
    pids.filter(is_in).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_runs_are_ours() {
        for (path, expected) in [
            ("/tmp/sandkasse-chaos-4711", Some(4711)),
            ("/tmp/sandkasse-chaos-4711-other", None),
            ("/tmp/sandkasse-4711", None),
        ] {
            assert_eq!(run_of(Path::new(path)), expected, "{path}");
        }
    }
}
