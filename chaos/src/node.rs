//! Processes of `sandkasse` that share one database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use serde_json::Value;

use crate::command::{rest, signal};

/// How long a node may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) test: SocketAddr,
    production: SocketAddr,
    pub(crate) portal: SocketAddr,
}

/// How all nodes are started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) sandkasse: PathBuf,
    /// As `--database` takes it.
    pub(crate) database: String,
    /// Further variables, such as the master key that all share.
    pub(crate) variables: Vec<(String, String)>,
    /// Gets a folder for each node.
    pub(crate) folder: PathBuf,
    pub(crate) logs: PathBuf,
}

/// A running node, killed when dropped.
pub(crate) struct Node {
    program: Program,
    name: String,
    child: Child,
    pub(crate) place: Place,
}

impl Node {
    /// Starts a node on free ports and waits until it accepts calls.
    pub(crate) async fn start(program: &Program, name: &str) -> anyhow::Result<Self> {
        let (child, place) = launch(program, name, None).await?;
        Ok(Self {
            program: program.clone(),
            name: name.to_owned(),
            child,
            place,
        })
    }

    /// `kill -9`, and then a new process at the same place.
    pub(crate) async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.restart().await
    }

    /// Tells it to end and waits for that, and then a process of another program at the same place.
    pub(crate) async fn replace_by(&mut self, program: &Program) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).context("its process id")?;
        signal(Signal::TERM, &[pid]);
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                bail!("node {} does not end", self.name);
            }
            rest(Duration::from_millis(2)).await;
        }
        self.program = program.clone();
        self.restart().await
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// A new process at the same place.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let (child, place) = launch(&self.program, &self.name, Some(self.place)).await?;
        self.child = child;
        self.place = place;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn launch(
    program: &Program,
    name: &str,
    place: Option<Place>,
) -> anyhow::Result<(Child, Place)> {
    let folder = program.folder.join(name);
    std::fs::create_dir_all(&folder)?;
    std::fs::create_dir_all(&program.logs)?;
    let ready = folder.join("ready.json");
    let _ = std::fs::remove_file(&ready);
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(program.logs.join(format!("{name}.log")))?;
    let listen = |of: fn(&Place) -> SocketAddr| match &place {
        Some(place) => of(place).to_string(),
        None => "127.0.0.1:0".to_owned(),
    };
    use std::os::unix::process::CommandExt as _;
    let mut child = Command::new(&program.sandkasse)
        .arg("up")
        .args(["--test", &listen(|place| place.test)])
        .args(["--production", &listen(|place| place.production)])
        .args(["--portal", &listen(|place| place.portal)])
        .args(["--database", &program.database])
        .arg("--ready-file")
        .arg(&ready)
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", program.sandkasse.display()))?;
    let began = Instant::now();
    loop {
        if let Some(place) = read(&ready) {
            return Ok((child, place));
        }
        if let Some(status) = child.try_wait()? {
            bail!(
                "node {name} ended with {status} while starting; its log is in {}",
                program.logs.display()
            );
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            bail!("node {name} is not ready after {} s", PATIENCE.as_secs());
        }
        rest(Duration::from_millis(2)).await;
    }
}

/// What the file of a node that is ready says.
fn read(file: &Path) -> Option<Place> {
    let text = std::fs::read_to_string(file).ok()?;
    let urls: Value = serde_json::from_str(&text).ok()?;
    let address = |name: &str| {
        let url = urls.get(name)?.as_str()?;
        url.strip_prefix("http://")?
            .trim_end_matches('/')
            .parse()
            .ok()
    };
    Some(Place {
        test: address("test")?,
        production: address("production")?,
        portal: address("portal")?,
    })
}
