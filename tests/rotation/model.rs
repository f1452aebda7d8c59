//! Every order of events in a small world, by model checking.

use crate::world::{Rule, Rules, Step, World};
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::Duration;
use tokenlife::server::domain::rotation::Verdict;

/// Two servers, whose clocks differ, one browser whose requests overlap, a network that loses and reorders.
const HONEST: Rules = Rules {
    session_ttl: Duration::from_hours(3),
    lag: Duration::from_secs(20),
    waits: &[Duration::from_secs(40), Duration::from_mins(61)],
    max_waits: 3,
    max_requests: 3,
    max_under_way: 3,
    max_copies: 0,
    max_thefts: 0,
    max_ends: 0,
    max_sign_ins: 0,
    max_restores: 0,
    without: None,
};

const RESTORED: Rules = Rules { lag: Duration::ZERO, max_restores: 1, ..HONEST };
const ENDED: Rules = Rules { lag: Duration::ZERO, max_ends: 1, ..HONEST };
const ROBBED: Rules =
    Rules { lag: Duration::ZERO, max_requests: 2, max_under_way: 2, max_copies: 1, max_thefts: 2, ..HONEST };

impl Model for Rules {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.steps(self));
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(self, step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("nothing is wrong", |rules: &Self, world| world.wrong(rules).is_none()),
            Property::sometimes("rotate", |_, world| got(world, |verdict| matches!(verdict, Verdict::Rotate { .. }))),
            Property::sometimes("replay", |_, world| got(world, |verdict| matches!(verdict, Verdict::Replay { .. }))),
            Property::sometimes("refuse", |_, world| got(world, |verdict| *verdict == Verdict::Refuse)),
            Property::sometimes("expired", |_, world| got(world, |verdict| *verdict == Verdict::Expired)),
        ];
        if self.max_restores > 0 {
            properties.push(Property::sometimes("roll forward", |_, world| {
                got(world, |verdict| matches!(verdict, Verdict::RollForward { .. }))
            }));
        }
        if self.max_ends > 0 {
            properties.push(Property::sometimes("ended", |_, world| got(world, |verdict| *verdict == Verdict::Ended)));
        }
        if self.max_thefts > 0 {
            properties.push(Property::sometimes("reuse", |_, world| got(world, |verdict| *verdict == Verdict::Reuse)));
            properties.push(Property::sometimes("theft noticed", |_, world: &World| world.theft_was_noticed()));
        }
        properties
    }
}

fn got(world: &World, which: impl Fn(&Verdict) -> bool) -> bool {
    world.verdicts().any(|verdict| which(&verdict))
}

/// Explores a world exhaustively: every property holds, each verdict is reached, and the world is not trivial. Prints
/// the number of states, and the number of steps to the farthest.
#[expect(clippy::print_stdout, reason = "`cargo test -- --nocapture` prints the figures")]
#[track_caller]
fn exhaust(rules: Rules, at_least: usize) {
    let checker = rules.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    for (property, path) in checker.discoveries() {
        assert_ne!(property, "nothing is wrong", "{:#?}\n{:?}", path.clone().into_actions(), path.last_state());
    }
    checker.assert_properties();
    println!("{states} states, up to {depth} steps away");
    assert!(states >= at_least, "only {states} states");
}

#[test]
fn no_order_of_events_signs_a_legitimate_user_out() {
    exhaust(HONEST, 100_000);
}

#[test]
fn a_restored_backup_signs_no_user_out() {
    exhaust(RESTORED, 20_000);
}

#[test]
fn what_has_ended_stays_ended() {
    exhaust(ENDED, 100_000);
}

#[test]
fn a_thief_gets_nothing_once_the_owner_has_rotated() {
    exhaust(ROBBED, 10_000);
}

/// More requests and more time.
#[test]
#[ignore = "takes minutes; run it after a change of the rules"]
fn deeper() {
    for (name, rules) in [("honest", HONEST), ("restored", RESTORED), ("ended", ENDED), ("robbed", ROBBED)] {
        println!("{name}");
        exhaust(Rules { max_requests: 4, max_waits: 4, ..rules }, 1_000_000);
    }
}

#[test]
fn without_any_one_of_its_rules_the_scheme_signs_legitimate_users_out() {
    const ONE_HOUR: &[Duration] = &[Duration::from_mins(61)];
    for rule in [Rule::FreshIsEnough, Rule::GraceFromLastHandOut, Rule::SameSuccessor] {
        let rules = Rules { without: Some(rule), waits: ONE_HOUR, max_requests: 4, lag: Duration::ZERO, ..HONEST };
        let checker = rules.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        checker.assert_any_discovery("nothing is wrong");
    }
}
