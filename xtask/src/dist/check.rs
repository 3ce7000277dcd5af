//! Whether what was packed works: the package is installed, asked for a payment, removed and purged; the image is unpacked,
//! and runs as nobody with nothing but what is in it.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::Goods;
use super::image::Recipe;
use crate::{process, setup};

/// A debug build on a busy machine starts within this time.
const START_SECONDS: &str = "60";
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// A payment by somebody who knows the keys; `sandkasse` is the first argument's.
const PAYMENT: &str = include_str!("payment.sh");

pub(super) fn all(goods: &Goods) -> anyhow::Result<()> {
    sums(goods)?;
    package(goods).context("the Debian package")?;
    image(goods).context("the image")
}

fn sums(goods: &Goods) -> anyhow::Result<()> {
    let mut check = Command::new("sha256sum");
    check
        .current_dir(&goods.out)
        .args(["--check", "--quiet", "--strict", "SHA256SUMS"]);
    process::run(&mut check)
}

/// Installs it under a folder of its own, with a database of packages of its own.
fn package(goods: &Goods) -> anyhow::Result<()> {
    let root = goods.bench("installed")?;
    for folder in [
        "var/lib/dpkg/info",
        "var/lib/dpkg/updates",
        "var/lib/dpkg/triggers",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("var/lib/dpkg/status"), "")?;
    let dpkg = |action: &str, what: &Path| -> anyhow::Result<()> {
        // Scripts find DPKG_ROOT and leave the machine's services alone.
        let mut command = setup::as_root(Path::new("dpkg"))?;
        command.arg(format!("--root={}", root.display()));
        command
            .args(["--force-not-root", "--force-script-chrootless", action])
            .arg(what);
        process::run(&mut command)
    };
    dpkg("--install", &goods.package())?;
    let program = root.join("usr/bin/sandkasse");
    for file in [
        "usr/lib/systemd/system/sandkasse.service",
        "etc/sandkasse/sandkasse.env",
        "usr/share/man/man1/sandkasse.1.gz",
        "usr/share/man/man1/sandkasse-exec.1.gz",
        "usr/share/bash-completion/completions/sandkasse",
        "usr/share/doc/sandkasse/copyright",
        "usr/share/doc/sandkasse/THIRD-PARTY.md.gz",
    ] {
        ensure!(root.join(file).is_file(), "{file} is not there");
    }
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/sandkasse.service"))?;
    ensure!(
        unit.contains("ExecStart=/usr/bin/sandkasse"),
        "the service starts another program"
    );
    let paid = process::read(pay(&program, &["exec", "--"])?.env("SANDKASSE", &program))?;
    ensure!(
        paid.contains("\"RESERVE\""),
        "no payment was reserved: {paid}"
    );

    let settings = root.join("etc/sandkasse/sandkasse.env");
    let name = Path::new("sandkasse");
    dpkg("--remove", name)?;
    ensure!(!program.exists(), "the program was not removed");
    ensure!(settings.exists(), "settings went with the program");
    dpkg("--purge", name)?;
    ensure!(!settings.exists(), "settings were not purged");
    remove(&root)
}

/// `sandkasse exec` with the payment as its program.
fn pay(program: &Path, words: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program);
    command.args(words).args(["sh", "-eu", "-c", PAYMENT]);
    Ok(command)
}

/// Runs what is in the image as the image says, in a file system that has nothing else.
fn image(goods: &Goods) -> anyhow::Result<()> {
    let recipe = Recipe::ours(&goods.root)?;
    let folder = goods.bench("unpacked")?;
    let mut unpack = Command::new("tar");
    unpack
        .current_dir(&folder)
        .arg("--extract")
        .arg("--file")
        .arg(goods.image());
    process::run(&mut unpack)?;
    let root = folder.join("root");
    fs::create_dir(&root)?;
    let mut layer = setup::as_root(Path::new("tar"))?;
    layer.args([
        "--extract",
        "--numeric-owner",
        "--same-owner",
        "--same-permissions",
    ]);
    layer
        .arg("--directory")
        .arg(&root)
        .arg("--file")
        .arg(folder.join("layer.tar"));
    process::run(&mut layer)?;
    libraries(&root)?;

    let settings = recipe.environment.iter().map(String::as_str);
    let inside = |more: &[&str], words: &[&str]| -> anyhow::Result<Command> {
        let mut command = setup::as_root(Path::new("env"))?;
        command.arg("-i").args(settings.clone()).args(more);
        command
            .arg("/usr/sbin/chroot")
            .arg(format!("--userspec={}", recipe.user));
        command
            .arg(&root)
            .args(&recipe.entry)
            .args(words)
            .stdin(Stdio::null());
        Ok(command)
    };
    // On all addresses it wants to be told three things first.
    let said = inside(&[], &[])?.output()?;
    let message = String::from_utf8_lossy(&said.stderr);
    ensure!(
        said.status.code() == Some(2) && message.contains("SANDKASSE_ADMIN_TOKEN"),
        "it starts although nobody set a token: {message}"
    );
    // On loopback here: tests listen nowhere else.
    let mut own: Vec<String> = Vec::new();
    for name in ["TEST", "PRODUCTION", "PORTAL"] {
        own.push(format!("SANDKASSE_{name}=127.0.0.1:0"));
    }
    own.push("SANDKASSE_READY_FILE=/data/ready.json".to_owned());
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    // In a group of its own: sudo hands on no signal that comes from its own group.
    let platform = inside(&own, &[])?.process_group(0).spawn()?;
    let outcome = serve(&platform, &root, &inside);
    let ended = end(platform);
    // What went wrong first is what there is to know.
    outcome.and(ended)?;
    ensure!(
        root.join("data/sandkasse.db").is_file(),
        "there is no database in /data"
    );
    remove(&folder)
}

type Inside<'a> = dyn Fn(&[&str], &[&str]) -> anyhow::Result<Command> + 'a;

fn serve(platform: &Child, root: &Path, inside: &Inside<'_>) -> anyhow::Result<()> {
    let ready = root.join("data/ready.json");
    let mut looks = 0;
    let text = loop {
        if let Ok(text) = fs::read_to_string(&ready) {
            break text;
        }
        looks += 1;
        ensure!(
            looks < 1200,
            "process {} wrote no ready file",
            platform.id()
        );
        process::pause(Duration::from_millis(50));
    };
    let urls: serde_json::Value = serde_json::from_str(&text)?;
    let portal = urls
        .get("portal")
        .and_then(|url| url.as_str())
        .context("no portal")?;
    // What an engine asks, and how.
    let health = process::read(&mut inside(
        &[],
        &["health", "--wait", START_SECONDS, "--portal", portal],
    )?)?;
    ensure!(health == "ready\n", "its health: {health}");
    let sick = inside(&["SANDKASSE_PORTAL=127.0.0.1:1"], &["health"])?.output()?;
    ensure!(
        sick.status.code() == Some(1),
        "health of nothing: {}",
        sick.status
    );
    let mut payment = Command::new("sh");
    payment
        .args(["-eu", "-c", PAYMENT])
        .env("SANDKASSE_PORTAL_URL", portal);
    let keys = process::read(&mut inside(&[], &["env", "--portal", portal])?)?;
    for (name, value) in keys.lines().filter_map(|line| line.split_once('=')) {
        payment.env(name, value.trim_matches('\''));
    }
    let paid = process::read(&mut payment)?;
    ensure!(
        paid.contains("\"RESERVE\""),
        "no payment was reserved: {paid}"
    );
    Ok(())
}

/// A program that is linked with libraries finds them; the static one needs none.
fn libraries(root: &Path) -> anyhow::Result<()> {
    let program = root.join("usr/bin/sandkasse");
    if super::program::is_static(&program).is_ok() {
        return Ok(());
    }
    let told = process::read(Command::new("ldd").arg(&program))?;
    let files = told.split_whitespace().filter(|word| word.starts_with('/'));
    for file in files.map(PathBuf::from).filter(|file| file.is_file()) {
        let inside = root.join(file.strip_prefix("/")?);
        let mut copy = setup::as_root(Path::new("install"))?;
        copy.arg("-D").arg(&file).arg(&inside);
        process::run(&mut copy)?;
    }
    Ok(())
}

/// Ends the platform, which runs as somebody else, perhaps behind sudo.
fn end(mut platform: Child) -> anyhow::Result<()> {
    let sent_to = platform.id().to_string();
    signal("TERM", &sent_to)?;
    match process::wait(&mut platform, STOP_LIMIT)? {
        Some(status) => ensure!(status.success(), "it ended with {status}"),
        None => {
            // This one sudo cannot hand on.
            signal("KILL", &format!("-{sent_to}"))?;
            platform.wait()?;
            bail!("it did not end on SIGTERM");
        }
    }
    Ok(())
}

/// The same as [`process::signal`], to what only root may send signals to.
fn signal(name: &str, to: &str) -> anyhow::Result<()> {
    let mut kill = setup::as_root(Path::new("sh"))?;
    kill.args(["-c", "kill -s \"$0\" -- \"$1\"", name, to]);
    process::run(&mut kill)
}

/// What root owns, root removes.
fn remove(folder: &Path) -> anyhow::Result<()> {
    let mut remove = setup::as_root(Path::new("rm"))?;
    process::run(remove.arg("-r").arg("--one-file-system").arg(folder))
}
