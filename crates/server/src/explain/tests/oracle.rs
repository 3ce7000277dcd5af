//! Explanations tell nothing of stored keys to strangers.

use super::*;

const RANDOM_KEY: &str = "00112233445566778899aabbccddeeff";
const RANDOM_SECRET: &str = "AAECAwQFBgcICQoLDA0ODw==";
const RANDOM_ID: &str = "01234567-89ab-4def-8123-456789abcdef";

/// S-16: whoever tries keys learns from explanations no more than from the wire. Each row: what a
/// stranger sends, a random value in its place, and who owns what the first one nearly is.
#[tokio::test]
async fn explanations_are_no_oracle_for_stored_keys() {
    let world = World::new().await;
    let live = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
        unit.environment = Environment::Production;
    };
    let caller = world.shop(|_| {}).await;
    let victim = world.shop(|_| {}).await;
    let there = world.shop(live).await;
    let narrow = world
        .shop(|unit| unit.products = [Product::Ecom].into())
        .await;
    let old_key = victim.regenerate(KeyName::PrimarySubscriptionKey).await;
    let old_secret = victim.regenerate(KeyName::ClientSecret).await;
    let inspector = watching(&world);
    let id = |shop: &Shop| shop.keys().client_id;
    let loud = victim.keys().primary.to_uppercase();
    let mut compared = 0;
    type Row<'a> = (&'a str, String, &'a str, String);
    let rows: [Row<'_>; 7] = [
        (
            "Ocp-Apim-Subscription-Key",
            there.keys().primary,
            RANDOM_KEY,
            id(&there),
        ),
        (
            "Ocp-Apim-Subscription-Key",
            old_key,
            RANDOM_KEY,
            id(&victim),
        ),
        (
            "Ocp-Apim-Subscription-Key",
            narrow.keys().primary,
            RANDOM_KEY,
            id(&narrow),
        ),
        ("Ocp-Apim-Subscription-Key", loud, RANDOM_KEY, id(&victim)),
        ("client_secret", old_secret, RANDOM_SECRET, id(&victim)),
        ("client_id", id(&there), RANDOM_ID, id(&there)),
        (
            "client_id",
            there.keys().client_id.to_uppercase(),
            RANDOM_ID,
            id(&there),
        ),
    ];
    for (name, sent, random, owner) in rows {
        let mut asks = vec![victim.ask_token()];
        if name == "Ocp-Apim-Subscription-Key" {
            asks.push(caller.ask("GET", "/ecomm/v2/payments/acme-1/details").await);
            asks.push(caller.ask("POST", "/ecomm/v2/payments").await);
            let userinfo = format!("/vipps-userinfo-api/userinfo/{RANDOM_ID}");
            asks.push(caller.ask("GET", &userinfo).await);
            let bare = asks[1].clone().without("Authorization");
            asks.push(bare);
        }
        for ask in asks {
            let first = ask.clone().header(name, &sent);
            let second = ask.clone().header(name, random);
            let Some(first) = refused(&inspector, &first).await else {
                // A key of any unit fetches tokens.
                assert_eq!(sent, narrow.keys().primary);
                continue;
            };
            let record = inspector.at(&first).unwrap();
            let why = record.why.as_ref().unwrap();
            let is_product = why.id(Environment::Test) == "subkey.product";
            if sent == narrow.keys().primary && !is_product {
                // It works, and the wire says that it is somebody else's.
                continue;
            }
            let second = refused(&inspector, &second).await.unwrap();
            let what = format!("{name} {sent}");
            let [one, two] = [&first, &second].map(|address| inspector.at(address).unwrap());
            let wire = |it: &sandkasse_inspect::Record| leveled(it.answer_body(), &[&sent, random]);
            assert_eq!((one.status, wire(&one)), (two.status, wire(&two)), "{what}");
            for reader in [Reader::Holder, Reader::Keys(id(&caller))] {
                let one = inspector.explain(&first, &reader).await.unwrap();
                let two = inspector.explain(&second, &reader).await.unwrap();
                assert_eq!(
                    level(&one, &[&sent, random]),
                    level(&two, &[&sent, random]),
                    "{what}"
                );
                compared += 1;
            }
            let holder = inspector.explain(&first, &Reader::Holder).await.unwrap();
            let holder = level(&holder, &[&sent]);
            if name == "client_id" && sent != id(&there) {
                continue;
            }
            for reader in [Reader::Administrator, Reader::Keys(owner.clone())] {
                let told = inspector.explain(&first, &reader).await.unwrap();
                assert_eq!(told.withheld, None, "{what}");
                assert_ne!(
                    level(&told, &[&sent]),
                    holder,
                    "{what}: {reader:?} knows more"
                );
            }
        }
    }
    assert!(compared >= 30, "{compared}");
}

/// Two keys of other owners: the wire says that they are, and the explanation not whose.
#[tokio::test]
async fn whose_a_strangers_key_is_is_not_told() {
    let world = World::new().await;
    let caller = world.shop(|_| {}).await;
    let others = [world.shop(|_| {}).await, world.shop(|_| {}).await];
    let inspector = watching(&world);
    let ask = caller.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let mut told = Vec::new();
    for other in &others {
        let key = other.keys().primary;
        let ask = ask.clone().header("Ocp-Apim-Subscription-Key", &key);
        let address = refused(&inspector, &ask).await.unwrap();
        for reader in [Reader::Holder, Reader::Keys(caller.keys().client_id)] {
            let text = level(
                &inspector.explain(&address, &reader).await.unwrap(),
                &[&key],
            );
            assert!(!text.contains(other.msn.as_str()), "{text}");
            told.push(text);
        }
        let admin = inspector.explain(&address, &Reader::Administrator).await;
        assert!(level(&admin.unwrap(), &[]).contains(other.msn.as_str()));
    }
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
}
