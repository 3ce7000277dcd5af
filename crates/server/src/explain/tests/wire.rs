//! The wire does not change.

use super::*;

/// PLAT-65 and PLAT-68, for every refusal that the catalogue can provoke.
#[tokio::test(start_paused = true)]
async fn plat_65_plat_68_every_refusal_is_explained_to_its_caller_and_the_wire_does_not_change() {
    let (mut explained, mut owned, mut unowned) = (0, 0, 0);
    let mut passed = std::collections::BTreeSet::new();
    for cause in causes() {
        let mut answers = Vec::new();
        for (explain, bytes) in [(true, 1 << 24), (false, 1 << 24), (true, 0)] {
            let played = Stage::default().play(cause).await;
            let inspector = inspector(&played.world, explain, bytes);
            let (environment, request) = (played.ask.environment(), played.ask.request());
            let (mut answer, connection) = inspector.answer(environment, request).await;
            let url = answer.headers.remove(EXPLAIN);
            if answer.status.is_success() {
                // A fault that happens once has happened when it was played.
                assert!(url.is_none());
                passed.insert(cause.id.as_str());
                break;
            }
            answers.push((answer.status, answer.headers, answer.body, connection));
            assert_eq!(url.is_some(), explain && bytes > 0, "{}", cause.id);
            let Some(url) = url else { continue };
            explained += 1;
            let (_, address) = url.to_str().unwrap().split_once("/explain/").unwrap();
            let access = access(false, None);
            let places = (&inspector, &access);
            let record = inspector.at(address).unwrap();
            let other = played
                .world
                .shop(|unit| unit.environment = environment)
                .await;
            let expected = if record.client.is_some() { 404 } else { 200 };
            assert_eq!(
                read_as(places, environment, address, &[]).await.status,
                expected,
                "nobody: {}",
                cause.id
            );
            let theirs = headers_of(&other).await;
            let theirs: Vec<_> = theirs.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert_eq!(
                read_as(places, environment, address, &theirs).await.status,
                expected,
                "another: {}",
                cause.id
            );
            assert_eq!(
                read_as(places, environment, address, &theirs[2..])
                    .await
                    .status,
                expected,
                "{}",
                cause.id
            );
            // Nor at the other environment's listener.
            let elsewhere = environment.other();
            let read = read_as(places, elsewhere, address, &theirs).await;
            assert_eq!(read.status, 404, "{}", cause.id);
            let Some(client) = &record.client else {
                unowned += 1;
                continue;
            };
            owned += 1;
            let sent = |name: &str| {
                let value = request.headers.get(name)?;
                Some(value.to_str().unwrap().to_owned())
            };
            // Checkout has no token, and looks at none.
            let names: &[&str] = if request.path.starts_with("/checkout/") {
                &["client_id", "client_secret", "ocp-apim-subscription-key"]
            } else {
                &["authorization", "ocp-apim-subscription-key"]
            };
            let own: Option<Vec<_>> = names.iter().map(|name| sent(name)).collect();
            if let Some(own) = own {
                let own: Vec<_> = names
                    .iter()
                    .copied()
                    .zip(own.iter().map(String::as_str))
                    .collect();
                assert_eq!(
                    read_as(places, environment, address, &own).await.status,
                    200,
                    "{}",
                    cause.id
                );
            }
            let directory = played.world.platform.engine.directory.of(environment);
            if let Some(Client::Unit(unit)) = directory.client(client.id()) {
                let keys = &unit.facts.keys;
                let own = [
                    ("client_id", keys.client_id.as_str()),
                    ("client_secret", &keys.client_secret),
                    ("Ocp-Apim-Subscription-Key", &keys.secondary),
                ];
                assert_eq!(
                    read_as(places, environment, address, &own).await.status,
                    200,
                    "{}",
                    cause.id
                );
                let wrong = [own[0], ("client_secret", "wrong"), own[2]];
                assert_eq!(
                    read_as(places, environment, address, &wrong).await.status,
                    404,
                    "{}",
                    cause.id
                );
                let halves = [own[0], own[1], ("Ocp-Apim-Subscription-Key", theirs[1].1)];
                assert_eq!(
                    read_as(places, environment, address, &halves).await.status,
                    404,
                    "{}",
                    cause.id
                );
            }
        }
        let [on, off, without] = answers.as_slice() else {
            continue;
        };
        assert!(on == off && on == without, "{}: {answers:?}", cause.id);
    }
    assert!(
        explained >= 80 && owned >= 40 && unowned >= 15,
        "{explained} {owned} {unowned}"
    );
    assert!(passed.len() <= 4, "{passed:?}");
}
