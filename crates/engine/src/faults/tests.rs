use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

const CAPTURE: Target = Target::Payment(Operation::Capture);

fn msn(text: &str) -> Msn {
    Msn::try_new(text).unwrap()
}

fn rule(fault: Fault, when: When) -> Rule {
    Rule {
        environment: Environment::Test,
        msn: None,
        target: None,
        fault,
        when,
    }
}

fn chance(probability: f64, seed: u64) -> When {
    let probability = Probability::try_new(probability).unwrap();
    When::Chance { probability, seed }
}

fn strike(faults: &Faults) -> Option<Fault> {
    faults.strike(Environment::Test, Some(&msn("123456")), CAPTURE, None)
}

#[test]
fn a_seed_strikes_the_same_calls_whatever_else_is_there() {
    let pattern = |seed, others: usize| -> Vec<bool> {
        let faults = Faults::default();
        for _ in 0..others {
            let elsewhere = Rule {
                msn: Some(msn("999999")),
                ..rule(Fault::OrderLocked, chance(0.5, 1))
            };
            faults.add(elsewhere, NOW).unwrap();
        }
        faults
            .add(rule(Fault::InternalError, chance(0.3, seed)), NOW)
            .unwrap();
        (0..1000).map(|_| strike(&faults).is_some()).collect()
    };
    assert_eq!(pattern(7, 0), pattern(7, 3));
    assert_ne!(pattern(7, 0), pattern(8, 0));
    let struck = pattern(7, 0).into_iter().filter(|struck| *struck).count();
    assert!((250..350).contains(&struck), "{struck} of 1000");
    // The very calls: another build or version strikes no others.
    let first: String = pattern(1, 0)
        .iter()
        .take(20)
        .map(|it| if *it { 'x' } else { '.' })
        .collect();
    assert_eq!(first, "........x......x....");
}

#[test]
fn never_and_always_are_probabilities() {
    for (probability, expected) in [(0.0, None), (1.0, Some(Fault::InternalError))] {
        let faults = Faults::default();
        let when = chance(probability, 3);
        faults.add(rule(Fault::InternalError, when), NOW).unwrap();
        for _ in 0..200 {
            assert_eq!(strike(&faults), expected);
        }
    }
    for none in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Probability::try_new(none), None);
    }
}

#[test]
fn a_count_strikes_so_often_and_leaves_the_rule_behind_it() {
    let faults = Faults::default();
    let next = When::Next(NonZeroU32::new(2).unwrap());
    faults.add(rule(Fault::OrderLocked, next), NOW).unwrap();
    let armed = faults
        .add(rule(Fault::InternalError, When::Always), NOW)
        .unwrap();
    let struck: Vec<_> = (0..4).map(|_| strike(&faults).unwrap().name()).collect();
    let expected = [
        "order-locked",
        "order-locked",
        "internal-error",
        "internal-error",
    ];
    assert_eq!(struck, expected);
    let [left] = faults.list().try_into().unwrap();
    assert_eq!((left.id, left.struck), (armed.id, 2));
    assert!(faults.remove(armed.id) && !faults.remove(armed.id));
    assert_eq!(strike(&faults), None);
}

#[test]
fn rules_are_bounded_and_ids_are_not_used_again() {
    let faults = Faults::default();
    let mut last = 0;
    for _ in 0..MAX_RULES {
        last = faults.add(rule(Fault::Drop, When::Always), NOW).unwrap().id;
    }
    let more = rule(Fault::Drop, When::Always);
    assert_eq!(faults.add(more.clone(), NOW), Err(RuleRefused::TooMany));
    faults.clear();
    assert_eq!(faults.list(), []);
    assert_eq!(faults.add(more, NOW).unwrap().id, last + 1);
}

#[test]
fn every_rule_belongs_to_one_moment() {
    for name in Fault::NAMES {
        let fault = Fault::of(name, None, None).unwrap();
        for unit in [None, Some(msn("123456"))] {
            let faults = Faults::default();
            let about = Rule {
                msn: unit.clone(),
                ..rule(fault, When::Always)
            };
            faults.add(about, NOW).unwrap();
            let unseen = faults.outage(Environment::Test, None);
            let blind =
                unit.is_none() && ["outage-502", "outage-503", "slow", "drop"].contains(&name);
            assert_eq!(unseen, blind.then_some(fault), "{name}");
            let late = Target::ALL.into_iter().any(|target| {
                let unit = msn("123456");
                faults.strike(Environment::Test, Some(&unit), target, None) == Some(fault)
            });
            assert_eq!(late, !blind, "{name}");
            let elsewhere = Target::ALL.into_iter().find_map(|target| {
                let unit = msn("123456");
                faults.strike(Environment::Production, Some(&unit), target, None)
            });
            assert_eq!(elsewhere, None, "{name}");
        }
    }
}

#[test]
fn a_header_goes_before_a_rule_and_uses_none_up() {
    let faults = Faults::default();
    let next = When::Next(NonZeroU32::new(1).unwrap());
    faults.add(rule(Fault::OrderLocked, next), NOW).unwrap();
    let strike = |environment, header| {
        let unit = msn("123456");
        faults.strike(environment, Some(&unit), CAPTURE, Some(header))
    };
    assert_eq!(strike(Environment::Test, "drop"), Some(Fault::Drop));
    assert_eq!(strike(Environment::Production, "sql-glitch"), None);
    assert_eq!(strike(Environment::Production, "refund-refused"), None);
    // What cannot be is as if it were not there.
    assert_eq!(
        strike(Environment::Test, "nonsense"),
        Some(Fault::OrderLocked)
    );
    assert_eq!(strike(Environment::Test, "nonsense"), None);
}
