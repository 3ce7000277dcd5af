//! Closing and reopening, with BankID on the way.

use sandkasse_domain::{
    Environment, Msn,
    sales_unit::{ClosedBy, UnitState},
};

use super::{UNIT, keys_of, led, says};
use crate::{
    control::tests::{Program, closed},
    portal::visitors::Role,
    testing::{Guest, House},
};

/// The whole way with BankID: where it led.
async fn with_bankid(guest: &Guest<'_>, verb: &str) -> String {
    let page = format!("{UNIT}/{verb}");
    says(&guest.get(&page).await, 200, &["Sign with BankID"]);
    let bankid = led(&guest
        .post(&format!("{UNIT}/sign"), &[("purpose", verb)])
        .await);
    says(
        &guest.get(&bankid).await,
        200,
        &["Kari Nordmann", verb, "220001"],
    );
    let back = led(&guest.post(&bankid, &[]).await);
    assert!(back.starts_with(&format!("{page}?bankid=")), "{back}");
    says(
        &guest.get(&back).await,
        200,
        &["Kari Nordmann has signed", "now</button>"],
    );
    let id = back.split_once('=').unwrap().1;
    led(&guest.post(&page, &[("bankid", id)]).await)
}

#[tokio::test]
async fn plat_28_faq_78_a_unit_is_closed_here_and_the_page_says_by_whom() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let program = Program::with(&house, keys_of(&developer, UNIT).await);
    let to = with_bankid(&developer, "deactivate").await;
    let told = "Deactivated by Kari Nordmann, <time datetime=\"2023-06-13T12:00:00Z\">";
    says(
        &developer.get(&to).await,
        200,
        &[told, "Reactivate with BankID"],
    );
    closed(
        &program.initiate("220001", "acme-1").await,
        "unit.deactivated",
    );
    let list = developer.get("/units?q=220001").await;
    says(
        &list,
        200,
        &["<span class=\"badge bad\">deactivated</span>"],
    );
    // The other unit of the merchant goes on.
    let other = Program::with(&house, keys_of(&developer, "/units/test/220002").await);
    other.initiate("220002", "acme-1").await.ok();
}

#[tokio::test]
async fn plat_30_faq_79_it_is_opened_again_with_number_and_keys_as_before() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let before = keys_of(&developer, UNIT).await;
    with_bankid(&developer, "deactivate").await;
    let to = with_bankid(&developer, "reactivate").await;
    says(
        &developer.get(&to).await,
        200,
        &["Reactivated.", "Deactivate with BankID"],
    );
    let after = keys_of(&developer, UNIT).await;
    assert_eq!(after, before);
    Program::with(&house, after)
        .initiate("220001", "acme-1")
        .await
        .ok();
}

#[tokio::test]
async fn plat_29_faq_80_without_bankid_nothing_changes() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let state = || {
        let directory = house.engine().directory.of(Environment::Test);
        let msn = Msn::try_new("220001").unwrap();
        directory.unit(&msn).unwrap().facts.state.clone()
    };
    let sign = format!("{UNIT}/sign");
    let unsigned = led(&developer.post(&sign, &[("purpose", "deactivate")]).await);
    let unsigned = unsigned.strip_prefix("/bankid/").unwrap().to_owned();
    let opposite = led(&developer.post(&sign, &[("purpose", "reactivate")]).await);
    let back = led(&developer.post(&opposite, &[]).await);
    let opposite = back.split_once("bankid=").unwrap().1;
    let close = format!("{UNIT}/deactivate");
    for (id, words) in [
        ("", "no such BankID session"),
        ("nobodys", "no such BankID session"),
        (unsigned.as_str(), "nobody has confirmed"),
        (opposite, "opposite purpose"),
    ] {
        let shown = developer.get(&format!("{close}?bankid={id}")).await;
        says(
            &shown,
            200,
            &["Nothing was changed", words, "Sign with BankID"],
        );
        let refused = developer.post(&close, &[("bankid", id)]).await;
        assert_eq!(refused.status, 403, "{words}");
        assert!(refused.html.to_lowercase().contains(&words.to_lowercase()));
        assert_eq!(state(), UnitState::Active, "{words}");
    }
    assert_eq!(developer.post(&close, &[]).await.status, 403);
    // Looking at the page after signing is not yet doing it.
    let bankid = led(&developer.post(&sign, &[("purpose", "deactivate")]).await);
    let back = led(&developer.post(&bankid, &[]).await);
    developer.get(&back).await;
    assert_eq!(state(), UnitState::Active);
    // A reader has no right to, signed or not.
    let reader = house.guest(Some(Role::Reader));
    let id = back.split_once("bankid=").unwrap().1;
    assert_eq!(reader.post(&close, &[("bankid", id)]).await.status, 403);
    assert_eq!(
        reader
            .post(&sign, &[("purpose", "deactivate")])
            .await
            .status,
        403
    );
    assert_eq!(state(), UnitState::Active);
    with_bankid(&developer, "deactivate").await;
    let open = format!("{UNIT}/reactivate");
    assert_eq!(developer.post(&open, &[]).await.status, 403);
    assert_ne!(state(), UnitState::Active);
}

#[tokio::test]
async fn faq_81_a_unit_that_nobody_used_is_opened_by_customer_service() {
    let house = House::new().await;
    let at = house.engine().clock.now();
    let msn = Msn::try_new("220001").unwrap();
    let idle = |state: &mut UnitState| {
        let by = ClosedBy::Idle;
        *state = UnitState::Deactivated { by, at };
    };
    let directory = &house.engine().directory;
    directory
        .change_unit(Environment::Test, &msn, |facts| idle(&mut facts.state))
        .await
        .unwrap();
    let developer = house.guest(Some(Role::Developer));
    let shown = developer.get(UNIT).await;
    says(
        &shown,
        200,
        &["because nobody used it", "customer service", "/units/new"],
    );
    let by = [("purpose", "reactivate")];
    let bankid = led(&developer.post(&format!("{UNIT}/sign"), &by).await);
    let back = led(&developer.post(&bankid, &[]).await);
    let id = back.split_once("bankid=").unwrap().1;
    let refused = developer
        .post(&format!("{UNIT}/reactivate"), &[("bankid", id)])
        .await;
    says(&refused, 409, &["so customer service opens it"]);
    let reopen = format!("{UNIT}/reopen");
    let reader = house.guest(Some(Role::Reader));
    assert_eq!(reader.post(&reopen, &[]).await.status, 403);
    let to = led(&developer.post(&reopen, &[]).await);
    says(
        &developer.get(&to).await,
        200,
        &["Customer service has opened it"],
    );
    let program = Program::with(&house, keys_of(&developer, UNIT).await);
    program.initiate("220001", "acme-1").await.ok();
    // One that its merchant closed is not theirs to open.
    with_bankid(&developer, "deactivate").await;
    assert_eq!(developer.post(&reopen, &[]).await.status, 403);
}
