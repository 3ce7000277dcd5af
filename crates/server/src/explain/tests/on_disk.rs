//! Explanations outlive the process.

use sandkasse_inspect::OnDisk;

use super::*;

fn written(world: &World, folder: &tempfile::TempDir) -> Inspector {
    let config = InspectorConfig {
        explain: true,
        journal_bytes: 1 << 24,
        portal: PORTAL.to_owned(),
        on_disk: Some(OnDisk {
            file: folder.path().join("calls.db"),
            most_bytes: 1 << 30,
            secret: "of this installation".to_owned(),
        }),
        shared_secret: None,
    };
    Inspector::new(world.platform.clone(), config)
}

/// Every refusal that the catalogue can provoke is explained by the next process as by the first,
/// to each reader.
#[tokio::test(start_paused = true)]
async fn every_explanation_is_the_same_after_a_restart() {
    let mut explained = 0;
    for cause in causes() {
        let played = Stage::default().play(cause).await;
        let folder = tempfile::tempdir().unwrap();
        let (environment, request) = (played.ask.environment(), played.ask.request());
        let first = written(&played.world, &folder);
        let (answer, _) = first.answer(environment, request).await;
        let Some(url) = answer.headers.get(EXPLAIN) else {
            // A fault that happens once has happened when it was played.
            continue;
        };
        let (_, address) = url.to_str().unwrap().split_once("/explain/").unwrap();
        let owner = first.at(address).unwrap().client.clone();
        let readers = [
            Some(Reader::Administrator),
            Some(Reader::Holder),
            owner.map(|owner| Reader::Keys(owner.id().to_owned())),
        ];
        let read = async |inspector: &Inspector| {
            let mut all = Vec::new();
            for reader in readers.iter().flatten() {
                let explanation = inspector.explain(address, reader).await;
                all.push(serde_json::to_value(explanation).unwrap());
            }
            all
        };
        let before = read(&first).await;
        drop(first);
        let second = written(&played.world, &folder);
        assert_eq!(read(&second).await, before, "{}", cause.id);
        assert!(second.at(address).unwrap().number > 0);
        explained += 1;
    }
    assert!(explained >= 80, "{explained}");
}
