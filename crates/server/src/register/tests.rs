//! The client against servers on loopback, and when the register is asked.

use std::time::Duration;

use sandkasse_domain::merchant::OrgForm;
use sandkasse_testkit::{Receiver, closed_port, http_json, minutes};
use serde_json::json;

use super::*;
use crate::testing::{House, Rules};

const ORGNO: &str = "310000019";

fn merchant() -> Merchant {
    Merchant::new(OrgNo(ORGNO.to_owned()), "Acme")
}

async fn remote(house: &House, base: &str) -> Remote {
    Remote::new(base.parse().unwrap(), house.world.clock.clone())
}

/// What the client makes of an answer: name, form, deletion; or why nothing.
async fn made_of(answer: String) -> Result<Option<(String, String, String)>, String> {
    let house = House::new().await;
    let receiver = Receiver::answering(Duration::ZERO, answer).await;
    let remote = remote(&house, &receiver.url("")).await;
    let asked = remote.ask(&merchant()).await;
    assert_eq!(
        receiver.requests().len(),
        1,
        "asked once, whatever the answer"
    );
    let request = receiver.requests().remove(0);
    let line = format!("GET /enhetsregisteret/api/enheter/{ORGNO} HTTP/1.1\r\n");
    assert!(request.starts_with(&line), "{request}");
    let row = asked.map_err(|error| error.to_string())?;
    Ok(row.map(|row| {
        let day = row
            .deleted_on
            .map_or_else(String::new, |day| day.to_string());
        (row.name, row.form.0, day)
    }))
}

#[tokio::test]
async fn what_the_public_register_answers_is_read() {
    let ok = |body: serde_json::Value| http_json(&body.to_string());
    let gone = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 410 Gone\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let usual = json!({
        "organisasjonsnummer": ORGNO, "navn": "ACME AS", "antallAnsatte": 3,
        "organisasjonsform": {"kode": "ENK", "beskrivelse": "Enkeltpersonforetak"},
        "_links": {"self": {"href": "x"}},
    });
    let deleted = json!({
        "organisasjonsnummer": ORGNO, "navn": "ACME AS", "slettedato": "2023-06-01",
    });
    let said = format!(r#"{{"organisasjonsnummer": "{ORGNO}", "slettedato": "2023-05-01"}}"#);
    let row = |name: &str, form: &str, day: &str| {
        Ok(Some((name.to_owned(), form.to_owned(), day.to_owned())))
    };
    for (answer, expected) in [
        (ok(usual), row("ACME AS", "ENK", "")),
        (ok(deleted), row("ACME AS", "AS", "2023-06-01")),
        (gone(&said), row("Acme", "AS", "2023-05-01")),
        (gone(""), row("Acme", "AS", "2023-06-13")),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Ok(None),
        ),
    ] {
        assert_eq!(made_of(answer.clone()).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_says_nothing_of_a_merchant() {
    let elsewhere = Receiver::answering(Duration::ZERO, http_json("{}")).await;
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url("/")
    );
    let huge = format!(
        r#"{{"organisasjonsnummer": "{ORGNO}", "navn": "{}"}}"#,
        "a".repeat(100_000)
    );
    for (answer, words) in [
        (moved, "redirect"),
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "500",
        ),
        (http_json("no json"), "cannot be read"),
        (http_json(&huge), "cannot be read"),
        (http_json(r#"{"organisasjonsnummer": "1"}"#), "about 1"),
        (
            http_json(&format!(
                r#"{{"organisasjonsnummer": "{ORGNO}", "slettedato": "soon"}}"#
            )),
            "cannot be read",
        ),
        ("SSH-2.0\r\n".to_owned(), "broken"),
    ] {
        let error = made_of(answer).await.unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
    assert_eq!(elsewhere.requests().len(), 0, "redirects are not followed");
    let house = House::new().await;
    let (_kept, address) = closed_port();
    let remote = remote(&house, &format!("http://{address}")).await;
    assert!(remote.ask(&merchant()).await.is_err());
    // A foreign company is not in it, and is not asked about.
    let mut foreign = merchant();
    foreign.orgno = OrgNo("12345678".to_owned());
    assert_eq!(remote.ask(&foreign).await.unwrap(), None);
}

#[tokio::test]
async fn a_deletion_without_a_day_keeps_the_day_it_was_noticed() {
    let house = House::new().await;
    let answer = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::answering(Duration::ZERO, answer).await;
    let remote = remote(&house, &receiver.url("")).await;
    for noted in [4, 0] {
        let checked = check(house.engine(), &remote, |_, _| true).await.unwrap();
        assert_eq!((checked.noted, checked.changed.len()), (noted, noted));
        house.world.clock.advance(sandkasse_testkit::days(1));
    }
}

/// Never answers.
struct Silent;

#[async_trait]
impl Register for Silent {
    async fn ask(&self, _: &Merchant) -> Result<Option<Registered>, NoAnswer> {
        Err(NoAnswer("silence".to_owned()))
    }
}

/// Knows nobody.
struct Empty;

#[async_trait]
impl Register for Empty {
    async fn ask(&self, _: &Merchant) -> Result<Option<Registered>, NoAnswer> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_register_that_fails_or_knows_nobody_changes_nothing() {
    let silent = House::under(Rules {
        register: Some(Arc::new(Silent)),
        ..Rules::default()
    })
    .await;
    let (status, checked) = silent.post("/register/check", json!({})).await;
    assert_eq!(
        (status, &checked["asked"], &checked["not_asked"]),
        (200, &json!(3), &json!(1))
    );
    assert_eq!(checked["failed"][0]["detail"], "silence");
    assert_eq!(checked["changed"], json!([]));
    let empty = House::under(Rules {
        register: Some(Arc::new(Empty)),
        ..Rules::default()
    })
    .await;
    let (_, checked) = empty
        .post("/register/check", json!({"environment": "test"}))
        .await;
    assert_eq!(
        checked["unknown"],
        json!([{"environment": "test", "orgno": "310000000"}, {"environment": "test", "orgno": ORGNO}])
    );
    let (_, merchant) = empty.get(&format!("/merchants/test/{ORGNO}")).await;
    assert_eq!(
        (&merchant["standing"], &merchant["register"]),
        (&json!("active"), &json!(null))
    );
}

#[tokio::test]
async fn all_merchants_are_looked_up_every_ten_minutes() {
    let house = House::new().await;
    let engine = house.world.platform.engine.clone();
    let mut row = merchant().registered();
    row.form = OrgForm("ENK".to_owned());
    let change = sandkasse_engine::directory::Change::Register(row);
    engine.directory.change(vec![change]).await.unwrap();
    let register = Arc::new(BuiltIn(engine.clone()));
    let task = tokio::spawn(keep_checking(engine.clone(), register));
    let standing = || {
        let directory = engine.directory.of(Environment::Test);
        directory
            .merchant(&OrgNo(ORGNO.to_owned()))
            .unwrap()
            .standing
    };
    // The task has begun to wait when it has run once.
    tokio::task::yield_now().await;
    house.world.clock.advance(minutes(9));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(standing(), Standing::Active, "not at once");
    house.world.clock.advance(minutes(1));
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(standing(), Standing::FormChanged);
    task.abort();
}
