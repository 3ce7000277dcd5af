//! The parts of all tests, by the names under which one is asked for alone.

use clap::ValueEnum;

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Unit and integration tests of all crates.
    Rust,
    /// The examples in documentation comments.
    Doc,
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
    /// People at the portal, the landing page and the phone, in Chromium.
    Browser,
    /// Schemathesis: calls made up from the official OpenAPI documents and from our own.
    Schemathesis,
    /// Prism as a validating proxy with the official OpenAPI documents.
    Prism,
}
