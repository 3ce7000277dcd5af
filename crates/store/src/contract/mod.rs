//! What every store must do, once for all of them.
//!
//! A store takes part with [`store_contract!`](crate::store_contract), which makes a test of every
//! function here. Each function gets an empty store and says in its name what must hold.

mod audit;
mod calls;
mod commits;
mod concurrency;
mod deadlines;
mod directory;
mod moving;
mod names;
mod nodes;
mod recovery;
mod values;

use std::sync::Arc;

use sandkasse_domain::{Environment, Msn, Timestamp};

pub use self::audit::*;
pub use self::calls::*;
pub use self::commits::*;
pub use self::concurrency::*;
pub use self::deadlines::*;
pub use self::directory::*;
pub use self::moving::*;
pub use self::names::*;
pub use self::nodes::*;
pub use self::recovery::*;
pub use self::values::*;
use crate::port::{
    Commit, CommitError, Kind, OutgoingCall, Partition, Purpose, Record, SavedReply, Store,
    StoredEvent, StreamId, Write,
};

/// Makes one test of each promise. The argument is evaluated in each: an empty store behind an
/// `Arc`, and a value that is kept until the test ends, such as a folder. The crate that uses this
/// needs `tokio`.
#[macro_export]
macro_rules! store_contract {
    ($fresh:expr) => {
        $crate::store_contract! { $fresh =>
            a_commit_can_be_read
            the_version_counts_the_writes
            a_write_for_another_version_is_a_conflict
            a_conflict_leaves_nothing
            a_commit_without_content_changes_nothing
            a_commit_writes_no_record_twice
            history_keeps_the_order_of_all_commits
            the_first_reply_stays
            environments_units_and_kinds_are_apart
            odd_texts_come_back_unchanged
            big_texts_come_back_unchanged
            moments_have_milliseconds
            list_returns_what_starts_with_the_prefix
            list_goes_on_after_a_name
            list_stops_at_the_limit
            units_with_a_name_are_found
            newest_begins_with_the_last_made
            newest_goes_on_before_a_number
            due_returns_the_earliest_first
            due_includes_the_moment_itself
            due_stops_at_the_limit
            a_deadline_is_replaced_and_removed
            next_deadline_is_the_earliest_of_the_unit
            due_is_of_one_kind
            due_goes_on_behind_a_place
            a_call_is_owed_with_its_commit
            a_call_is_begun_once
            a_call_ends_with_its_outcome
            a_call_that_is_not_being_sent_does_not_end
            a_call_sent_at_once_is_begun
            a_call_id_is_never_used_twice
            recovery_interrupts_the_begun_and_returns_the_owed
            calls_are_listed_newest_first
            calls_of_all_units_are_listed_in_pages
            pruning_keeps_the_newest_and_the_open
            pruning_forgets_thousands
            the_directory_changes_and_forgets
            the_directory_tells_what_changed_since
            a_change_of_what_was_changed_since_is_a_conflict
            clear_forgets_everything
            clear_keeps_the_kinds_that_are_named
            the_audit_log_keeps_its_lines
            a_line_of_the_audit_log_is_written_once
            the_audit_log_is_pruned_from_its_beginning
            clear_keeps_the_audit_log
            one_of_many_writers_wins_each_version
            a_reply_is_saved_once_by_many
            a_call_is_begun_once_by_many
            conflicts_do_not_disturb_their_group
            mistakes_do_not_disturb_their_group
            a_crowd_of_commits_is_kept
            rows_tell_everything_and_fill_another
            rows_of_a_unit_are_of_that_unit
            what_is_there_is_not_filled_again
            rows_under_writing_are_of_one_moment
            a_unit_is_replaced_as_a_whole
        }
    };
    ($fresh:expr => $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                let (store, _keep) = $fresh;
                $crate::contract::$promise(store).await;
            }
        )*
    };
}

/// Makes one test of each promise of [`Nodes`](crate::Nodes). The argument is evaluated in each:
/// three nodes on one empty store, and a value that is kept until the test ends.
#[macro_export]
macro_rules! nodes_contract {
    ($fresh:expr) => {
        $crate::nodes_contract! { $fresh =>
            every_node_has_an_id_and_a_slot
            nodes_hear_of_each_other
            a_task_is_claimed_by_one
            a_window_counts_for_all_nodes
            a_window_ends
            nodes_count_at_once_and_exactly
            what_one_node_commits_another_reads
            calls_of_a_living_node_are_left_alone
            the_journal_is_shared
            a_reset_begins_another_epoch
        }
    };
    ($fresh:expr => $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                let (nodes, _keep) = $fresh;
                $crate::contract::$promise(nodes).await;
            }
        )*
    };
}

/// A store as the functions here take it.
pub type Subject = Arc<dyn Store>;

fn partition(environment: Environment, msn: &str) -> Partition {
    Partition {
        environment,
        msn: Msn::try_new(msn).expect("tests use good MSNs"),
    }
}

fn unit() -> Partition {
    partition(Environment::Test, "123456")
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("tests use small numbers")
}

fn payment(name: &str) -> StreamId {
    StreamId {
        kind: Kind::Payment,
        name: name.to_owned(),
    }
}

/// The write after the version `expected`, with an event for each of `events`.
fn write(name: &str, expected: Option<u64>, events: &[&str]) -> Write {
    let version = expected.unwrap_or(0) + 1;
    let event = |body: &&str| StoredEvent {
        at: at(1_000),
        body: (*body).to_owned(),
    };
    Write {
        stream: payment(name),
        expected,
        body: format!("{name} {version}"),
        deadline: None,
        events: events.iter().map(event).collect(),
    }
}

fn reply(scope: &str, key: &str) -> SavedReply {
    SavedReply {
        scope: scope.to_owned(),
        key: key.to_owned(),
        fingerprint: "f".to_owned(),
        status: 200,
        body: format!("{scope} {key}"),
    }
}

fn call(id: &str, about: &str) -> OutgoingCall {
    OutgoingCall {
        id: id.to_owned(),
        purpose: Purpose::PaymentCallback,
        about: about.to_owned(),
        method: "POST".to_owned(),
        url: format!("https://example.com//v2/payments/{about}"),
        authorization: Some("secret".to_owned()),
        body: Some("{}".to_owned()),
        timeout_ms: 3_000,
        owed_at: at(1_000),
    }
}

fn commit(partition: &Partition, writes: Vec<Write>) -> Commit {
    Commit {
        partition: partition.clone(),
        writes,
        reply: None,
        calls: Vec::new(),
    }
}

/// Commits, which must succeed.
async fn store(store: &Subject, commit: Commit) {
    store
        .commit(commit)
        .await
        .expect("nothing is in the way of this commit");
}

async fn conflict(store: &Subject, commit: Commit) {
    let error = store
        .commit(commit)
        .await
        .expect_err("this commit is in conflict");
    assert!(matches!(error, CommitError::Conflict), "{error}");
}

/// Commits, which must fail as a mistake rather than a conflict.
async fn mistake(store: &Subject, commit: Commit) {
    let error = store
        .commit(commit)
        .await
        .expect_err("this commit is a mistake");
    assert!(matches!(error, CommitError::Store(_)), "{error}");
}

async fn load(store: &Subject, name: &str) -> Option<Record> {
    store
        .load(&unit(), &payment(name))
        .await
        .expect("reading works")
}

async fn version(store: &Subject, name: &str) -> Option<u64> {
    load(store, name).await.map(|record| record.version)
}

async fn history(store: &Subject, name: &str) -> Vec<String> {
    let events = store
        .history(&unit(), &payment(name))
        .await
        .expect("reading works");
    events.into_iter().map(|event| event.body).collect()
}
