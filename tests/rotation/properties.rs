//! Ten thousand random histories of up to forty steps, for a legitimate user without and with a thief.

use crate::world::{Rules, Step, World};
use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};
use tokenlife::server::domain::rotation::Verdict;

const HISTORIES: u32 = 10_000;
const STEPS: usize = 40;

const HONEST: Rules = Rules {
    session_ttl: Duration::from_hours(24),
    lag: Duration::from_secs(30),
    waits: &[
        Duration::from_millis(1),
        Duration::from_secs(31),
        Duration::from_secs(50),
        Duration::from_mins(2),
        Duration::from_mins(61),
        Duration::from_hours(9),
    ],
    max_waits: u8::MAX,
    max_requests: u8::MAX,
    max_under_way: 5,
    max_copies: 0,
    max_thefts: 0,
    max_ends: 2,
    max_sign_ins: 2,
    max_restores: 2,
    without: None,
};

const ROBBED: Rules = Rules { max_copies: 4, max_thefts: u8::MAX, max_restores: 0, ..HONEST };

/// Runs the histories; returns how many of them met which verdict.
fn explore(rules: &Rules) -> BTreeMap<&'static str, u32> {
    let met = RefCell::new(BTreeMap::new());
    let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
    // Each number chooses one of the steps possible at that point, so that shrinking removes steps.
    let outcome = TestRunner::new(config).run(&vec(any::<u16>(), 0..=STEPS), |choices| {
        let mut world = World::new(rules);
        let mut history: Vec<Step> = Vec::new();
        let mut verdicts = BTreeMap::new();
        for choice in choices {
            let step = choose(&world.steps(rules), choice);
            history.push(step);
            world.take(rules, step);
            if let Some(wrong) = world.wrong(rules) {
                return Err(TestCaseError::fail(format!("{wrong}\n{history:#?}\n{world:#?}")));
            }
            verdicts.extend(world.verdicts().map(|verdict| (name(verdict), 1)));
            verdicts.extend(world.theft_was_noticed().then_some(("theft noticed", 1)));
        }
        for (verdict, count) in verdicts {
            *met.borrow_mut().entry(verdict).or_default() += count;
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    met.into_inner()
}

/// Rare events are rare here too: a step is chosen by its weight.
fn choose(steps: &[Step], choice: u16) -> Step {
    let weight = |step: &Step| match step {
        Step::Send { .. } => 4,
        Step::Arrive { .. } | Step::Decide { .. } => 12,
        Step::Land { .. } => 6,
        Step::Lose { .. } | Step::Steal { .. } | Step::Wait(_) | Step::Restore => 2,
        Step::End(_) | Step::SignIn | Step::BackUp | Step::Copy => 1,
    };
    let mut left = choice % steps.iter().map(weight).sum::<u16>();
    for step in steps {
        match left.checked_sub(weight(step)) {
            Some(rest) => left = rest,
            None => return *step,
        }
    }
    unreachable!("the choice is below the sum of the weights")
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Rotate { .. } => "rotate",
        Verdict::Replay { .. } => "replay",
        Verdict::RollForward { .. } => "roll forward",
        Verdict::Refuse => "refuse",
        Verdict::Reuse => "reuse",
        Verdict::Expired => "expired",
        Verdict::Ended => "ended",
    }
}

#[test]
fn whatever_happens_a_legitimate_user_stays_signed_in() {
    let met = explore(&HONEST);
    for verdict in ["rotate", "replay", "roll forward", "refuse", "expired", "ended"] {
        assert!(met.contains_key(verdict), "no history got to {verdict}: {met:?}");
    }
    assert_eq!(met.get("reuse"), None);
}

#[test]
fn whatever_a_thief_does_a_copy_is_worthless_once_its_owner_has_rotated() {
    let met = explore(&ROBBED);
    for verdict in ["rotate", "replay", "refuse", "reuse", "theft noticed"] {
        assert!(met.contains_key(verdict), "no history got to {verdict}: {met:?}");
    }
}
