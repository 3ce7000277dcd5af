//! rows of a newer program, which works on the same database.

use sandkasse_domain::{Environment, Msn};
use sandkasse_pgtest::Database;

use crate::port::{Kind, Partition, Store as _};

/// A payment that is due and a call that a dead node owes; and the same of kinds that nobody here knows.
const ROWS: &str = "
INSERT INTO sandkasse.records (msn, environment, kind, name, number, version, deadline, body, commit_id)
VALUES ('123456', 0, 'payment', 'a', 1, 1, 5, '{}', gen_random_uuid()),
       ('123456', 0, 'from_the_future', 'b', 2, 1, 4, '{}', gen_random_uuid()),
       ('654321', 0, 'from_the_future', 'c', 3, 1, 4, '{}', gen_random_uuid());
INSERT INTO sandkasse.calls (msn, id, environment, number, state, node, about, purpose, method, url,
                             timeout_ms, owed_at, begun_at, commit_id)
VALUES ('123456', 'known', 0, 4, 0, 'dead', 'a', 'payment_callback', 'POST', 'http://a/', 1, 0, NULL, gen_random_uuid()),
       ('123456', 'strange', 0, 5, 0, 'dead', 'a', 'from_the_future', 'POST', 'http://a/', 1, 0, NULL, gen_random_uuid()),
       ('123456', 'begun', 0, 6, 1, 'dead', 'a', 'from_the_future', 'POST', 'http://a/', 1, 0, 0, gen_random_uuid());
";

#[tokio::test]
async fn r_16_rows_that_only_a_newer_node_knows_are_left_to_it() {
    let database = Database::lease();
    let store = super::open(&database).await;
    database.execute(ROWS);
    let unit = Partition {
        environment: Environment::Test,
        msn: Msn::try_new("123456").expect("six digits"),
    };
    for kind in Kind::ALL {
        let due = store.due(&unit, kind, jiff::Timestamp::MAX, None, 10).await;
        let due: Vec<String> = due
            .expect("it is read")
            .into_iter()
            .map(|it| it.0)
            .collect();
        let expected: &[&str] = if kind == Kind::Payment { &["a"] } else { &[] };
        assert_eq!(due, expected, "{kind:?}");
        let next = store.next_deadlines(kind).await.expect("it is read");
        assert_eq!(next.len(), expected.len(), "{kind:?}");
    }
    let recovered = store.recover_calls().await.expect("it is read");
    let recovered: Vec<&str> = recovered.iter().map(|it| it.1.id.as_str()).collect();
    assert_eq!(recovered, ["known"]);
    // The newer node finds its own as they were.
    let left = database.execute(
        "SELECT id, state, node FROM sandkasse.calls WHERE purpose = 'from_the_future' ORDER BY id",
    );
    assert_eq!(left.trim(), "begun|1|dead\nstrange|0|dead");
    store.close().await;
}
