//! What is wrong with the platform itself, as its status page tells: incidents and maintenance,
//! each with its updates. An environment has its own (reference: platform.md §6).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of an incident, unique in its environment and for ever the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub String);

/// Something that merchants should know of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// Whether it was planned.
    pub kind: IncidentKind,
    /// How bad it is.
    pub impact: Impact,
    /// In a few words.
    pub title: String,
    /// The first thing that was said.
    pub opened: Update,
    /// What was said after it, oldest first.
    #[serde(default)]
    pub updates: Vec<Update>,
}

/// Whether somebody planned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// Nobody did.
    Incident,
    /// Work on the platform.
    Maintenance,
}

/// How bad it is for merchants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nothing fails.
    None,
    /// Some calls fail.
    Degraded,
    /// No call succeeds.
    Outage,
}

/// Something said about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// When, in real time.
    pub at: Timestamp,
    /// How far it is.
    pub stage: Stage,
    /// What was said.
    pub text: String,
}

/// How far an incident or maintenance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody knows why yet.
    Investigating,
    /// The reason is known.
    Identified,
    /// It is mended, and somebody watches whether it stays so.
    Monitoring,
    /// It is over.
    Resolved,
    /// Maintenance will be.
    Scheduled,
    /// Maintenance is under way.
    InProgress,
    /// Maintenance is over.
    Completed,
}

impl Incident {
    /// What was said last.
    pub fn latest(&self) -> &Update {
        self.updates.last().unwrap_or(&self.opened)
    }

    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        !self.latest().stage.is_end()
    }

    /// Whether calls may fail because of it now.
    pub fn is_felt(&self) -> bool {
        self.is_open() && self.latest().stage != Stage::Scheduled && self.impact != Impact::None
    }

    /// All that was said, newest first.
    pub fn said(&self) -> impl Iterator<Item = &Update> {
        self.updates.iter().rev().chain([&self.opened])
    }
}

impl IncidentKind {
    /// Both.
    pub const ALL: [IncidentKind; 2] = [IncidentKind::Incident, IncidentKind::Maintenance];

    /// As a word.
    pub fn name(self) -> &'static str {
        match self {
            IncidentKind::Incident => "incident",
            IncidentKind::Maintenance => "maintenance",
        }
    }

    /// The stages it goes through, in their usual order.
    pub fn stages(self) -> &'static [Stage] {
        match self {
            IncidentKind::Incident => &[
                Stage::Investigating,
                Stage::Identified,
                Stage::Monitoring,
                Stage::Resolved,
            ],
            IncidentKind::Maintenance => &[Stage::Scheduled, Stage::InProgress, Stage::Completed],
        }
    }
}

impl Impact {
    /// All of them.
    pub const ALL: [Impact; 3] = [Impact::None, Impact::Degraded, Impact::Outage];

    /// As a word.
    pub fn name(self) -> &'static str {
        match self {
            Impact::None => "none",
            Impact::Degraded => "degraded",
            Impact::Outage => "outage",
        }
    }
}

impl Stage {
    /// Whether nothing follows.
    pub fn is_end(self) -> bool {
        match self {
            Stage::Resolved | Stage::Completed => true,
            Stage::Investigating
            | Stage::Identified
            | Stage::Monitoring
            | Stage::Scheduled
            | Stage::InProgress => false,
        }
    }

    /// As a word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Investigating => "investigating",
            Stage::Identified => "identified",
            Stage::Monitoring => "monitoring",
            Stage::Resolved => "resolved",
            Stage::Scheduled => "scheduled",
            Stage::InProgress => "in_progress",
            Stage::Completed => "completed",
        }
    }

    /// As words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Stage::Investigating => "Investigating",
            Stage::Identified => "Identified",
            Stage::Monitoring => "Monitoring",
            Stage::Resolved => "Resolved",
            Stage::Scheduled => "Scheduled",
            Stage::InProgress => "In progress",
            Stage::Completed => "Completed",
        }
    }
}
