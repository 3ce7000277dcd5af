//! FAQ "Why error 81?" and the error about being 15 years old: FAQ-90 to FAQ-96.

use sandkasse_domain::{Environment::Test, person::AppUse};
use sandkasse_engine::directory::Change;
use sandkasse_testkit::{Got, Shop};
use serde_json::{Value, json};

use super::faq_stage::{BOTH, Faq, NOT_REGISTERED, Says, is, phone};

async fn initiate(shop: &Shop, order: &str, mobile: impl Into<Value>) -> Got {
    let mobile = mobile.into();
    let with = |body: &mut Value| body["customerInfo"]["mobileNumber"] = mobile;
    shop.initiate_but(order, 100, with).await
}

#[tokio::test]
async fn faq_90_faq_91_numbers_that_can_be_corrected_and_numbers_that_cannot() {
    let faq = Faq::new().await;
    faq.phone(|it| it.phone = phone("91234567")).await;
    for bad in ["1234567", "123456789", "912345x7", "abc"] {
        let got = initiate(&faq.u1, "bad", bad).await;
        is(
            &format!("faq_90 {bad}"),
            &got,
            &NOT_REGISTERED,
            "phone.format",
        );
    }
    for (at, good) in [
        json!("+47 91 23 45 67"),
        json!("004791234567"),
        json!("912-34-567"),
        json!(91_234_567),
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("good-{at}");
        is(
            "faq_91",
            &initiate(&faq.u1, &order, good).await,
            &Says::Fine,
            "",
        );
        // The landing page is filled with it.
        let mobile = faq.u1.payment(&order).await.order.mobile;
        assert_eq!(mobile, Some(phone("91234567")));
    }
}

/// One answer for all of them, to the byte and to the header, in both environments; in production
/// one explanation too.
#[tokio::test]
async fn faq_92_faq_93_faq_94_nothing_leaks_of_a_person() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let deleted = faq.world.person_in(here, |_| {}).await;
        let gone = Change::PersonGone(here, deleted.id.clone());
        let directory = &faq.world.platform.engine.directory;
        directory
            .change(vec![gone])
            .await
            .expect("memory does not fail");
        let rows = [
            (
                "faq_92",
                faq.phone(|it| it.birthdate = jiff::civil::date(2009, 6, 13))
                    .await,
            ),
            ("faq_93", "40000000".to_owned()),
            ("deleted", deleted.phone.to_string()),
            ("blocked", faq.phone(|it| it.blocked = true).await),
            (
                "limit reached",
                faq.phone(|it| it.limit_reached = true).await,
            ),
        ];
        let mut answers = Vec::new();
        for (row, number) in rows {
            let got = initiate(&faq.u1, "acme-1", number.as_str()).await;
            let unknown = matches!(row, "faq_93" | "deleted");
            let cause = if here == Test && unknown {
                "test.real_user"
            } else {
                "user.unavailable"
            };
            is(row, &got, &NOT_REGISTERED, cause);
            assert!(!got.body.contains(&number), "the number is not repeated");
            let context = got.json()[0]["contextId"].clone();
            let body = got.body.replace(context.as_str().expect("a text"), "");
            answers.push((body, format!("{:?}", got.headers)));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let adult = initiate(&faq.u1, "acme-1", faq.adult.phone.as_str()).await;
        is("control", &adult, &Says::Fine, "");
    }
}

#[tokio::test]
async fn faq_95_faq_96_real_users_and_new_users_in_the_test_environment() {
    let faq = Faq::new().await;
    let real = initiate(&faq.u1, "acme-1", "41234567").await;
    is("faq_95", &real, &NOT_REGISTERED, "test.real_user");
    let app = AppUse {
        logged_in: false,
        approved_once: false,
        outdated: false,
        wrong_pins: 0,
    };
    let new = faq.world.person(|it| it.app = app).await;
    let got = initiate(&faq.u1, "acme-1", new.phone.as_str()).await;
    is("faq_96", &got, &NOT_REGISTERED, "test.user_not_logged_in");
    faq.u1.initiate("acme-1", 100).await.ok();
    let got = faq.u1.force_approve("acme-1", new.phone.as_str()).await;
    let says = Says::Ecom(
        400,
        "Payment",
        "1082",
        "This person is not BankID verified.",
    );
    is("faq_96", &got, &says, "test.user_not_logged_in");
    // The remedy: log in, and approve one payment in the app.
    let directory = &faq.world.platform.engine.directory;
    let log_in = |it: &mut sandkasse_domain::person::Person| it.app.logged_in = true;
    let changed = directory.change_person(Test, &new.id, log_in).await;
    changed.expect("memory does not fail");
    faq.u1.reserved("acme-2", 100, &new).await;
    let got = faq.u1.force_approve("acme-1", new.phone.as_str()).await;
    is("faq_96", &got, &Says::Fine, "");
}
