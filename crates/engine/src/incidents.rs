//! What the status page of an environment tells: what an admin wrote, and the faults on demand
//! that merchants notice everywhere.

use std::sync::Arc;

use sandkasse_domain::{
    Environment,
    incident::{Impact, Incident, IncidentId, IncidentKind, Stage, Update},
};

use crate::{
    Engine,
    faults::{Armed, Fault, When},
};

impl Engine {
    /// All incidents of an environment, those that are open first, then the newest first. A rule
    /// that makes the database stumble or the platform unreachable is an open one while it is in
    /// force.
    pub fn incidents(&self, environment: Environment) -> Vec<Arc<Incident>> {
        let rules = self.faults.list().into_iter();
        let by_rules = rules
            .filter(|armed| armed.rule.environment == environment)
            .filter_map(|armed| of_rule(&armed).map(Arc::new));
        let mut incidents: Vec<_> = by_rules
            .chain(self.directory.of(environment).incidents().cloned())
            .collect();
        incidents.sort_by(|a, b| {
            let key = |it: &Incident| (it.is_open(), it.opened.at);
            key(b).cmp(&key(a)).then_with(|| b.id.cmp(&a.id))
        });
        incidents
    }

    /// Whether calls may fail because of something that the status page tells.
    pub fn is_troubled(&self, environment: Environment) -> bool {
        self.incidents(environment).iter().any(|it| it.is_felt())
    }
}

fn of_rule(armed: &Armed) -> Option<Incident> {
    let (impact, title, text) = match armed.rule.fault {
        Fault::SqlGlitch => (
            Impact::Degraded,
            "The database of the test environment stumbles",
            "Some calls are answered with 500 and the code 1000. Nothing is stored by these; repeat the same call.",
        ),
        Fault::BadGateway => (
            Impact::Outage,
            "Calls are answered with 502",
            "The platform cannot be reached behind its gateway.",
        ),
        Fault::Unavailable => (
            Impact::Outage,
            "Calls are answered with 503",
            "The platform is not available.",
        ),
        Fault::InternalError
        | Fault::OrderLocked
        | Fault::TooManyConcurrent
        | Fault::Slow { .. }
        | Fault::Drop
        | Fault::LostAnswer
        | Fault::Bank(_) => return None,
    };
    let rule = &armed.rule;
    let whom = match (&rule.msn, rule.target) {
        // Everybody reads this, so nobody is named.
        (Some(_), _) => "It concerns one sales unit.".to_owned(),
        (None, Some(target)) => format!("It concerns the operation {}.", target.name()),
        (None, None) => "It concerns all sales units.".to_owned(),
    };
    let impact = match rule.when {
        When::Always if rule.msn.is_none() && rule.target.is_none() => impact,
        When::Always | When::Next(_) | When::Chance { .. } => Impact::Degraded,
    };
    Some(Incident {
        id: IncidentId(format!(
            "fault-{}-{}",
            armed.since.as_millisecond(),
            armed.id
        )),
        kind: IncidentKind::Incident,
        impact,
        title: title.to_owned(),
        opened: Update {
            at: armed.since,
            stage: Stage::Identified,
            text: format!(
                "{text} {whom} Somebody asked for this fault, and it ends with the rule."
            ),
        },
        updates: Vec::new(),
    })
}
