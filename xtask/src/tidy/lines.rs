//! Checks that look at one line, or count lines.

use std::env;
use std::path::Path;

use super::Problem;
use super::files::Files;

/// A longer file has more than one subject.
const MOST_LINES: usize = 600;

/// Marks of unfinished work. They are put together here so that this file does not contain them.
const UNFINISHED: [&str; 3] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[", "ignore"),
];

/// Folders that tests and documents may name although a checkout can stand in one of them.
const ANYBODYS: [&str; 12] = [
    "/", "/app", "/builds", "/home", "/media", "/mnt", "/opt", "/src", "/srv", "/tmp", "/usr",
    "/var",
];

/// Code that waits to be written, and tests that are not run.
pub(crate) fn unfinished(files: &Files) -> Vec<Problem> {
    let lines = files
        .rust()
        .flat_map(|file| file.lines().map(move |line| (file, line)));
    lines
        .filter_map(|(file, (number, line))| {
            let mark = UNFINISHED.iter().find(|mark| line.contains(*mark))?;
            Some(format!("{}:{number}: finish it: {mark}", file.path))
        })
        .collect()
}

/// Files of code with too many lines.
pub(crate) fn too_long(files: &Files) -> Vec<Problem> {
    let code = files
        .iter()
        .filter(|file| file.has_suffix(&["rs", "mjs", "js", "py", "sh", "css"]));
    code.filter_map(|file| {
        let lines = file.text.lines().count();
        let long = lines > MOST_LINES;
        long.then(|| {
            format!(
                "{}: {lines} lines, more than {MOST_LINES}: split it by subject",
                file.path
            )
        })
    })
    .collect()
}

/// Places on the machine of whoever wrote the file, which mean nothing elsewhere.
pub(crate) fn machine_paths(files: &Files, machine: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter() {
        for (number, line) in file.lines() {
            if let Some(path) = machine.iter().find(|path| names_path(line, path)) {
                problems.push(format!(
                    "{}:{number}: a path of one machine: {path}",
                    file.path
                ));
            }
        }
    }
    problems
}

/// The folders whose mention gives a machine away: this checkout's, the one around it, and the home of its user.
pub(crate) fn machine(root: &Path) -> Vec<String> {
    let home = env::home_dir();
    let folders = [Some(root), root.parent(), home.as_deref()];
    let mut folders: Vec<String> = folders
        .into_iter()
        .flatten()
        .map(|folder| folder.to_string_lossy().trim_end_matches('/').to_owned())
        .filter(|folder| !folder.is_empty() && !ANYBODYS.contains(&folder.as_str()))
        .filter(|folder| Path::new(folder) != env::temp_dir())
        .map(|folder| folder + "/")
        .collect();
    folders.dedup();
    folders
}

/// Whether `path` stands in the line as an absolute path, not as the end of a longer path or of a URL.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/}~$*)".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found_in_rust_only() {
        let text = format!(
            "fn a() {{\n    {}) }}\n{}]\nfn b() {{}}",
            UNFINISHED[0], UNFINISHED[2]
        );
        let files = Files::of(&[("crates/a/src/lib.rs", &text), ("docs/a.md", &text)]);
        let problems = unfinished(&files);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].starts_with("crates/a/src/lib.rs:2:"),
            "{problems:?}"
        );
        assert!(
            problems[1].starts_with("crates/a/src/lib.rs:3:"),
            "{problems:?}"
        );
    }

    #[test]
    fn six_hundred_lines_are_enough() {
        let (fits, long) = ("x\n".repeat(600), "x\n".repeat(601));
        let files = Files::of(&[("a.rs", &fits), ("b.rs", &long), ("c.md", &long)]);
        let problems = too_long(&files);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("b.rs: 601 lines"), "{problems:?}");
    }

    #[test]
    fn paths_of_a_machine_are_told_from_parts_of_other_paths() {
        let machine = ["/place/of/kari/".to_owned()];
        for (line, found) in [
            ("see /place/of/kari/notes", true),
            ("open(\"/place/of/kari/x\")", true),
            ("https://example.com/place/of/kari/x", false),
            ("$ROOT/place/of/kari/x", false),
            ("/place/of/karianne/x", false),
        ] {
            let files = Files::of(&[("a.md", line)]);
            assert_eq!(!machine_paths(&files, &machine).is_empty(), found, "{line}");
        }
    }

    #[test]
    fn well_known_folders_give_nothing_away() {
        let folders = machine(Path::new("/srv/project"));
        assert!(folders.contains(&"/srv/project/".to_owned()), "{folders:?}");
        assert!(!folders.contains(&"/srv/".to_owned()), "{folders:?}");
    }
}
