//! What the program runs with.

use std::{path::PathBuf, time::Duration};

use sandkasse_domain::{AsOf, Wording};

use super::{
    AdminToken, ClientSecret, Database, DemoData, MasterKeyText, Options, ProviderOptions,
};
use crate::{
    address::{Address, BaseUrl},
    exposure,
    logging::LogFormat,
    tls::TlsFiles,
    traces::Collector,
};

/// So many megabytes of calls the inspector remembers unless somebody says otherwise.
const JOURNAL_MB: usize = 64;

/// What is said when half of what HTTPS needs is named.
const KEY_MISSING: &str = "the certificate has no key";
const CERTIFICATE_MISSING: &str = "the key has no certificate";

/// So many megabytes of calls lie on disk unless somebody says otherwise.
const JOURNAL_DISK_MB: u64 = 1024;

/// Everything is decided.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) test: Address,
    pub(crate) production: Address,
    pub(crate) portal: Address,
    /// A listener for those who watch.
    pub(crate) metrics: Option<Address>,
    /// When a proxy stands in front.
    pub(crate) test_url: Option<BaseUrl>,
    pub(crate) production_url: Option<BaseUrl>,
    pub(crate) portal_url: Option<BaseUrl>,
    pub(crate) database: Database,
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) seed: Option<u64>,
    /// With what the listeners speak HTTPS.
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) quiet: bool,
    pub(crate) log_format: LogFormat,
    pub(crate) log: Option<String>,
    /// Where traces are sent.
    pub(crate) otlp_endpoint: Option<Collector>,
    /// How long it says that it wants no more work before the listeners close.
    pub(crate) drain: Duration,
    pub(crate) admin_token: Option<AdminToken>,
    pub(crate) lenient_bearer: bool,
    pub(crate) wording: Wording,
    pub(crate) production_wording: Wording,
    pub(crate) as_of: AsOf,
    pub(crate) master_key: Option<MasterKeyText>,
    pub(crate) partners_in_test: bool,
    pub(crate) test_idle_deactivation: bool,
    pub(crate) reports_in_test: bool,
    pub(crate) register_url: Option<BaseUrl>,
    /// With whose accounts people sign in at the portal.
    pub(crate) provider: Option<ProviderOptions>,
    pub(crate) provider_secret: Option<ClientSecret>,
    /// Whether errors say where they are explained.
    pub(crate) explanations: bool,
    /// So many bytes of calls the inspector remembers.
    pub(crate) journal_bytes: usize,
    /// So many bytes of calls lie on disk.
    pub(crate) journal_disk_bytes: u64,
    /// So many calls of merchants are worked on at once.
    pub(crate) calls_at_once: u32,
    /// Whether nobody but this machine reaches any listener.
    pub(crate) loopback_only: bool,
    /// Whether a new database gets demo data.
    pub(crate) demo_data: bool,
    /// Whether a database may hold demo data at all.
    pub(crate) demo_data_bearable: bool,
    /// Whether sales units may be called back in this machine's networks.
    pub(crate) local_urls: bool,
}

impl Settings {
    /// Where data is kept unless somebody says otherwise.
    pub(crate) const DATABASE: &str = ".sandkasse/sandkasse.db";

    /// The database if nobody names another.
    pub(crate) fn database() -> Database {
        Database::File(Settings::DATABASE.into())
    }

    /// Fills in the defaults, and refuses what would not be safe.
    pub(crate) fn try_from(options: Options) -> Result<Settings, String> {
        let test = options.test.unwrap_or(Address::loopback(7480));
        let production = options.production.unwrap_or(Address::loopback(7481));
        let portal = options.portal.unwrap_or(Address::loopback(7482));
        let network = [test, production, portal]
            .iter()
            .any(|address| !address.0.ip().is_loopback());
        let demo = options.demo_data;
        let tls = match (options.tls_cert, options.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(format!("{KEY_MISSING}: name it with `--tls-key FILE`")),
            (None, Some(_)) => {
                return Err(format!(
                    "{CERTIFICATE_MISSING}: name it with `--tls-cert FILE`"
                ));
            }
        };
        if network {
            exposure::judge(exposure::Plan {
                token: options.admin_token.is_some(),
                tls: tls.is_some() || options.behind_proxy.unwrap_or(false),
                demo,
            })?;
        }
        Ok(Settings {
            test,
            production,
            portal,
            metrics: options.metrics,
            test_url: options.test_url,
            production_url: options.production_url,
            portal_url: options.portal_url,
            database: options.database.unwrap_or_else(Settings::database),
            ready_file: options.ready_file,
            seed: options.seed,
            tls,
            quiet: options.quiet.unwrap_or(false),
            log_format: options.log_format.unwrap_or_default(),
            log: options.log,
            otlp_endpoint: options.otlp_endpoint,
            drain: Duration::from_secs(options.drain_seconds.unwrap_or(0).into()),
            admin_token: options.admin_token,
            lenient_bearer: options.lenient_bearer.unwrap_or(false),
            wording: options.wording.unwrap_or_default(),
            production_wording: options.production_wording.unwrap_or_default(),
            as_of: options.as_of.unwrap_or_default(),
            master_key: options.master_key,
            partners_in_test: options.partners_in_test.unwrap_or(false),
            test_idle_deactivation: options.test_idle_deactivation.unwrap_or(false),
            reports_in_test: options.reports_in_test.unwrap_or(false),
            register_url: options.register_url,
            provider: options.provider,
            provider_secret: options.provider_secret,
            explanations: options.explanations.unwrap_or(true),
            journal_bytes: options.journal_mb.map_or(JOURNAL_MB, |mb| mb as usize) * 1024 * 1024,
            journal_disk_bytes: options.journal_disk_mb.map_or(JOURNAL_DISK_MB, u64::from)
                * 1024
                * 1024,
            calls_at_once: options
                .calls_at_once
                .unwrap_or(sandkasse_api::CALLS_AT_ONCE),
            loopback_only: !network,
            demo_data: match demo {
                Some(DemoData::On | DemoData::Network) => true,
                Some(DemoData::Off) => false,
                None => !network,
            },
            demo_data_bearable: !network || demo == Some(DemoData::Network),
            local_urls: !network || options.allow_local_urls.unwrap_or(false),
        })
    }
}
