//! `sandkasse exec`: a platform for as long as one program runs, and its keys in that program's environment.
//!
//! It listens on free ports of loopback and keeps its data in memory, so any number of them run beside each other and
//! nothing is left. Standard input and output are the program's alone.

use std::{
    ffi::OsString,
    future::{poll_fn, ready},
    io::ErrorKind,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitCode, ExitStatus},
    task::Poll,
};

use clap::Args;
use futures_util::FutureExt;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use sandkasse_domain::AsOf;
use tokio::signal::unix::{self, SignalKind};

use crate::{
    Ended,
    address::Address,
    cli::EnvWish,
    config::{Database, DemoData, Options, Settings},
    env_command, logging, output,
    start::{self, Running},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sandkasse exec -- npm test                  BASE_URL, CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION_KEY, MSN, PHONE and
                                              SANDKASSE_PORTAL_URL are in its environment
  sandkasse exec -- sh -c 'VIPPS_KEY=$SUBSCRIPTION_KEY pytest'
                                              under the names that your program knows
  sandkasse exec --database sqlite:after.db -- npm test
                                              keeps the data; `sandkasse --database sqlite:after.db` shows it

It listens on free ports of 127.0.0.1 and ends with the program. Signals go on to the program. Of variables and the
configuration file it takes neither addresses, nor TLS, nor the database, nor an administrator's token.

The exit code is the program's, or 128 and the signal that ended it; 127: there is no such program; 126: it cannot
be run; 125: the platform failed. SANDKASSE_LOG=info shows the platform's log, too.";

/// As `env`, `timeout` and container engines have it.
const PLATFORM_FAILED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// A shell adds the signal's number.
const SIGNALLED: i32 = 128;

/// What is handed on to the program.
const FORWARDED: [(Signal, SignalKind); 6] = [
    (Signal::TERM, SignalKind::terminate()),
    (Signal::INT, SignalKind::interrupt()),
    (Signal::QUIT, SignalKind::quit()),
    (Signal::HUP, SignalKind::hangup()),
    (Signal::USR1, SignalKind::user_defined1()),
    (Signal::USR2, SignalKind::user_defined2()),
];

/// Which platform, for which program.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExecFlags {
    /// Where data is kept [default: sqlite::memory:]
    #[arg(long, value_name = "URL")]
    database: Option<Database>,
    /// Ids, keys and chance repeat, for golden tests
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The day whose platform it is: `2023-06-13`, or `today`
    #[arg(long, value_name = "DAY")]
    as_of: Option<AsOf>,
    /// A TOML file, as for `sandkasse up`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keys of production instead of the test environment
    #[arg(long)]
    production: bool,
    /// Keys of which sales unit, by name or number
    #[arg(long, value_name = "NAME")]
    unit: Option<String>,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// Everything is decided.
#[derive(Debug)]
pub(crate) struct ExecWish {
    settings: Settings,
    production: bool,
    unit: Option<String>,
    command: Vec<OsString>,
}

impl ExecFlags {
    /// What of it variables and the file may add to.
    pub(crate) fn options(&self) -> Options {
        Options {
            seed: self.seed,
            as_of: self.as_of,
            config: self.config.clone(),
            ..Options::default()
        }
    }

    /// Takes the rest, except what is about an installation that others reach.
    pub(crate) fn wish(self, gathered: Options) -> Result<ExecWish, String> {
        let settings = Settings::try_from(Options {
            test: Some(Address::loopback(0)),
            production: Some(Address::loopback(0)),
            portal: Some(Address::loopback(0)),
            database: Some(self.database.unwrap_or(Database::Memory)),
            demo_data: Some(DemoData::On),
            quiet: Some(true),
            ready_file: None,
            behind_proxy: None,
            tls_cert: None,
            tls_key: None,
            otlp_endpoint: None,
            test_url: None,
            production_url: None,
            portal_url: None,
            admin_token: None,
            metrics: None,
            drain_seconds: None,
            provider: None,
            provider_secret: None,
            ..gathered
        })?;
        Ok(ExecWish {
            settings,
            production: self.production,
            unit: self.unit,
            command: self.command,
        })
    }
}

/// Runs the program beside a platform; answers the code to end with.
pub(crate) fn run(wish: ExecWish) -> ExitCode {
    let settings = &wish.settings;
    // The program's output is the important one.
    logging::begin(
        settings.log_format,
        settings.log.as_deref().or(Some("warn")),
        None,
    );
    // The limit of open files stays as it is: the program inherits it, and some cannot bear a high one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()));
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(beside(wish));
        runtime.shutdown_timeout(start::LAST_WAIT);
        ended
    });
    ended.unwrap_or_else(|error| {
        output::complain(&format!("the platform failed: {error}"));
        ExitCode::from(PLATFORM_FAILED)
    })
}

async fn beside(wish: ExecWish) -> Result<ExitCode, Ended> {
    // Before the program runs, so that no signal ends us alone.
    let mut signals = Signals::caught()?;
    let running = start::start(wish.settings).await?;
    let prepared = prepare(&running, wish.production, wish.unit, &wish.command).await;
    let mut command = match prepared {
        Ok(command) => command,
        Err(error) => {
            running.until(ready(())).await?;
            return Err(error);
        }
    };
    // Whoever does not want it any more does not want it begun.
    if let Some(signal) = signals.next().now_or_never() {
        running.until(ready(())).await?;
        let status = ExitStatus::from_raw(signal.as_raw());
        return Ok(code(status));
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            running.until(ready(())).await?;
            return Ok(not_started(&command, &error));
        }
    };
    let id = Pid::from_child(&child);
    let mut attended = Ok(());
    let ended = running
        .until(async { attended = attend(id, &mut signals).await })
        .await;
    if ended.is_err() {
        // The platform is gone, so what the program does is of no use. It may have ended by itself.
        let _ = child.kill();
    }
    let status = reap(&mut child)?;
    ended.and(attended).map(|()| code(status))
}

fn reap(child: &mut Child) -> Result<ExitStatus, Ended> {
    child
        .wait()
        .map_err(|error| Ended::Failed(error.to_string()))
}

/// The program with the keys in its environment.
async fn prepare(
    running: &Running,
    production: bool,
    unit: Option<String>,
    words: &[OsString],
) -> Result<Command, Ended> {
    let portal = running.places.portal.clone();
    let wish = EnvWish::of(production, unit, portal.parse().map_err(Ended::Failed)?);
    let keys = env_command::ask(&wish).await?;
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| Ended::WrongUse("name a program".to_owned()))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(keys.pairs())
        .env("SANDKASSE_PORTAL_URL", portal);
    Ok(command)
}

/// Waits for the program's end, and hands signals on to it meanwhile. It is not reaped here, so its id stays its own.
async fn attend(id: Pid, signals: &mut Signals) -> Result<(), Ended> {
    let mut ended = tokio::task::spawn_blocking(move || {
        loop {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            match rustix::process::waitid(WaitId::Pid(id), options) {
                Err(rustix::io::Errno::INTR) => {}
                ended => return ended.map(|_| ()),
            }
        }
    });
    loop {
        tokio::select! {
            ended = &mut ended => {
                let ended = ended.map_err(|error| Ended::Failed(error.to_string()))?;
                return ended.map_err(|error| Ended::Failed(error.to_string()));
            }
            signal = signals.next() => hand_on(id, signal),
        }
    }
}

fn hand_on(id: Pid, signal: Signal) {
    if from_the_keyboard(signal) {
        return;
    }
    if let Err(error) = rustix::process::kill_process(id, signal) {
        tracing::debug!(%error, "a signal could not be handed on");
    }
}

/// Whether the terminal has sent it: then the program, which is in the foreground with us, has got it already, and
/// twice means "at once" to many.
fn from_the_keyboard(signal: Signal) -> bool {
    if signal != Signal::INT && signal != Signal::QUIT {
        return false;
    }
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| {
        rustix::termios::tcgetpgrp(&terminal)
            .is_ok_and(|foreground| foreground == rustix::process::getpgrp())
    })
}

fn not_started(command: &Command, error: &std::io::Error) -> ExitCode {
    let program = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        output::complain(&format!(
            "there is no program `{program}`: give its path, or install it"
        ));
        return ExitCode::from(NOT_FOUND);
    }
    output::complain(&format!("cannot run `{program}`: {error}"));
    ExitCode::from(NOT_EXECUTABLE)
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok())
            .unwrap_or(PLATFORM_FAILED),
    )
}

/// The signals that do not end us.
struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    fn caught() -> Result<Signals, Ended> {
        let caught = FORWARDED.into_iter().map(|(signal, kind)| {
            let caught = unix::signal(kind);
            caught
                .map(|caught| (signal, caught))
                .map_err(|error| Ended::Failed(error.to_string()))
        });
        caught.collect::<Result<_, _>>().map(Signals)
    }

    async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, caught) in &mut self.0 {
                if caught.poll_recv(context).is_ready() {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(gathered: Options) -> ExecWish {
        let flags = ExecFlags {
            database: None,
            seed: None,
            as_of: None,
            config: None,
            production: false,
            unit: None,
            command: vec!["true".into()],
        };
        flags.wish(gathered).unwrap()
    }

    /// Whatever a developer's shell and file say of an installation, this is another one.
    #[test]
    fn what_is_about_an_installation_is_left_out() {
        let settings = wish(
            Options::from_toml(
                "test = '0.0.0.0:1'\nportal = '127.0.0.1:2'\nportal_url = 'http://a'\ndatabase = 'sqlite:x.db'\n\
                 demo_data = 'off'\ntls_cert = 'a.pem'\notlp_endpoint = 'http://127.0.0.1:1'\nready_file = 'ready'\nadmin_token = 'a-token-of-many-letters'\n\
                 wording = 'recorded'\njournal_mb = 3\n",
            )
            .unwrap(),
        )
        .settings;
        for address in [settings.test, settings.production, settings.portal] {
            assert_eq!(address, Address::loopback(0));
        }
        assert!(matches!(settings.database, Database::Memory));
        assert!(settings.demo_data && settings.local_urls && settings.quiet);
        assert!(settings.ready_file.is_none() && settings.admin_token.is_none());
        assert!(settings.portal_url.is_none() && settings.otlp_endpoint.is_none());
        // The rest is taken.
        assert_eq!(settings.wording, sandkasse_domain::Wording::Recorded);
        assert_eq!(settings.journal_bytes, 3 * 1024 * 1024);
    }

    #[test]
    fn a_signal_becomes_a_code_as_in_a_shell() {
        let rows = [(0, 0), (3 << 8, 3), (255 << 8, 255), (15, 143), (9, 137)];
        for (status, expected) in rows {
            let status = ExitStatus::from_raw(status);
            assert_eq!(
                format!("{:?}", code(status)),
                format!("{:?}", ExitCode::from(expected)),
                "{status:?}"
            );
        }
    }
}
