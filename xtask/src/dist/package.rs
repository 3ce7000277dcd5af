//! The Debian package: program, service, manual, completions, settings, terms.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::Goods;
use crate::process;

/// Documents of ours that are installed with it.
const DOCUMENTS: [&str; 5] = [
    "README.md",
    "docs/ci.md",
    "docs/scaling.md",
    "docs/clients.md",
    "docs/operations.md",
];
/// Scripts that dpkg runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
/// Shells, and where each finds what completes a command.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/sandkasse"),
    ("zsh", "usr/share/zsh/vendor-completions/_sandkasse"),
    ("fish", "usr/share/fish/vendor_completions.d/sandkasse.fish"),
];

/// A folder that becomes a package.
struct Tree(PathBuf);

impl Tree {
    fn put(&self, path: &str, content: &[u8], mode: u32) -> anyhow::Result<PathBuf> {
        let file = self.0.join(path);
        let folder = file.parent().context("no folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&file, content).with_context(|| file.display().to_string())?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        Ok(file)
    }

    fn copy(&self, from: &Path, path: &str, mode: u32) -> anyhow::Result<PathBuf> {
        let content = fs::read(from).with_context(|| from.display().to_string())?;
        self.put(path, &content, mode)
    }
}

pub(super) fn make(goods: &Goods) -> anyhow::Result<()> {
    let folder = goods.bench("package")?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let tree = Tree(folder);
    let root = &goods.root;
    tree.copy(&goods.binary, "usr/bin/sandkasse", 0o755)?;
    tree.copy(
        &root.join("ops/systemd/sandkasse.service"),
        "usr/lib/systemd/system/sandkasse.service",
        0o644,
    )?;
    // Keys may stand in it.
    tree.copy(
        &root.join("ops/systemd/sandkasse.env"),
        "etc/sandkasse/sandkasse.env",
        0o600,
    )?;
    for (shell, path) in COMPLETIONS {
        let script = process::read(Command::new(&goods.binary).args(["completions", shell]))?;
        tree.put(path, script.as_bytes(), 0o644)?;
    }
    manual(goods, &tree)?;
    documents(goods, &tree)?;
    control(goods, &tree)?;
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([&tree.0, &goods.package()])
        .env("SOURCE_DATE_EPOCH", &goods.epoch);
    process::run(&mut build)?;
    fs::remove_dir_all(&tree.0)?;
    Ok(())
}

fn manual(goods: &Goods, tree: &Tree) -> anyhow::Result<()> {
    let folder = tree.0.join("usr/share/man/man1");
    fs::create_dir_all(&folder)?;
    process::run(Command::new(&goods.binary).arg("man").arg(&folder))?;
    for entry in fs::read_dir(&folder)? {
        let page = entry?.path();
        fs::set_permissions(&page, fs::Permissions::from_mode(0o644))?;
        goods.gzip(&page)?;
    }
    Ok(())
}

fn documents(goods: &Goods, tree: &Tree) -> anyhow::Result<()> {
    let to = |name: &str| format!("usr/share/doc/sandkasse/{name}");
    for path in DOCUMENTS {
        let name = path.rsplit('/').next().unwrap_or(path);
        tree.copy(&goods.root.join(path), &to(name), 0o644)?;
    }
    for name in ["THIRD-PARTY.md", "sandkasse.cdx.json"] {
        let file = tree.copy(&goods.out.join(name), &to(name), 0o644)?;
        goods.gzip(&file)?;
    }
    let changelog = tree.copy(&goods.root.join("CHANGELOG.md"), &to("changelog"), 0o644)?;
    goods.gzip(&changelog)?;
    let terms = fs::read_to_string(goods.root.join("ops/debian/copyright"))?;
    let licence = fs::read_to_string(goods.root.join("LICENSE"))?;
    tree.put(
        &to("copyright"),
        copyright(&terms, &licence).as_bytes(),
        0o644,
    )?;
    Ok(())
}

/// Debian's form: paragraphs are set in by a space, and an empty line is a dot.
fn copyright(form: &str, licence: &str) -> String {
    let whose: Vec<&str> = licence
        .lines()
        .filter(|line| line.starts_with("Copyright"))
        .collect();
    let whose = whose.join("\n ").replace("Copyright (c)", "Copyright:");
    let terms: Vec<String> = licence
        .lines()
        .map(|line| match line.trim_end() {
            "" => " .".to_owned(),
            line => format!(" {line}"),
        })
        .collect();
    form.replace("@COPYRIGHT@", &whose)
        .replace("@LICENCE@", &terms.join("\n"))
}

fn control(goods: &Goods, tree: &Tree) -> anyhow::Result<()> {
    let form = fs::read_to_string(goods.root.join("ops/debian/control"))?;
    let size = process::read(
        Command::new("du")
            .args(["-sk", "--apparent-size"])
            .arg(&tree.0),
    )?;
    let size = size.split_whitespace().next().context("no size")?;
    let control = form
        .replace("@VERSION@", &goods.version)
        .replace("@ARCHITECTURE@", super::debian_architecture())
        .replace("@SIZE@", size);
    tree.put("DEBIAN/control", control.as_bytes(), 0o644)?;
    tree.copy(
        &goods.root.join("ops/debian/conffiles"),
        "DEBIAN/conffiles",
        0o644,
    )?;
    for script in SCRIPTS {
        let from = goods.root.join("ops/debian").join(script);
        tree.copy(&from, &format!("DEBIAN/{script}"), 0o755)?;
    }
    let sums = process::read(
        Command::new("sh")
            .current_dir(&tree.0)
            .args(["-c", "find usr -type f | LC_ALL=C sort | xargs md5sum"]),
    )?;
    tree.put("DEBIAN/md5sums", sums.as_bytes(), 0o644)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_in_debians_form() {
        let form = "License: MIT\n@COPYRIGHT@\n@LICENCE@\n";
        let text = copyright(form, "MIT License\n\nCopyright (c) 2026 Us\n\nAll.\n");
        let expected = "License: MIT\nCopyright: 2026 Us\n MIT License\n .\n Copyright (c) 2026 Us\n .\n All.\n";
        assert_eq!(text, expected);
    }
}
