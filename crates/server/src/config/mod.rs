//! What an installation chooses, and who has the last word: flag, environment variable, file,
//! default, in this order.
//!
//! Each of the three sources fills an [`Options`], where everything may be missing; [`Settings`]
//! is what comes out, where nothing is. Whether the choice is safe is judged in
//! [`crate::exposure`].

mod provider;
mod settings;
#[cfg(test)]
mod tests;
mod values;

use std::{fmt::Display, path::PathBuf, str::FromStr};

use clap::Args;
use sandkasse_domain::{AsOf, Wording};
use serde::Deserialize;

use crate::{
    address::{Address, BaseUrl},
    logging::LogFormat,
    traces::Collector,
};
pub(crate) use provider::{ClientSecret, ProviderOptions};
pub(crate) use settings::Settings;
pub(crate) use values::{AdminToken, Database, DemoData, MasterKeyText, PostgresUrl};

/// One source of choices. The flags' names are the keys of the file, with `_` for `-`, and in
/// capitals after `SANDKASSE_` the names of the environment variables.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Where the test environment listens [default: 127.0.0.1:7480]; port 0 is a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) test: Option<Address>,
    /// Where production listens [default: 127.0.0.1:7481]
    #[arg(long, value_name = "ADDR")]
    pub(crate) production: Option<Address>,
    /// Where the portal and the control API listen [default: 127.0.0.1:7482]
    #[arg(long, value_name = "ADDR")]
    pub(crate) portal: Option<Address>,
    /// A listener of its own for /healthz, /readyz and /metrics, without credentials [default: on the portal's only]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<Address>,
    /// Where data is kept: sqlite:FILE or sqlite::memory: [default: sqlite:.sandkasse/sandkasse.db]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<Database>,
    /// A file to write when all listeners accept: JSON with the base URLs `test`, `production`, `portal` (and `metrics`)
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Ids, keys and chance repeat, for golden tests
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Whether a new database gets demo data: on, off, or network (also when others can reach it) [default: on]
    #[arg(long, value_name = "WHEN")]
    pub(crate) demo_data: Option<DemoData>,
    /// A TOML file with all of this and the rest; an unknown key in it is an error
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// A proxy in front speaks TLS; needed, with an administrator's token, to listen beyond loopback
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(alias = "trusted_proxy")]
    pub(crate) behind_proxy: Option<bool>,
    /// How lines of the log are written: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// HTTPS on all listeners: the certificate in PEM, and those between it and its authority; `sandkasse certs` makes one
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where traces are sent: an OpenTelemetry collector, such as http://127.0.0.1:4318 [default: nowhere]
    #[arg(long = "otlp", value_name = "URL")]
    pub(crate) otlp_endpoint: Option<Collector>,
    /// No banner on standard output
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) quiet: Option<bool>,

    /// What is logged: `error`, `warn`, `info`, `debug`, or directives such as `info,sandkasse_engine=debug`.
    #[arg(skip)]
    pub(crate) log: Option<String>,
    /// So many seconds the program says that it is not ready before its listeners close; 0 if left out.
    #[arg(skip)]
    pub(crate) drain_seconds: Option<u32>,
    /// What the control API demands as `Authorization: Bearer …`. No flag: others could see it.
    #[arg(skip)]
    pub(crate) admin_token: Option<AdminToken>,
    /// The address that callers of the test environment use, when a proxy stands in front.
    #[arg(skip)]
    pub(crate) test_url: Option<BaseUrl>,
    /// The same for production.
    #[arg(skip)]
    pub(crate) production_url: Option<BaseUrl>,
    /// The same for the portal.
    #[arg(skip)]
    pub(crate) portal_url: Option<BaseUrl>,
    /// Sales units may be called back in this machine's networks although others reach the platform.
    #[arg(skip)]
    pub(crate) allow_local_urls: Option<bool>,
    /// A token without the word `Bearer` is accepted.
    #[arg(skip)]
    pub(crate) lenient_bearer: Option<bool>,
    /// Which wording the test environment speaks: `faq`, `2023-06` or `recorded`.
    #[arg(skip)]
    pub(crate) wording: Option<Wording>,
    /// Which wording production speaks.
    #[arg(skip)]
    pub(crate) production_wording: Option<Wording>,
    /// The day whose platform it is: `2023-06-13`, or `today` if left out.
    #[arg(long, value_name = "DAY")]
    pub(crate) as_of: Option<AsOf>,
    /// What keys and merchants' tokens are sealed under in the database: 64 hexadecimal digits. If
    /// left out, a file beside the database.
    #[arg(skip)]
    pub(crate) master_key: Option<MasterKeyText>,
    /// Partner, management and accounting keys may be made in the test environment too.
    #[arg(skip)]
    pub(crate) partners_in_test: Option<bool>,
    /// Test units that nobody used for a year are deactivated, as the platform once did.
    #[arg(skip)]
    pub(crate) test_idle_deactivation: Option<bool>,
    /// Whether the test environment has reports, too.
    #[arg(skip)]
    pub(crate) reports_in_test: Option<bool>,
    /// Where the Business register is, if not built in: `…/enhetsregisteret/api` follows it.
    #[arg(skip)]
    pub(crate) register_url: Option<BaseUrl>,
    /// Whether errors carry `Explain: <url>`; they do unless this is false.
    #[arg(skip)]
    pub(crate) explanations: Option<bool>,
    /// With whose accounts people sign in at the portal. A table of the file only.
    #[arg(skip)]
    pub(crate) provider: Option<ProviderOptions>,
    /// What this installation proves itself to the provider with.
    #[arg(skip)]
    pub(crate) provider_secret: Option<ClientSecret>,
    /// How many megabytes of calls the inspector remembers; 64 if left out, 0 is none.
    #[arg(skip)]
    pub(crate) journal_mb: Option<u32>,
    /// So many megabytes of calls lie on disk beside the database; 1024 if left out, 0 is none.
    #[arg(skip)]
    pub(crate) journal_disk_mb: Option<u32>,
    /// So many calls of merchants are worked on at once; 256 if left out.
    #[arg(skip)]
    pub(crate) calls_at_once: Option<u32>,
}

impl Options {
    /// Reads the environment through `get`. An empty variable counts as missing.
    pub(crate) fn from_environment(
        get: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Options, String> {
        Ok(Options {
            test: read(get, "SANDKASSE_TEST")?,
            production: read(get, "SANDKASSE_PRODUCTION")?,
            portal: read(get, "SANDKASSE_PORTAL")?,
            metrics: read(get, "SANDKASSE_METRICS")?,
            database: read(get, "SANDKASSE_DATABASE")?,
            ready_file: read(get, "SANDKASSE_READY_FILE")?,
            seed: read(get, "SANDKASSE_SEED")?,
            demo_data: read(get, "SANDKASSE_DEMO_DATA")?,
            config: read(get, "SANDKASSE_CONFIG")?,
            behind_proxy: read_switch(get, "SANDKASSE_BEHIND_PROXY")?,
            log_format: read(get, "SANDKASSE_LOG_FORMAT")?,
            tls_cert: read(get, "SANDKASSE_TLS_CERT")?,
            tls_key: read(get, "SANDKASSE_TLS_KEY")?,
            otlp_endpoint: read(get, "SANDKASSE_OTLP_ENDPOINT")?,
            quiet: read_switch(get, "SANDKASSE_QUIET")?,
            log: get("SANDKASSE_LOG").or_else(|| get("RUST_LOG")),
            drain_seconds: read(get, "SANDKASSE_DRAIN_SECONDS")?,
            admin_token: read(get, "SANDKASSE_ADMIN_TOKEN")?,
            test_url: read(get, "SANDKASSE_TEST_URL")?,
            production_url: read(get, "SANDKASSE_PRODUCTION_URL")?,
            portal_url: read(get, "SANDKASSE_PORTAL_URL")?,
            allow_local_urls: read_switch(get, "SANDKASSE_ALLOW_LOCAL_URLS")?,
            lenient_bearer: read_switch(get, "SANDKASSE_LENIENT_BEARER")?,
            wording: read(get, "SANDKASSE_WORDING")?,
            production_wording: read(get, "SANDKASSE_PRODUCTION_WORDING")?,
            as_of: read(get, "SANDKASSE_AS_OF")?,
            master_key: read(get, "SANDKASSE_MASTER_KEY")?,
            partners_in_test: read_switch(get, "SANDKASSE_PARTNERS_IN_TEST")?,
            test_idle_deactivation: read_switch(get, "SANDKASSE_TEST_IDLE_DEACTIVATION")?,
            reports_in_test: read_switch(get, "SANDKASSE_REPORTS_IN_TEST")?,
            register_url: read(get, "SANDKASSE_REGISTER_URL")?,
            explanations: read_switch(get, "SANDKASSE_EXPLANATIONS")?,
            provider: None,
            provider_secret: read(get, "SANDKASSE_PROVIDER_SECRET")?,
            journal_mb: read(get, "SANDKASSE_JOURNAL_MB")?,
            journal_disk_mb: read(get, "SANDKASSE_JOURNAL_DISK_MB")?,
            calls_at_once: read(get, "SANDKASSE_CALLS_AT_ONCE")?,
        })
    }

    /// Reads the text of a configuration file. The error names an unknown key and its line, but
    /// does not show the line: a secret may stand in it.
    pub(crate) fn from_toml(text: &str) -> Result<Options, String> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| 1 + before.matches('\n').count());
            format!("line {line}: {}", error.message().trim_end())
        })
    }

    /// These choices, and where they are silent, the `lower` ones.
    pub(crate) fn or(self, lower: Options) -> Options {
        Options {
            test: self.test.or(lower.test),
            production: self.production.or(lower.production),
            portal: self.portal.or(lower.portal),
            metrics: self.metrics.or(lower.metrics),
            database: self.database.or(lower.database),
            ready_file: self.ready_file.or(lower.ready_file),
            seed: self.seed.or(lower.seed),
            demo_data: self.demo_data.or(lower.demo_data),
            config: self.config.or(lower.config),
            behind_proxy: self.behind_proxy.or(lower.behind_proxy),
            log_format: self.log_format.or(lower.log_format),
            tls_cert: self.tls_cert.or(lower.tls_cert),
            tls_key: self.tls_key.or(lower.tls_key),
            otlp_endpoint: self.otlp_endpoint.or(lower.otlp_endpoint),
            quiet: self.quiet.or(lower.quiet),
            log: self.log.or(lower.log),
            drain_seconds: self.drain_seconds.or(lower.drain_seconds),
            admin_token: self.admin_token.or(lower.admin_token),
            test_url: self.test_url.or(lower.test_url),
            production_url: self.production_url.or(lower.production_url),
            portal_url: self.portal_url.or(lower.portal_url),
            allow_local_urls: self.allow_local_urls.or(lower.allow_local_urls),
            lenient_bearer: self.lenient_bearer.or(lower.lenient_bearer),
            wording: self.wording.or(lower.wording),
            production_wording: self.production_wording.or(lower.production_wording),
            as_of: self.as_of.or(lower.as_of),
            master_key: self.master_key.or(lower.master_key),
            partners_in_test: self.partners_in_test.or(lower.partners_in_test),
            test_idle_deactivation: self.test_idle_deactivation.or(lower.test_idle_deactivation),
            reports_in_test: self.reports_in_test.or(lower.reports_in_test),
            register_url: self.register_url.or(lower.register_url),
            explanations: self.explanations.or(lower.explanations),
            provider: self.provider.or(lower.provider),
            provider_secret: self.provider_secret.or(lower.provider_secret),
            journal_mb: self.journal_mb.or(lower.journal_mb),
            journal_disk_mb: self.journal_disk_mb.or(lower.journal_disk_mb),
            calls_at_once: self.calls_at_once.or(lower.calls_at_once),
        }
    }
}

fn read<T>(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<Option<T>, String>
where
    T: FromStr<Err: Display>,
{
    let text = get(name).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|error| format!("{name}: {error}")))
        .transpose()
}

fn read_switch(get: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<Option<bool>, String> {
    let text = get(name).filter(|text| !text.is_empty());
    text.map(|text| match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("{name}: `{text}` is neither true nor false")),
    })
    .transpose()
}
