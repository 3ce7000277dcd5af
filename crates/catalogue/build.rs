//! Lists the pages, so that the program carries them and reads no file.
//!
//! A script and not the crate `include_dir`: on a stable compiler a macro cannot tell cargo to look
//! at a folder, so a page that is added would be missed until something else changed.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue");

fn main() {
    let root = Path::new(PAGES);
    let mut pages = Vec::new();
    for folder in entries(root).into_iter().filter(|entry| entry.is_dir()) {
        let files = entries(&folder);
        pages.extend(
            files
                .into_iter()
                .filter(|file| file.extension().is_some_and(|it| it == "md")),
        );
    }
    let mut listed = String::from("[\n");
    for page in pages {
        let name = |path: Option<&Path>| {
            let name = path.and_then(Path::file_stem).expect("it has a name");
            name.to_string_lossy().into_owned()
        };
        let slug = format!("{}/{}", name(page.parent()), name(Some(&page)));
        let path = page.canonicalize().expect("it is there");
        writeln!(listed, "({slug:?}, include_str!({path:?})),").expect("memory does not fail");
    }
    listed.push(']');
    #[expect(
        clippy::disallowed_methods,
        reason = "the only way cargo tells a build script where to write"
    )]
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("pages.rs"), listed).expect("cargo made the folder");
}

/// What is in a folder, sorted; cargo looks again when that changes.
fn entries(folder: &Path) -> Vec<PathBuf> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let read = fs::read_dir(folder).expect("the folder is there");
    let mut entries: Vec<PathBuf> = read
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    entries.sort();
    entries
}
