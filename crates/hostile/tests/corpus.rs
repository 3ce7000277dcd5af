//! What fuzzing found to be worth keeping, played as ordinary tests (RELIABILITY S-2).

use std::fs;
use std::path::Path;

use sandkasse_hostile::targets::TARGETS;

fn play(name: &str) {
    let (_, target) = TARGETS
        .into_iter()
        .find(|it| it.0 == name)
        .expect("it is a target");
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut played = 0;
    for entry in fs::read_dir(corpora.join(name)).expect("there is a corpus") {
        let input = entry.and_then(|entry| fs::read(entry.path()));
        target(&input.expect("it can be read"));
        played += 1;
    }
    assert!(played > 0, "the corpus of {name} is empty");
}

/// Each is a test of its own, so that they run side by side and a failure has a name.
macro_rules! corpora {
    ($($test:ident $name:literal)*) => {
        $(
            #[test]
            fn $test() {
                play($name);
            }
        )*

        #[test]
        fn s_2_every_target_is_played() {
            let mut names = vec![$($name),*];
            names.sort_unstable();
            assert_eq!(names, TARGETS.map(|it| it.0));
        }
    };
}

corpora! {
    s_2_bodies "body"
    s_2_forms "form"
    s_2_headers "headers"
    s_2_order_ids "order_id"
    s_2_phones "phone"
    s_2_sequences "sequence"
    s_2_tokens "token"
    s_2_urls "url"
}
