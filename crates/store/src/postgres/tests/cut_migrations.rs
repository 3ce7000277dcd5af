//! a migration that dies at any statement, or whose connection is lost at any message, begins again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sandkasse_domain::{Environment, Msn};
use sandkasse_pgtest::{Database, OWNER};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::{APP, Address, make_role};
use crate::port::{Commit, Kind, Partition, Store as _, StreamId, Write};
use crate::postgres::connection::{Connection, LONG};
use crate::postgres::{OpenError, PostgresStore, connect, schema};

/// Kills its own session as the n-th command that makes or changes something begins or ends.
const STRIKE: &str = "
CREATE SCHEMA strike;
CREATE TABLE strike.plan (at int NOT NULL);
INSERT INTO strike.plan VALUES (0);
CREATE FUNCTION strike.strike() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE met int := coalesce(nullif(current_setting('strike.met', true), ''), '0')::int + 1;
BEGIN
    PERFORM set_config('strike.met', met::text, false);
    IF met = (SELECT at FROM strike.plan) THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(60);
    END IF;
END $$;
CREATE EVENT TRIGGER strike_begin ON ddl_command_start EXECUTE FUNCTION strike.strike();
CREATE EVENT TRIGGER strike_end ON ddl_command_end EXECUTE FUNCTION strike.strike();
";

/// As a node of the first version left it.
const LEFT: &str = "
CREATE TABLE sandkasse.schema_version (
    one bool PRIMARY KEY DEFAULT true CHECK (one), version int4 NOT NULL);
INSERT INTO sandkasse.schema_version VALUES (true, 1);
INSERT INTO sandkasse.records (msn, environment, kind, name, number, version, deadline, body, commit_id)
    VALUES ('123456', 0, 'payment', 'a', 1, 1, 5, '{}', gen_random_uuid());
";

/// No migration has more commands, or messages.
const MOST: usize = 1_000;

/// Where a migration begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Nothing,
    FirstVersion,
}

/// A database besides the leased one, since its triggers must not outlive the test. Dropped by name
/// by whoever has the lease next.
struct Place {
    leased: Database,
    name: String,
}

impl Place {
    async fn new(from: From) -> Place {
        let leased = Database::lease();
        make_role(&leased);
        let name = format!("{}_cut", leased.name());
        let place = Place { leased, name };
        place.drop();
        let create = format!("CREATE DATABASE {} TEMPLATE template0", place.name);
        place.leased.execute(&create);
        if from == From::FirstVersion {
            let sql = format!("CREATE SCHEMA sandkasse; {} {LEFT}", schema::v1());
            place.session().await.batch(&sql, LONG).await.unwrap();
        }
        place
    }

    fn drop(&self) {
        let name = &self.name;
        self.leased
            .execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }

    fn address(&self, role: &str) -> Address {
        let url = self.leased.url(role);
        Address::parse(&url.replace(self.leased.name(), &self.name)).unwrap()
    }

    async fn session(&self) -> Connection {
        connect(self.address(OWNER)).await.unwrap().1
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        PostgresStore::migrate(self.address(OWNER), Some(APP)).await
    }

    /// What was there is there, and all that a store does works, for the role that was let in.
    async fn is_whole(&self, from: From) {
        let store = PostgresStore::open(self.address(APP)).await;
        let store = store.expect("it is prepared");
        let unit = Partition {
            environment: Environment::Test,
            msn: Msn::try_new("123456").unwrap(),
        };
        let due = store.next_deadline(&unit, Kind::Payment).await.unwrap();
        let there = due.map(|at| at.as_millisecond());
        assert_eq!(there, (from == From::FirstVersion).then_some(5));
        let write = Write {
            stream: StreamId {
                kind: Kind::Payment,
                name: "b".to_owned(),
            },
            expected: None,
            body: "{}".to_owned(),
            deadline: None,
            events: Vec::new(),
        };
        let commit = Commit {
            partition: unit,
            writes: vec![write],
            reply: None,
            calls: Vec::new(),
        };
        store.commit(commit).await.unwrap();
        store.close().await;
        assert_eq!(version(&self.session().await).await, Some(schema::KNOWN));
    }
}

/// The schema's version; `None` when there is no schema.
async fn version(connection: &Connection) -> Option<i32> {
    let there = "SELECT to_regclass('sandkasse.schema_version') IS NOT NULL";
    let rows = connection.query(there, &[], LONG).await.unwrap();
    if !rows[0].get::<_, bool>(0) {
        let schema = "SELECT to_regnamespace('sandkasse') IS NULL";
        let rows = connection.query(schema, &[], LONG).await.unwrap();
        assert!(rows[0].get::<_, bool>(0), "a schema without a version");
        return None;
    }
    let sql = "SELECT version FROM sandkasse.schema_version";
    let rows = connection.query(sql, &[], LONG).await.unwrap();
    Some(rows[0].get(0))
}

/// Each attempt begins on what the one before left when it was killed, one command further on.
#[tokio::test]
async fn r_16_a_migration_that_is_killed_at_any_command_begins_again() {
    for (from, before) in [(From::Nothing, None), (From::FirstVersion, Some(1))] {
        let place = Place::new(from).await;
        let watch = place.session().await;
        watch.batch(STRIKE, LONG).await.unwrap();
        let mut cuts = 0;
        // Two for each command. A hundred tables of one shape are not all looked at.
        for at in (1..MOST).filter(|at| *at <= 20 || at % 25 == 0) {
            let plan = format!("UPDATE strike.plan SET at = {at}");
            watch.batch(&plan, LONG).await.unwrap();
            match place.migrate().await {
                Ok(()) => break,
                Err(OpenError::Failed(_)) => cuts += 1,
                Err(error) => panic!("{from:?}, cut {at}: {error}"),
            }
            assert_eq!(version(&watch).await, before, "{from:?}, cut {at}");
        }
        eprintln!("{from:?}: killed at {cuts} commands");
        assert!((10..MOST).contains(&cuts), "{cuts} cuts prove nothing");
        drop(watch);
        place.is_whole(from).await;
        place.drop();
    }
}

/// When a connection is lost, at a message of the client's.
struct Loss {
    at: usize,
    /// What was asked is done first, and its answer lost.
    is_done: bool,
    met: AtomicUsize,
}

/// A URL by which all that is asked goes through something that loses a connection once.
async fn through(place: &Place, loss: &Arc<Loss>) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (folder, loss) = (place.leased.folder().to_owned(), Arc::clone(loss));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(hand_on(client, folder.clone(), Arc::clone(&loss)));
        }
    });
    let url = format!("postgres://{OWNER}@{at}/{}?sslmode=disable", place.name);
    Address::parse(&url).unwrap()
}

async fn hand_on(mut client: TcpStream, folder: PathBuf, loss: Arc<Loss>) {
    let server = UnixStream::connect(folder.join(".s.PGSQL.5432")).await;
    let mut server = server.expect("the server listens");
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_struck = false;
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let Ok(count @ 1..) = count else { return };
                is_struck = loss.met.fetch_add(1, Ordering::SeqCst) + 1 == loss.at;
                if is_struck && !loss.is_done || server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut answered) => {
                let Ok(count @ 1..) = count else { return };
                if is_struck || client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn r_16_a_migration_whose_connection_is_lost_anywhere_begins_again() {
    let place = Place::new(From::FirstVersion).await;
    let watch = place.session().await;
    let (mut losses, mut undone) = (0, 0);
    for number in 0..MOST {
        let loss = Arc::new(Loss {
            at: number / 2 + 1,
            is_done: number % 2 == 1,
            met: AtomicUsize::new(0),
        });
        let address = through(&place, &loss).await;
        // Either it says that it failed, or it has tried again itself.
        let said = PostgresStore::migrate(address, Some(APP)).await;
        if loss.met.load(Ordering::SeqCst) < loss.at {
            said.expect("nothing was lost");
            break;
        }
        losses += 1;
        undone += usize::from(version(&watch).await == Some(1));
        place.migrate().await.expect("it begins again");
        assert_eq!(version(&watch).await, Some(schema::KNOWN), "{number}");
        watch.batch(super::UNDONE, LONG).await.unwrap();
    }
    eprintln!("{losses} lost connections, {undone} of them with nothing done");
    assert!(
        (10..MOST).contains(&losses) && undone > 3,
        "it proves nothing"
    );
    place.migrate().await.expect("nothing is in its way");
    place.is_whole(From::FirstVersion).await;
    drop(watch);
    place.drop();
}
