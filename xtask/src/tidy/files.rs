//! The text files of the repository, read once.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;

/// Folders that hold nothing of ours.
const NOT_OURS: [&str; 6] = [
    ".git",
    ".sandkasse",
    "__pycache__",
    "mutants.out",
    "node_modules",
    "target",
];

/// Every text file, sorted by path.
pub(crate) struct Files(Vec<TextFile>);

/// A file that is UTF-8 throughout.
pub(crate) struct TextFile {
    /// Relative to the root, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Files {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        walk(root, root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self(files))
    }

    /// Files made up by a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| TextFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        Self(files.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TextFile> {
        self.0.iter()
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &TextFile> {
        self.iter().filter(|file| file.has_suffix(&["rs"]))
    }

    pub(crate) fn get(&self, path: &str) -> Option<&TextFile> {
        self.iter().find(|file| file.path == path)
    }
}

impl TextFile {
    /// Whether the path ends with a dot and one of these.
    pub(crate) fn has_suffix(&self, suffixes: &[&str]) -> bool {
        let suffix = self.path.rsplit_once('.').map(|(_, suffix)| suffix);
        suffix.is_some_and(|suffix| suffixes.contains(&suffix))
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line))
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<TextFile>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !NOT_OURS.iter().any(|folder| name == *folder) {
                walk(root, &path, files)?;
            }
        } else if kind.is_file() {
            let text = match fs::read(&path) {
                Ok(bytes) => String::from_utf8(bytes),
                // An editor's or a test's file that ended between the listing and now.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            };
            let relative = path.strip_prefix(root).unwrap_or(&path);
            if let Ok(text) = text {
                let path = relative.to_string_lossy().replace('\\', "/");
                files.push(TextFile { path, text });
            }
        }
    }
    Ok(())
}
