//! `sandkasse health`: whether a running platform is ready, as an exit code: for containers, where no other program is.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use http::StatusCode;
use tokio::time::timeout;

use crate::{
    Ended,
    address::{Address, BaseUrl},
    config::Options,
    http_client::Door,
    output,
    trust::TrustFlags,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sandkasse health                            of the platform with the same variables, as in its own container
  sandkasse health --portal http://127.0.0.1:9000
                                              of the one whose portal is there
  sandkasse health --wait 30 --portal http://sandkasse:7482
                                              as soon as it is ready, for 30 seconds at most

Exit code 0: it is ready; 1: it is not, or there is none.";

/// Which platform is meant.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct HealthFlags {
    /// Where its portal is [default: where SANDKASSE_PORTAL or the file says, else http://127.0.0.1:7482]
    #[arg(long, value_name = "URL")]
    portal: Option<BaseUrl>,
    /// Wait until it is ready, at most so long
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u32,
    /// A TOML file, as for `sandkasse up`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustFlags,
}

/// Everything is decided.
#[derive(Debug)]
pub(crate) struct HealthWish {
    portal: BaseUrl,
    wait: Duration,
    trust: TrustFlags,
    /// The certificate that it shows, if it is the platform with the same variables.
    own: Option<PathBuf>,
}

/// An answer is waited for at least so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked while it is waited for.
const ASK_EVERY: Duration = Duration::from_millis(100);

impl HealthFlags {
    /// What of it variables and the file may add to.
    pub(crate) fn options(&self) -> Options {
        Options {
            config: self.config.clone(),
            ..Options::default()
        }
    }

    /// The portal's own address: a proxy in front may be well while the platform is not.
    pub(crate) fn wish(self, gathered: &Options) -> HealthWish {
        // Its certificate is hardly for the address it listens on.
        let own = gathered.tls_cert.clone().filter(|_| self.portal.is_none());
        let portal = self.portal.unwrap_or_else(|| {
            let listens = gathered.portal.unwrap_or(Address::loopback(7482));
            BaseUrl::of(listens.0, own.is_some())
        });
        HealthWish {
            portal,
            own,
            wait: Duration::from_secs(self.wait.into()),
            trust: self.trust,
        }
    }
}

/// Asks, and says what is amiss.
pub(crate) fn run(wish: &HealthWish) -> Result<(), Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()))?;
    let door = Door::showing(&wish.portal, &wish.trust, wish.own.as_deref())?;
    runtime.block_on(patiently(&door, wish))?;
    output::say("ready\n");
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process tells nobody when it is ready"
)]
async fn patiently(door: &Door, wish: &HealthWish) -> Result<(), Ended> {
    let began = Instant::now();
    loop {
        let left = wish.wait.saturating_sub(began.elapsed()).max(PATIENCE);
        let answer = timeout(left, ask(door, &wish.portal)).await;
        let answer = answer.unwrap_or_else(|_| {
            let portal = wish.portal.as_str();
            Err(Ended::Failed(format!("{portal} does not answer")))
        });
        if answer.is_ok() || began.elapsed() + ASK_EVERY > wish.wait {
            return answer;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn ask(door: &Door, portal: &BaseUrl) -> Result<(), Ended> {
    let (status, body) = door.fetch("/readyz", None).await?;
    if status == StatusCode::OK {
        return Ok(());
    }
    Err(Ended::Failed(format!(
        "{} is not ready (status {status}): {}",
        portal.as_str(),
        String::from_utf8_lossy(&body).trim()
    )))
}
