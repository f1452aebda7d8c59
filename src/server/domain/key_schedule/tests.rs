use super::*;
use proptest::prelude::*;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn schedule() -> KeySchedule {
    KeySchedule::new(DAY * 90, HOUR)
}

fn key(number: u32, signs_from: Timestamp) -> KeyTimes {
    KeyTimes { number, signs_from }
}

fn signing(keys: &[KeyTimes], now: Timestamp) -> Vec<u32> {
    let windows = schedule().windows(keys);
    keys.iter().zip(windows).filter(|(_, window)| window.signs(now)).map(|(key, _)| key.number).collect()
}

fn trusted(keys: &[KeyTimes], now: Timestamp) -> Vec<u32> {
    let windows = schedule().windows(keys);
    keys.iter().zip(windows).filter(|(_, window)| window.is_trusted(now)).map(|(key, _)| key.number).collect()
}

#[test]
fn the_first_key_signs_at_once_even_for_a_clock_that_is_behind() {
    assert_eq!(schedule().due(&[], NOW), Some(key(1, NOW)));
    let keys = [key(1, NOW)];
    for now in [NOW.before(DAY), NOW.before(Duration::from_secs(30)), NOW, NOW + DAY * 10_000] {
        assert_eq!((signing(&keys, now), trusted(&keys, now)), (vec![1], vec![1]));
    }
}

#[test]
fn the_next_key_is_known_for_a_lead_before_it_signs() {
    let keys = [key(1, NOW)];
    let due_at = (NOW + DAY * 90).before(HOUR);
    assert_eq!(schedule().due(&keys, due_at.before(Duration::from_millis(1))), None);
    let made = schedule().due(&keys, due_at).expect("a key is due");
    assert_eq!(made, key(2, NOW + DAY * 90));
    let keys = [keys[0], made];
    assert_eq!(schedule().due(&keys, due_at + HOUR), None, "one is enough");
    let just_before = made.signs_from.before(Duration::from_millis(1));
    assert_eq!((signing(&keys, just_before), trusted(&keys, due_at)), (vec![1], vec![1, 2]));
    assert_eq!(signing(&keys, made.signs_from), [2]);
}

#[test]
fn an_old_key_is_trusted_until_its_last_token_has_expired_for_every_clock() {
    let keys = [key(1, NOW), key(2, NOW + DAY)];
    let last_moment = NOW + DAY + HOUR + CLOCK_LEEWAY;
    assert_eq!(trusted(&keys, last_moment.before(Duration::from_millis(1))), [1, 2]);
    assert_eq!(trusted(&keys, last_moment), [2]);
}

#[test]
fn a_server_that_was_off_for_years_makes_one_key_and_signs_with_the_old_one_meanwhile() {
    let keys = [key(7, NOW)];
    let now = NOW + DAY * 2000;
    let made = schedule().due(&keys, now).expect("a key is due");
    assert_eq!(made, key(8, now + HOUR));
    assert_eq!(signing(&[keys[0], made], now), [7]);
}

#[test]
fn a_key_made_by_a_clock_years_ahead_is_neither_used_nor_waited_for() {
    let stray = schedule().due(&[key(1, NOW)], NOW + DAY * 3650).expect("due by that clock");
    let mut keys = vec![key(1, NOW), stray];
    assert_eq!((signing(&keys, NOW + DAY), schedule().due(&keys, NOW + DAY)), (vec![1], None));
    let due_at = (NOW + DAY * 90).before(HOUR);
    keys.push(schedule().due(&keys, due_at).expect("as if the other were not there"));
    assert_eq!(keys[2], key(3, NOW + DAY * 90));
    assert_eq!(signing(&keys, NOW + DAY * 91), [3]);
    assert_eq!(trusted(&keys, NOW + DAY * 91), [3], "the stray one can go");
}

#[test]
fn short_rotations_have_short_leads() {
    let schedule = KeySchedule::new(Duration::from_mins(1), Duration::from_secs(5));
    assert_eq!(schedule.lead, Duration::from_secs(6));
    assert_eq!(KeySchedule::new(DAY * 90, HOUR).lead, MAX_LEAD);
}

proptest! {
    #[test]
    fn at_any_time_exactly_one_key_signs_and_it_is_trusted(
        starts in prop::collection::vec(0_i64..100_000, 1..6),
        now in -1000_i64..101_000,
    ) {
        let keys: Vec<KeyTimes> =
            (1..).zip(starts).map(|(number, start)| key(number, Timestamp::from_seconds(start))).collect();
        let now = Timestamp::from_seconds(now);
        let signing = signing(&keys, now);
        prop_assert_eq!(signing.len(), 1);
        prop_assert!(trusted(&keys, now).contains(&signing[0]));
    }

    #[test]
    fn what_a_key_signed_is_trusted_for_as_long_as_it_lives_by_a_clock_a_minute_off(
        starts in prop::collection::vec(0_i64..100_000, 1..6),
        signed_at in 0_i64..100_000,
        lived in 0_i64..3600,
        skew in -60_i64..=60,
    ) {
        let keys: Vec<KeyTimes> =
            (1..).zip(starts).map(|(number, start)| key(number, Timestamp::from_seconds(start))).collect();
        let signer = signing(&keys, Timestamp::from_seconds(signed_at))[0];
        prop_assert!(trusted(&keys, Timestamp::from_seconds(signed_at + lived + skew)).contains(&signer));
    }
}

/// A server: the skew of its clock, and the keys as it last loaded them.
struct Server {
    skew: i64,
    keys: Vec<KeyTimes>,
}

impl Server {
    fn now(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() + self.skew * 1000)
    }

    /// What `SigningKeys::maintain` does, on a store that holds each number once.
    fn maintain(&mut self, schedule: KeySchedule, store: &mut Vec<KeyTimes>, now: Timestamp) {
        let now = self.now(now);
        if let Some(due) = schedule.due(&self.keys, now)
            && store.iter().all(|key| key.number != due.number)
        {
            store.push(due);
        }
        let windows = schedule.windows(store);
        let mut windows = windows.iter();
        store.retain(|_| windows.next().is_some_and(|window| window.is_trusted(now)));
        self.keys.clone_from(store);
    }
}

#[test]
fn in_ten_years_no_valid_token_meets_a_server_that_does_not_know_its_key() {
    for (rotation, token_life) in [(DAY * 90, HOUR), (DAY * 7, DAY), (DAY, HOUR * 3), (HOUR * 20, DAY)] {
        let schedule = KeySchedule::new(rotation, token_life);
        let mut store = Vec::new();
        let mut servers = [-30, 30].map(|skew| Server { skew, keys: Vec::new() });
        let mut live: Vec<(u32, Timestamp)> = Vec::new();
        let mut checked = 0;
        for hour in 0..10 * 365 * 24 {
            let now = NOW + HOUR * hour;
            servers.swap(0, usize::from(hour % 3 == 0));
            for server in &mut servers {
                server.maintain(schedule, &mut store, now);
                let windows = schedule.windows(&server.keys);
                let at = server.now(now);
                let signer = server.keys.iter().zip(windows).find(|(_, window)| window.signs(at)).expect("a key");
                live.push((signer.0.number, at + token_life));
            }
            for server in &servers {
                let (at, windows) = (server.now(now), schedule.windows(&server.keys));
                for (number, _) in live.iter().filter(|(_, expires_at)| at < *expires_at) {
                    let known = server.keys.iter().zip(&windows).find(|(key, _)| key.number == *number);
                    assert!(known.is_some_and(|(_, window)| window.is_trusted(at)), "{rotation:?}, hour {hour}");
                    checked += 1;
                }
            }
            live.retain(|(_, expires_at)| now < *expires_at + CLOCK_LEEWAY);
            assert!(store.len() <= 4, "{store:?}");
        }
        let made = store.last().expect("a key").number;
        let expected = u32::try_from((DAY * 3650).as_secs() / rotation.as_secs()).expect("a number");
        assert!((expected - expected / 50..=expected + expected / 50 + 1).contains(&made), "{made} of {expected}");
        assert!(checked > 100_000);
    }
}
