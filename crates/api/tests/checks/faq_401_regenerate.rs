//! FAQ "Why `HTTP 401 Unauthorized`?", the last resort: FAQ-46 to FAQ-48, and that nothing else
//! fails meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sandkasse_catalogue::Catalogue;
use sandkasse_domain::keys::KeyName;
use sandkasse_testkit::with_member;

use super::faq_stage::{BOTH, DETAILS, Faq, KEY, PAYMENTS, Says, check, is};

#[tokio::test]
async fn faq_46_faq_47_old_keys_are_dead_at_once_and_the_others_live() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        faq.u1.initiate("acme-1", 100).await.ok();
        let before = faq.u1.ask("GET", DETAILS).await;
        let old = faq.u1.regenerate(KeyName::ClientSecret).await;
        let ask = faq.u1.ask_token();
        let old = ask.clone().header("client_secret", &old);
        check(
            "faq_46",
            old,
            &Says::secret_wrong(),
            "token.secret_regenerated",
        )
        .await;
        check("faq_46 new", ask, &Says::Fine, "").await;
        // Tokens fetched before live on.
        check("faq_46 token", before.clone(), &Says::Fine, "").await;

        for name in [
            KeyName::PrimarySubscriptionKey,
            KeyName::SecondarySubscriptionKey,
        ] {
            let old = faq.u1.regenerate(name).await;
            let with = |key: &str| before.clone().header(KEY, key);
            check(
                "faq_47",
                with(&old),
                &Says::KeyInvalid,
                "subkey.regenerated",
            )
            .await;
            let keys = faq.u1.keys();
            for living in [&keys.primary, &keys.secondary] {
                check("faq_47 living", with(living), &Says::Fine, "").await;
            }
        }
    }
}

#[tokio::test]
async fn faq_27_a_wrong_secret() {
    let faq = Faq::new().await;
    let own = faq.u1.keys().client_secret;
    let other = faq.u2.keys().client_secret;
    for wrong in [&other, own.trim_end_matches('='), &own.to_lowercase(), "x"] {
        let ask = faq.u1.ask_token().header("client_secret", wrong);
        check("faq_27", ask, &Says::secret_wrong(), "token.secret_wrong").await;
    }
}

#[tokio::test]
async fn faq_48_regenerating_mends_nothing_else() {
    let faq = Faq::new().await;
    let with_msn = |msn: &str| {
        let body = faq.u1.initiate_body("acme-1", 100);
        with_member(body, "merchantInfo.merchantSerialNumber", msn)
    };
    let (sister, far) = (faq.u2.msn.as_str(), faq.elsewhere.msn.as_str());
    for round in ["before", "after"] {
        let got = faq.u1.initiate_with(&with_msn(sister)).await;
        is(round, &got, &Says::k(401, sister), "msn.not_yours");
        let got = faq.u1.initiate_with(&with_msn(far)).await;
        is(round, &got, &Says::k(401, far), "env.msn");
        let ask = faq.partner.ask("POST", PAYMENTS).await;
        let ask = ask.json(&with_msn(faq.u1.msn.as_str()));
        check(round, ask, &Says::NoMsn, "partner.msn_in_body_only").await;
        for name in [
            KeyName::ClientSecret,
            KeyName::PrimarySubscriptionKey,
            KeyName::SecondarySubscriptionKey,
        ] {
            faq.u1.regenerate(name).await;
            faq.partner.regenerate(name).await;
        }
    }
    // No page advises it, but for keys that are known to others.
    for page in Catalogue::get().pages() {
        for cause in &page.causes {
            let advice = format!("{:?}", cause.remedy()).to_lowercase();
            let leaks = cause.id == "subkey.regenerated";
            assert!(leaks || !advice.contains("regenerate"), "{}", cause.id);
        }
    }
}

/// Somebody regenerates the primary key and the secret again and again; whoever uses the secondary
/// key notices nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s_06_faq_47_nothing_fails_while_keys_are_regenerated() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let right = faq.u1.ask("GET", DETAILS).await;
    let living = right.clone().header(KEY, &faq.u1.keys().secondary);
    let (done, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (living, done, calls) = (living.clone(), done.clone(), calls.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let got = living.clone().send().await;
                    assert_eq!((got.status, got.cause()), (200, ""), "{}", got.body);
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..50 {
        let before = calls.load(Ordering::SeqCst);
        let old_key = faq.u1.regenerate(KeyName::PrimarySubscriptionKey).await;
        let old_secret = faq.u1.regenerate(KeyName::ClientSecret).await;
        let ask = right.clone().header(KEY, &old_key);
        check("key", ask, &Says::KeyInvalid, "subkey.regenerated").await;
        let ask = faq.u1.ask_token().header("client_secret", &old_secret);
        check(
            "secret",
            ask,
            &Says::secret_wrong(),
            "token.secret_regenerated",
        )
        .await;
        while calls.load(Ordering::SeqCst) == before {
            assert!(callers.iter().any(|it| !it.is_finished()), "all failed");
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.expect("no call failed");
    }
    assert!(calls.load(Ordering::SeqCst) >= 50);
}
