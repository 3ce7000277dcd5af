//! Looking for secrets, in every form they may stand in.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A hit of fewer bytes may be chance.
const SHORTEST: usize = 8;

/// What must not be found, and in what forms.
#[derive(Default)]
pub(super) struct Search {
    /// By their first bytes: what to look for, and what it is.
    pub(super) needles: HashMap<[u8; SHORTEST], Vec<(Vec<u8>, String)>>,
    /// Whether a needle begins with these two bytes: most places are passed by quickly.
    pub(super) begins: Vec<bool>,
    pub(super) secrets: BTreeSet<String>,
}

impl Search {
    pub(super) fn add(&mut self, what: &str, secret: &str) {
        if !self.secrets.insert(secret.to_owned()) {
            return;
        }
        for (form, needle) in forms(secret.as_bytes()) {
            self.needle(format!("{what}, {form}"), needle);
        }
        // What the text stands for.
        if let Ok(bytes) = STANDARD.decode(secret) {
            self.needle(format!("{what}, decoded"), bytes);
        }
        self.needle(
            format!("{what}, escaped"),
            secret.replace('=', "%3D").into_bytes(),
        );
    }

    pub(super) fn needle(&mut self, what: String, needle: Vec<u8>) {
        let start = needle[..SHORTEST].try_into().unwrap();
        self.begins.resize(1 << 16, false);
        self.begins[usize::from(u16::from_be_bytes([needle[0], needle[1]]))] = true;
        self.needles.entry(start).or_default().push((needle, what));
    }

    /// All that is found, and where.
    pub(super) fn hits(&self, bytes: &[u8]) -> BTreeMap<&str, usize> {
        let mut found = BTreeMap::new();
        for (at, start) in bytes.windows(SHORTEST).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([start[0], start[1]]))] {
                continue;
            }
            let start: [u8; SHORTEST] = start.try_into().unwrap();
            for (needle, what) in self.needles.get(&start).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    found.insert(what.as_str(), at);
                }
            }
        }
        found
    }

    #[track_caller]
    pub(super) fn finds_nothing(&self, place: &str, bytes: &[u8]) {
        let hits = self.hits(bytes);
        let around = |at: usize| {
            let range = at.saturating_sub(100)..bytes.len().min(at + 60);
            String::from_utf8_lossy(&bytes[range]).into_owned()
        };
        let shown: Vec<_> = hits.iter().map(|(what, at)| (what, around(*at))).collect();
        assert!(shown.is_empty(), "{place}: {shown:#?}");
    }

    /// Searches every file of a folder but the master key's; answers how many bytes that were.
    pub(super) fn finds_nothing_in(&self, folder: &Path) -> usize {
        let mut searched = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if path.file_name().unwrap() != "master.key" {
                self.finds_nothing(&path.display().to_string(), &bytes);
                searched += bytes.len();
            }
        }
        searched
    }
}

/// How a secret may stand somewhere.
pub(super) fn forms(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw".to_owned(), secret.to_vec()),
        ("upper case".to_owned(), secret.to_ascii_uppercase()),
        ("hex".to_owned(), hex.clone().into_bytes()),
        ("HEX".to_owned(), hex.to_uppercase().into_bytes()),
    ];
    // In the middle of something that is encoded: without the ends, which others have a part in.
    for offset in 0..3 {
        let encoded = STANDARD.encode([&[b' '; 2][..offset], secret].concat());
        let inside = &encoded[if offset == 0 { 0 } else { 4 }..];
        let inside = inside.trim_end_matches('=');
        let whole = inside.len() / 4 * 4 - if encoded.ends_with('=') { 4 } else { 0 };
        forms.push((
            format!("Base64 at {offset}"),
            inside.as_bytes()[..whole.min(inside.len())].to_vec(),
        ));
    }
    forms
}
