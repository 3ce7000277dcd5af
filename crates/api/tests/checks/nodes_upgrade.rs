//! a node works beside a newer one, whose entries of the directory it does not know.

use sandkasse_domain::Environment;
use sandkasse_store::{DirectoryEntry, Generation};
use sandkasse_testkit::{Shop, World};
use serde_json::{Value, json};

/// Something that only a newer program keeps.
const KIND: &str = "from_the_future";

async fn beat(nodes: &[World]) {
    for node in nodes {
        let beat = node.platform.engine.beat().await;
        beat.expect("what is not known is left alone");
    }
}

/// All entries of a kind, as the newer node would read them.
async fn entries(node: &World, kind: &str) -> (Vec<DirectoryEntry>, Generation) {
    let kept = node.platform.engine.store().directory(0).await;
    let (mut entries, generation) = kept.expect("the store does not fail");
    entries.retain(|it| it.kind == kind);
    (entries, generation)
}

/// What the newer node does.
async fn put(node: &World, entry: DirectoryEntry) {
    let (_, seen) = entries(node, KIND).await;
    let store = node.platform.engine.store();
    let put = store.put_directory(vec![entry], seen).await;
    put.expect("nobody else writes");
}

fn strange(body: Option<&str>) -> DirectoryEntry {
    DirectoryEntry {
        kind: KIND.to_owned(),
        environment: Environment::Test,
        key: "1".to_owned(),
        body: body.map(str::to_owned),
    }
}

#[tokio::test]
async fn r_16_kinds_that_only_a_newer_node_knows_are_left_alone() {
    let nodes = World::nodes(2).await;
    put(&nodes[0], strange(Some("{}"))).await;
    beat(&nodes).await;
    // Whatever else is done at either node is seen by the other, and either can do it.
    for (here, there) in [(0, 1), (1, 0)] {
        let shop = nodes[here].shop(|_| {}).await;
        beat(&nodes).await;
        shop.at(&nodes[there]).initiate("acme-1", 1000).await.ok();
    }
    let kept = entries(&nodes[1], KIND).await.0;
    assert!(kept == [strange(Some("{}"))], "{kept:?}");
    // One that starts then, too.
    let store = nodes[1].platform.engine.store().clone();
    let third = nodes[0].node(store, 3).await;
    third.shop(|_| {}).await;
    put(&nodes[0], strange(None)).await;
    beat(&nodes).await;
    nodes[1].shop(|_| {}).await;
}

/// A sales unit's entry, opened.
async fn facts(shop: &Shop, node: &World) -> (DirectoryEntry, String, Value) {
    let (mut entries, _) = entries(node, "sales_unit").await;
    entries.retain(|it| it.key == shop.msn.as_str());
    let entry = entries.remove(0);
    let place = format!("{}/{}/{}", entry.environment, entry.kind, entry.key);
    let sealed = entry.body.clone().expect("it is there");
    let body = node.platform.engine.vault.open(&place, &sealed);
    let body: Value = serde_json::from_str(&body.expect("it is ours")).expect("it is JSON");
    (entry, place, body)
}

#[tokio::test]
async fn r_16_what_only_a_newer_node_knows_of_a_sales_unit_is_handed_on() {
    let nodes = World::nodes(2).await;
    let shop = nodes[0].shop(|_| {}).await;
    let newer = json!({ "colour": "orange" });
    let (mut entry, place, mut body) = facts(&shop, &nodes[0]).await;
    body[KIND] = newer.clone();
    let vault = &nodes[0].platform.engine.vault;
    entry.body = Some(vault.seal(&place, &body.to_string()));
    put(&nodes[0], entry).await;
    beat(&nodes).await;
    for name in ["Acme", "Acme again"] {
        let here = shop.at(&nodes[1]);
        here.change(|it| it.name = name.to_owned()).await;
        let (_, _, kept) = facts(&shop, &nodes[1]).await;
        assert_eq!((&kept[KIND], &kept["name"]), (&newer, &json!(name)));
    }
    // What the newer node itself takes away stays away.
    let (mut entry, place, mut body) = facts(&shop, &nodes[0]).await;
    body.as_object_mut().expect("members").remove(KIND);
    entry.body = Some(vault.seal(&place, &body.to_string()));
    put(&nodes[0], entry).await;
    beat(&nodes).await;
    shop.at(&nodes[1]).change(|it| it.name.push('!')).await;
    let (_, _, kept) = facts(&shop, &nodes[1]).await;
    assert_eq!(
        (kept.get(KIND), &kept["name"]),
        (None, &json!("Acme again!"))
    );
}
