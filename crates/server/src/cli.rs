//! The command line: what was typed, what the environment and the file add.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use sandkasse_domain::{Environment, Msn};

use crate::{
    address::BaseUrl,
    certs_command::CertsFlags,
    cli_examples,
    config::{Database, MasterKeyText, Options, Settings},
    exec_command::{ExecFlags, ExecWish},
    health_command::{HealthFlags, HealthWish},
    listen_command::ListenFlags,
    trust::TrustFlags,
    verify_command::VerifyFlags,
};

const EXAMPLES: &str = "\
Examples:
  sandkasse                                   everything, on 127.0.0.1:7480, :7481 and :7482
  sandkasse --database sqlite::memory: \\
            --test 127.0.0.1:0 --production 127.0.0.1:0 --portal 127.0.0.1:0 \\
            --ready-file ready.json           one of its own for a test run: free ports, nothing kept
  sandkasse --database postgres://sandkasse@db/sandkasse?sslmode=verify-full
                                              one node of several on a PostgreSQL database (docs/scaling.md)
  sandkasse certs                             a certificate for this machine, for HTTPS; then
  sandkasse --tls-cert .sandkasse/certs/server.pem --tls-key .sandkasse/certs/server.key
                                              the same over HTTPS (docs/clients.md leads clients here)
  eval \"$(sandkasse env | sed 's/^/export /')\" keys of the running one, into this shell
  sandkasse exec -- npm test                  one that lives as long as your tests, which find its keys

Each flag is also an environment variable and a key of the file given with --config: `--ready-file`
is SANDKASSE_READY_FILE and `ready_file`. A flag wins over a variable, a variable over the file. Only there:
  admin_token                                 what the control API demands of callers
  test_url, production_url, portal_url        base URLs behind a proxy
  allow_local_urls                            callbacks to private networks although others can reach the platform
  lenient_bearer                              accept tokens without the word `Bearer`
  wording, production_wording                 texts of errors: faq, 2023-06 or recorded
  master_key                                  what keys are sealed under in the database [default: a file beside it]
  partners_in_test                            partner keys in the test environment too
  test_idle_deactivation                      close test units that nobody used for a year
  reports_in_test                             reports of the test environment too, which has no settlements
  register_url                                a Business register elsewhere [default: a built-in one]
  drain_seconds                               say at /readyz that it ends, so long before it does (for several nodes)
  explanations, journal_mb                    no `Explain` header; how many calls the inspector has in memory
  calls_at_once                               who comes when so many are worked on gets 503 [default: 256]
  journal_disk_mb                             how many lie on disk beside the database, for later runs (0: none)
SANDKASSE_LOG or RUST_LOG says what is logged to standard error: error, warn, info (the default), debug.

Test amounts, when a person of the test environment approves: 1.51, 1.82, 1.83, 1.84 are refused (42), 1.86 is
an expired card (44), 1.87 an invalid one (41), 1.97 is denied by 3-D Secure (45), 2.01 is unknown for an hour,
2.02 wants a confirmation. Other failures on demand: POST /control/v1/faults, or the header
`Sandkasse-Fault: drop` on one call; /control/v1/openapi.json lists the kinds.

Exit codes: 0 fine, 1 failed while running, 2 wrong use or configuration.";

/// Your own Vipps MobilePay, with play money: both environments, all keys, and people who pay.
///
/// Without a command it runs the platform until it is told to stop (SIGTERM, Ctrl-C). It is an
/// independent project and moves no money.
#[derive(Parser, Debug)]
#[command(name = "sandkasse", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    up: Options,
    #[command(subcommand)]
    command: Option<Typed>,
}

#[derive(Subcommand, Debug)]
enum Typed {
    /// Run the platform; the same as no command at all
    #[command(after_help = EXAMPLES)]
    Up(Box<Options>),
    /// Say what an error means, offline; or why a call of the running platform was refused
    #[command(after_help = cli_examples::EXPLAIN)]
    Explain(ExplainWish),
    /// Print keys of a sales unit of the running platform
    #[command(after_help = cli_examples::ENV)]
    Env(EnvWish),
    /// Run a program, such as your tests, beside a platform of its own that ends with it
    #[command(after_help = crate::exec_command::EXAMPLES)]
    Exec(ExecFlags),
    /// Say by the exit code whether a running platform is ready
    #[command(after_help = crate::health_command::EXAMPLES)]
    Health(HealthFlags),
    /// Make or change the tables of a PostgreSQL database, as their owner
    Migrate(MigrateWish),
    /// Tell everything of an installation, as lines of JSON
    #[command(after_help = cli_examples::EXPORT)]
    Export(ExportFlags),
    /// Take what was exported into a new database
    #[command(after_help = cli_examples::IMPORT)]
    Import(ImportFlags),
    /// Look whether everything in a database is as it was written
    #[command(after_help = cli_examples::DOCTOR)]
    Doctor(DoctorFlags),
    /// Make a certificate for HTTPS, and the local authority that vouches for it
    #[command(after_help = crate::certs_command::EXAMPLES)]
    Certs(CertsFlags),
    /// Have a sales unit's webhooks come to a program on this machine
    #[command(after_help = crate::listen_command::EXAMPLES)]
    Listen(ListenFlags),
    /// Say whether a webhook that you received verifies, and if not, why
    #[command(after_help = crate::verify_command::EXAMPLES)]
    VerifyWebhook(VerifyFlags),
    /// Print what completes this command line in a shell
    #[command(after_help = cli_examples::COMPLETIONS)]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Write the manual's pages into a folder
    #[command(hide = true)]
    Man {
        /// Which folder
        folder: PathBuf,
    },
}

/// What `sandkasse migrate` shall do.
#[derive(Args, Clone, Debug)]
pub(crate) struct MigrateWish {
    /// The database, with the role that owns the tables; or SANDKASSE_DATABASE
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<Database>,
    /// The role that the nodes use, which then may read and write, and no more
    #[arg(long, value_name = "ROLE")]
    pub(crate) grant_to: Option<String>,
}

/// Which database.
#[derive(Args, Clone, Debug)]
struct PlaceFlags {
    /// Where data is kept [default: sqlite:.sandkasse/sandkasse.db]
    #[arg(long, value_name = "URL")]
    database: Option<Database>,
    /// A TOML file, as for `sandkasse up`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
struct ExportFlags {
    #[command(flatten)]
    place: PlaceFlags,
    /// Where to: a new file, or `-` for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    to: FileOrPipe,
    /// One sales unit alone, such as test/220001
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    unit: Option<String>,
    /// Through the running platform whose portal is there
    #[arg(long, value_name = "URL", conflicts_with = "database")]
    portal: Option<BaseUrl>,
    #[command(flatten)]
    trust: TrustFlags,
}

#[derive(Args, Clone, Debug)]
struct ImportFlags {
    #[command(flatten)]
    place: PlaceFlags,
    /// Where from: a file, or `-` for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    from: FileOrPipe,
    /// A snapshot of one sales unit, in the place of what the running platform has of it
    #[arg(long, conflicts_with = "database")]
    replace_unit: bool,
    /// Where the portal of the running platform is
    #[arg(
        long,
        value_name = "URL",
        env = "SANDKASSE_PORTAL_URL",
        default_value = "http://127.0.0.1:7482",
        requires = "replace_unit"
    )]
    portal: BaseUrl,
    #[command(flatten)]
    trust: TrustFlags,
}

#[derive(Args, Clone, Debug)]
struct DoctorFlags {
    #[command(flatten)]
    place: PlaceFlags,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Of the running platform whose portal is there
    #[arg(long, value_name = "URL", conflicts_with = "database")]
    portal: Option<BaseUrl>,
    #[command(flatten)]
    trust: TrustFlags,
}

/// A database, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) database: Database,
    pub(crate) master_key: Option<MasterKeyText>,
    /// The administrator's token, where one is set.
    pub(crate) token: Option<String>,
}

/// What `sandkasse export` shall tell.
#[derive(Debug)]
pub(crate) struct ExportWish {
    pub(crate) place: Place,
    pub(crate) to: FileOrPipe,
    pub(crate) unit: Option<String>,
    pub(crate) portal: Option<BaseUrl>,
    pub(crate) trust: TrustFlags,
}

/// What `sandkasse import` shall take.
#[derive(Debug)]
pub(crate) struct ImportWish {
    pub(crate) place: Place,
    pub(crate) from: FileOrPipe,
    pub(crate) replace_unit: bool,
    pub(crate) portal: BaseUrl,
    pub(crate) trust: TrustFlags,
}

/// What `sandkasse doctor` shall look at.
#[derive(Debug)]
pub(crate) struct DoctorWish {
    pub(crate) place: Place,
    pub(crate) json: bool,
    pub(crate) portal: Option<BaseUrl>,
    pub(crate) trust: TrustFlags,
}

/// A file, or standard input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileOrPipe {
    File(PathBuf),
    Pipe,
}

impl FromStr for FileOrPipe {
    type Err = String;

    fn from_str(text: &str) -> Result<FileOrPipe, String> {
        match text {
            "" => Err("name a file, or `-`".to_owned()),
            "-" => Ok(FileOrPipe::Pipe),
            path => Ok(FileOrPipe::File(path.into())),
        }
    }
}

/// Environment and number of a sales unit, as in a path.
fn unit(text: &str) -> Result<String, String> {
    unit_name(text).map(|_| text.to_owned())
}

/// The same, read.
pub(crate) fn unit_name(text: &str) -> Result<(Environment, Msn), String> {
    let read = |(environment, msn)| {
        let named = |it: &Environment| it.name() == environment;
        Some((
            Environment::ALL.into_iter().find(named)?,
            Msn::try_new(msn)?,
        ))
    };
    let unit = text.split_once('/').and_then(read);
    unit.ok_or_else(|| "write it as test/220001 or production/110001".to_owned())
}

/// What `sandkasse env` shall print.
#[derive(Args, Clone, Debug)]
pub(crate) struct EnvWish {
    /// Of production instead of the test environment
    #[arg(long)]
    production: bool,
    /// Which sales unit, by name or number
    #[arg(long, value_name = "NAME")]
    pub(crate) unit: Option<String>,
    /// How: lines for a shell, or JSON
    #[arg(long, value_enum, default_value = "dotenv")]
    pub(crate) format: Format,
    /// Where the portal of the running platform is
    #[arg(
        long,
        value_name = "URL",
        env = "SANDKASSE_PORTAL_URL",
        default_value = "http://127.0.0.1:7482"
    )]
    pub(crate) portal: BaseUrl,
    #[command(flatten)]
    pub(crate) trust: TrustFlags,
    /// The administrator's token, where one is set
    #[arg(skip)]
    pub(crate) token: Option<String>,
}

impl EnvWish {
    /// Of a platform that demands no token.
    pub(crate) fn of(production: bool, unit: Option<String>, portal: BaseUrl) -> EnvWish {
        EnvWish {
            production,
            unit,
            format: Format::Dotenv,
            portal,
            trust: TrustFlags::default(),
            token: None,
        }
    }

    pub(crate) fn environment(&self) -> Environment {
        if self.production {
            Environment::Production
        } else {
            Environment::Test
        }
    }
}

/// What `sandkasse explain` shall explain.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainWish {
    /// A code, a page, a cause, a FAQ number, words of a message, a whole answer, or the address in
    /// the header `Explain`; nothing lists all pages
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// Print how faithful this program is: operations, errors, evidence, tests, as Markdown
    #[arg(long)]
    pub(crate) compatibility: bool,
    /// As JSON (of an address only)
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) trust: TrustFlags,
    /// The administrator's token, where one is set
    #[arg(skip)]
    pub(crate) token: Option<String>,
}

/// How keys are printed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `NAME='value'`, one a line.
    Dotenv,
    /// One object.
    Json,
}

/// What the program shall do.
#[derive(Debug)]
pub(crate) enum Command {
    Up(Box<Settings>),
    Env(EnvWish),
    Exec(Box<ExecWish>),
    Health(HealthWish),
    Explain(ExplainWish),
    Migrate(MigrateWish),
    Export(ExportWish),
    Import(ImportWish),
    Doctor(DoctorWish),
    Certs(CertsFlags),
    Listen(ListenFlags),
    VerifyWebhook(VerifyFlags),
    Completions(Shell),
    Man(PathBuf),
}

/// Reads command line, environment and file. Help, and what clap itself finds wrong, ends the
/// program here, with exit codes 0 and 2.
pub(crate) fn read() -> Result<Command, String> {
    let cli = Cli::parse();
    match cli.command {
        Some(Typed::Env(mut wish)) => {
            wish.token = variable("SANDKASSE_TOKEN");
            Ok(Command::Env(wish))
        }
        Some(Typed::Exec(flags)) => {
            let gathered = gather(flags.options())?;
            Ok(Command::Exec(Box::new(flags.wish(gathered)?)))
        }
        Some(Typed::Health(flags)) => {
            let gathered = gather(flags.options())?;
            Ok(Command::Health(flags.wish(&gathered)))
        }
        Some(Typed::Explain(mut wish)) => {
            wish.token = variable("SANDKASSE_TOKEN");
            Ok(Command::Explain(wish))
        }
        Some(Typed::Migrate(mut wish)) => {
            if wish.database.is_none()
                && let Some(url) = variable("SANDKASSE_DATABASE")
            {
                wish.database = Some(url.parse()?);
            }
            Ok(Command::Migrate(wish))
        }
        Some(Typed::Export(flags)) => Ok(Command::Export(ExportWish {
            place: place(flags.place)?,
            to: flags.to,
            unit: flags.unit,
            portal: flags.portal,
            trust: flags.trust,
        })),
        Some(Typed::Import(flags)) => Ok(Command::Import(ImportWish {
            place: place(flags.place)?,
            from: flags.from,
            replace_unit: flags.replace_unit,
            portal: flags.portal,
            trust: flags.trust,
        })),
        Some(Typed::Doctor(flags)) => Ok(Command::Doctor(DoctorWish {
            place: place(flags.place)?,
            json: flags.json,
            portal: flags.portal,
            trust: flags.trust,
        })),
        Some(Typed::Certs(flags)) => Ok(Command::Certs(flags)),
        Some(Typed::Listen(mut flags)) => {
            flags.token = variable("SANDKASSE_TOKEN");
            Ok(Command::Listen(flags))
        }
        Some(Typed::VerifyWebhook(flags)) => Ok(Command::VerifyWebhook(flags)),
        Some(Typed::Completions { shell }) => Ok(Command::Completions(shell)),
        Some(Typed::Man { folder }) => Ok(Command::Man(folder)),
        Some(Typed::Up(flags)) => settle(*flags),
        None => settle(cli.up),
    }
}

/// Everything that can be typed.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}

/// Which database, as `sandkasse up` with the same flags, variables and file would have it.
fn place(flags: PlaceFlags) -> Result<Place, String> {
    let flags = Options {
        database: flags.database,
        config: flags.config,
        ..Options::default()
    };
    let options = gather(flags)?;
    Ok(Place {
        database: options.database.unwrap_or_else(Settings::database),
        master_key: options.master_key,
        token: variable("SANDKASSE_TOKEN"),
    })
}

fn settle(flags: Options) -> Result<Command, String> {
    let settings = Settings::try_from(gather(flags)?)?;
    Ok(Command::Up(Box::new(settings)))
}

/// Flags, then variables, then the file.
fn gather(flags: Options) -> Result<Options, String> {
    let options = flags.or(Options::from_environment(&variable)?);
    let file = match &options.config {
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read the configuration {shown}: {error}"))?;
            Options::from_toml(&text).map_err(|message| format!("{shown}, {message}"))?
        }
        None => Options::default(),
    };
    Ok(options.or(file))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where configuration is read, once"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn up_is_what_no_command_means() {
        let short = parse("sandkasse --test 127.0.0.1:0 --quiet --seed 7").unwrap();
        let Some(Typed::Up(long)) = parse("sandkasse up --test 127.0.0.1:0 --quiet --seed 7")
            .unwrap()
            .command
        else {
            panic!("`up` is a command")
        };
        assert_eq!(short.up, *long);
        assert_eq!((long.quiet, long.seed), (Some(true), Some(7)));
        let loud = parse("sandkasse --quiet=false").unwrap();
        assert_eq!(loud.up.quiet, Some(false));
    }

    #[test]
    fn env_asks_for_one_unit() {
        let Some(Typed::Env(wish)) = parse(
            "sandkasse env --production --unit strict --format json --portal http://[::1]:9/",
        )
        .unwrap()
        .command
        else {
            panic!("`env` is a command")
        };
        assert_eq!(wish.environment(), Environment::Production);
        assert_eq!(wish.unit.as_deref(), Some("strict"));
        assert_eq!(wish.format, Format::Json);
        assert_eq!(wish.portal.as_str(), "http://[::1]:9");
    }

    #[test]
    fn wrong_use_is_explained() {
        for (line, expected) in [
            ("sandkasse --test 7480", "`7480` is no address"),
            ("sandkasse --demo-data maybe", "none of on, off and network"),
            ("sandkasse --admin-token x", "unexpected argument"),
            ("sandkasse --seed 1 env", "cannot be used with"),
            ("sandkasse env --format yaml", "dotenv, json"),
            ("sandkasse export --unit 220001", "test/220001"),
            (
                "sandkasse export --database sqlite:a --portal http://a",
                "cannot be used with",
            ),
            ("sandkasse import --portal http://a", "--replace-unit"),
            ("sandkasse import --from=", "name a file"),
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn help_teaches() {
        let help = parse("sandkasse --help").expect_err("help ends the program");
        assert_eq!(help.exit_code(), 0);
        let help = help.to_string();
        for word in [
            "Examples:",
            "sandkasse env",
            "sandkasse certs",
            "--tls-cert",
            "SANDKASSE_READY_FILE",
            "wording",
        ] {
            assert!(help.contains(word), "{word}");
        }
    }
}
