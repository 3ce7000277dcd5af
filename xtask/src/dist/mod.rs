//! What is given to others: `cargo xtask dist` packs the program.
//!
//! The same program packed twice gives the same bytes: every time is the commit's. [`check`] tries what was packed, also
//! for `cargo xtask test`, which packs the program of the tests.

mod check;
mod image;
mod licences;
mod package;
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::setup::{self, Need};
use crate::{cargo, process};

#[derive(Args)]
pub(crate) struct Options {
    /// The program: a static one, for the image holds nothing else [default: it is built, with musl]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where everything goes [default: target/dist].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// The static program has at most so many bytes.
const PROGRAM_MOST: u64 = 25_000_000;
/// The image has at most so many, compressed.
const IMAGE_MOST: u64 = 20_000_000;

const PACKING: &[Need] = &[
    Need {
        what: "what packs and reads programs",
        program: "sh",
        proof: &[
            "-c",
            "dpkg-deb --version && tar --version && gzip --version && readelf --version && sha256sum --version",
        ],
        packages: &["dpkg", "tar", "gzip", "binutils", "coreutils"],
    },
    Need {
        what: "the authorities that the image believes",
        program: "sh",
        proof: &["-c", "ls /usr/share/ca-certificates/mozilla/*.crt"],
        packages: &["ca-certificates"],
    },
    Need {
        what: "curl",
        program: "curl",
        proof: &["--version"],
        packages: &["curl"],
    },
];

/// What is packed, and how it is called.
pub(crate) struct Goods {
    root: PathBuf,
    /// The program.
    binary: PathBuf,
    /// Where everything goes.
    out: PathBuf,
    version: String,
    /// Seconds since 1970, of the commit.
    epoch: String,
}

/// Packs and tries everything.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    setup::provide(PACKING)?;
    let out = match &options.out {
        Some(folder) => std::path::absolute(folder)?,
        None => cargo::workshop(root, "dist")?,
    };
    let binary = match &options.binary {
        Some(file) => std::path::absolute(file)?,
        None => program::build(root)?,
    };
    program::is_static(&binary)?;
    at_most(&binary, PROGRAM_MOST)?;
    let goods = pack(root, &binary, &out, epoch(root)?)?;
    at_most(&goods.image(), IMAGE_MOST)?;
    check::all(&goods)?;
    for file in goods.files()? {
        let size = fs::metadata(&file)?.len();
        println!("{size:>12}  {}", file.display());
    }
    Ok(())
}

/// The same with the program of the tests: everything but its size and how it is linked.
pub(crate) fn with(root: &Path, binary: &Path) -> anyhow::Result<()> {
    setup::provide(PACKING)?;
    let out = cargo::workshop(root, "dist-of-tests")?;
    check::all(&pack(root, binary, &out, epoch(root)?)?)
}

fn pack(root: &Path, binary: &Path, out: &Path, epoch: String) -> anyhow::Result<Goods> {
    let _ = fs::remove_dir_all(out);
    fs::create_dir_all(out)?;
    let said = process::read(Command::new(binary).arg("--version"))?;
    let version = said.split_whitespace().last().context("no version")?;
    let goods = Goods {
        root: root.to_path_buf(),
        binary: out.join("sandkasse"),
        out: out.to_path_buf(),
        version: version.to_owned(),
        epoch,
    };
    fs::copy(binary, &goods.binary).with_context(|| format!("cannot copy {}", binary.display()))?;
    licences::write(&goods)?;
    package::make(&goods)?;
    image::make(&goods)?;
    goods.sum()?;
    Ok(goods)
}

impl Goods {
    fn image(&self) -> PathBuf {
        self.out.join(format!(
            "sandkasse-{}-{}-image.tar.gz",
            self.version,
            std::env::consts::ARCH
        ))
    }

    fn package(&self) -> PathBuf {
        self.out.join(format!(
            "sandkasse_{}_{}.deb",
            self.version,
            debian_architecture()
        ))
    }

    /// A fresh folder under `out` for what is being packed.
    fn bench(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.out.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// What is given to others, sorted.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.out)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn sum(&self) -> anyhow::Result<()> {
        let mut command = Command::new("sha256sum");
        command.current_dir(&self.out);
        for file in self.files()? {
            command.arg(file.file_name().context("a file without a name")?);
        }
        let sums = process::read(&mut command)?;
        fs::write(self.out.join("SHA256SUMS"), sums)?;
        Ok(())
    }

    /// `tar` that writes the same bytes every time; nobody's name is in it.
    fn tar(&self, folder: &Path) -> Command {
        let mut command = Command::new("tar");
        command
            .current_dir(folder)
            .args(["--create", "--sort=name", "--format=gnu"])
            .args(["--numeric-owner", &format!("--mtime=@{}", self.epoch)]);
        command
    }

    /// `gzip` without name and time; takes away what it compressed.
    fn gzip(&self, file: &Path) -> anyhow::Result<()> {
        process::run(Command::new("gzip").args(["-9", "-n", "--force"]).arg(file))
    }
}

/// When this commit was made, or what SOURCE_DATE_EPOCH says.
#[expect(
    clippy::disallowed_methods,
    reason = "a variable that all packers know"
)]
fn epoch(root: &Path) -> anyhow::Result<String> {
    if let Ok(said) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(said);
    }
    let mut log = Command::new("git");
    log.current_dir(root).args(["log", "-1", "--format=%ct"]);
    Ok(process::read(&mut log)?.trim().to_owned())
}

fn at_most(file: &Path, most: u64) -> anyhow::Result<()> {
    let size = fs::metadata(file)?.len();
    if size > most {
        bail!(
            "{} has {size} bytes, at most {most} are wanted",
            file.display()
        );
    }
    Ok(())
}

/// Debian's word for this kind of machine.
fn debian_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The word of container images.
fn image_architecture() -> &'static str {
    debian_architecture()
}
