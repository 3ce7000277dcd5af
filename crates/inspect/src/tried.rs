//! A call that nobody made: it is answered and explained, and written down nowhere.

use std::sync::Arc;

use http::StatusCode;
use sandkasse_api::Request;
use sandkasse_domain::Environment;
use sandkasse_gate::Step;

use crate::{Explanation, Inspector, Moment, Reader, Record, record::Told};

/// What came of a call that was only tried.
#[derive(Debug)]
pub struct Tried {
    /// The status it was answered with.
    pub status: StatusCode,
    /// The answer's body. It may hold a token.
    pub body: Vec<u8>,
    /// The checks it passed.
    pub passed: Vec<Step>,
    /// Why it was refused, if it was. It has no address.
    pub explanation: Option<Explanation>,
}

impl Inspector {
    /// Answers a call as any other, but neither journal nor tally know of it: it may hold keys that
    /// somebody wants to know about.
    pub async fn try_out(&self, environment: Environment, request: &Request) -> Tried {
        let platform = self.platform();
        let exchange = platform.answer(environment, request).await;
        let lines = exchange.trace.lines().iter();
        let passed = lines.filter(|line| line.passed).map(|line| line.step);
        let passed = passed.collect();
        let at = platform.engine.clock.now();
        let took_us = None;
        let (answer, told) = Told::from(exchange, Moment { at, took_us });
        let record = Record::of(&platform.engine, environment, request, &answer, told);
        let reader = Reader::Administrator;
        let explanation = self.explained(&Arc::new(record), "", &reader).await;
        Tried {
            status: answer.status,
            body: answer.body.to_vec(),
            passed,
            explanation,
        }
    }
}
