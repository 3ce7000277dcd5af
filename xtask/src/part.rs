//! The parts of all tests, by the names under which one is asked for alone.

use clap::ValueEnum;

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Unit and integration tests of all crates.
    Rust,
    /// The tests of engine and APIs again, on SQLite.
    RustSqlite,
    /// The tests of engine and APIs again, on PostgreSQL.
    RustPostgres,
    /// The examples in documentation comments.
    Doc,
    /// A million steps of the simulation.
    Sim,
    /// Whether the platform became slower, by ratios to a ceiling measured beside it.
    Guard,
    /// What may be among our dependencies: licences, sources, bans.
    Deny,
    /// A million hostile requests, in process.
    Hostile,
    /// Coverage-guided fuzzing, a minute for each target.
    Fuzz,
    /// The PyPI client `vipps`, unmodified.
    PypiVipps,
    /// The official Postman collection, run by newman.
    Postman,
    /// The official JavaScript SDK, `@vippsmobilepay/sdk`, unmodified.
    OfficialSdk,
    /// The one before it, `@vippsno/vipps-sdk`, unmodified.
    VippsnoSdk,
    /// People at the portal, the landing page and the phone, in Chromium.
    Browser,
    /// Schemathesis: calls made up from the official OpenAPI documents and from our own.
    Schemathesis,
    /// Clients that know the real hosts only, led to a platform that speaks HTTPS.
    RealHosts,
    /// Prism as a validating proxy with the official OpenAPI documents.
    Prism,
    /// The recipes of docs/ci.md, as CI services run them.
    Recipes,
    /// The Debian package and the image, of the program of the tests: installed, run, removed.
    Packages,
    /// Two nodes on three PostgreSQL whose leader fails, and other breakage, in the short form of `chaos`.
    Chaos,
    /// The binary killed and without power, with very many shops at work.
    Crash,
}

impl Part {
    /// Whether it is run without being asked for. Fuzzing takes long to build, and packages to compress: `--all`, or
    /// `--only fuzz`.
    pub(crate) fn is_usual(self) -> bool {
        !matches!(self, Part::Fuzz | Part::Packages)
    }
}
