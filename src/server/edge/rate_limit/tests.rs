use super::*;
use crate::server::clock::{ManualClock, Timestamp};

const MINUTE: Duration = Duration::from_mins(1);
const HOME: &str = "198.51.100.1";
const ATTACKER: &str = "203.0.113.9";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn per_minute(count: u32) -> Allowance {
    (NonZeroU32::new(count).unwrap(), MINUTE)
}

struct Setting {
    limits: RateLimits,
    clock: ManualClock,
}

impl Setting {
    fn new() -> Self {
        Self::at(ManualClock::at(Timestamp::from_seconds(1_800_000_000)))
    }

    fn at(clock: ManualClock) -> Self {
        let allowances = Allowances {
            sign_in_per_address: per_minute(1000),
            sign_in_per_account: per_minute(5),
            sign_up_per_address: per_minute(3),
            password_rating_per_address: per_minute(4),
            client_failure_per_address: per_minute(4),
        };
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        Self { limits: RateLimits::new(&allowances, &shared), clock }
    }

    fn sign_in(&self, from: &str, account: &str) -> Result<(), RetryAfter> {
        self.limits.check_sign_in(address(from), account)
    }

    /// How many of the attempts pass.
    fn passing(&self, from: &str, account: &str, attempts: u32) -> usize {
        (0..attempts).filter(|_| self.sign_in(from, account).is_ok()).count()
    }
}

#[test]
fn the_allowance_is_used_up_and_replenished_evenly() {
    let setting = Setting::new();
    assert_eq!(setting.passing(HOME, "alice@example.org", 20), 5);
    let wait = setting.sign_in(HOME, "alice@example.org").unwrap_err();
    assert_eq!(wait.seconds(), 12, "a fifth of a minute");
    setting.clock.advance(Duration::from_secs(12));
    assert_eq!(setting.passing(HOME, "alice@example.org", 20), 1);
    setting.clock.advance(MINUTE);
    assert_eq!(setting.passing(HOME, "alice@example.org", 20), 5);
}

#[test]
fn an_attacker_exhausts_only_the_bucket_of_their_address() {
    let setting = Setting::new();
    setting.passing(ATTACKER, "alice@example.org", 500);
    assert_eq!(setting.passing(HOME, "alice@example.org", 20), 5, "alice signs in from home");
    assert_eq!(
        setting.passing(ATTACKER, "bob@example.org", 20),
        5,
        "and so does every other user of the attacker's address"
    );
}

#[test]
fn many_attackers_are_slowed_down_together() {
    let setting = Setting::new();
    let passed: usize = (0..=255).map(|n| setting.passing(&format!("192.0.2.{n}"), "alice@example.org", 5)).sum();
    assert_eq!(passed, 50, "ten times the allowance of one");
    setting.clock.advance(MINUTE);
    assert!(setting.sign_in(HOME, "alice@example.org").is_ok(), "never for good");
}

#[test]
fn many_attackers_do_not_lock_the_user_out() {
    let setting = Setting::new();
    setting.limits.remember_sign_in(address(HOME), "alice@example.org");
    for n in 0..=255 {
        setting.passing(&format!("192.0.2.{n}"), "alice@example.org", 5);
    }
    assert_eq!(setting.passing(HOME, "alice@example.org", 20), 5, "known here, still limited");
    assert!(setting.sign_in(HOME, "bob@example.org").is_ok());
    assert!(setting.sign_in(ATTACKER, "alice@example.org").is_err());
}

#[test]
fn one_machine_cannot_try_every_account() {
    let setting = Setting::new();
    let passed = (0..2000).filter(|n| setting.sign_in(ATTACKER, &format!("{n}@example.org")).is_ok()).count();
    assert_eq!(passed, 1000);
    assert!(setting.sign_in(HOME, "7@example.org").is_ok());
}

#[test]
fn an_ipv6_subscriber_counts_once() {
    let setting = Setting::new();
    let passed = (1..100).filter(|n| setting.sign_in(&format!("2001:db8:0:1::{n:x}"), "alice").is_ok()).count();
    assert_eq!(passed, 5);
    assert!(setting.sign_in("2001:db8:0:2::1", "alice").is_ok(), "the next /64 is another subscriber");
    assert_eq!(AddressClass::of(address("::ffff:198.51.100.1")), AddressClass::of(address("198.51.100.1")));
    assert_ne!(AddressClass::of(address("198.51.100.1")), AddressClass::of(address("198.51.100.2")));
}

#[test]
fn signing_up_and_rating_have_limits_of_their_own() {
    let setting = Setting::new();
    let sign_ups = (0..10).filter(|_| setting.limits.check_sign_up(address(HOME)).is_ok()).count();
    let ratings = (0..10).filter(|_| setting.limits.check_password_rating(address(HOME)).is_ok()).count();
    assert_eq!((sign_ups, ratings), (3, 4));
    assert!(setting.sign_in(HOME, "alice").is_ok());
}

#[test]
fn setting_the_clock_back_prolongs_no_wait() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let setting = Setting::at(clock.clone());
    clock.advance(Duration::from_hours(2));
    setting.passing(HOME, "alice", 20);
    // Two hours back, as after a wrong hardware clock is corrected.
    let earlier: Arc<dyn Clock> = Arc::new(Shifted(clock.clone()));
    let limiter_clock = LimiterClock::new(Arc::new(clock));
    let before = governor_clock::Clock::now(&limiter_clock);
    let shifted = LimiterClock(Arc::new(LimiterClockState {
        clock: earlier,
        last: Mutex::new((Timestamp::from_seconds(1_800_007_200).as_millis(), Duration::from_nanos(before.as_u64()))),
    }));
    let after = governor_clock::Clock::now(&shifted);
    assert_eq!(after, before, "no time has passed");
    setting.clock.advance(MINUTE);
    let later = governor_clock::Clock::now(&shifted);
    assert_eq!(later.as_u64() - after.as_u64(), 60_000_000_000, "and then it goes on");
}

/// A clock two hours behind another.
#[derive(Debug)]
struct Shifted(ManualClock);

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        self.0.now().before(Duration::from_hours(2))
    }
}

#[test]
fn full_buckets_are_discarded() {
    let setting = Setting::new();
    let limits = &setting.limits;
    for n in 0..20_000u32 {
        let _ = limits.check_sign_up(IpAddr::from(n.to_be_bytes()));
        setting.clock.advance(Duration::from_millis(20));
    }
    // governor keeps a bucket until two attempts are replenished, here 40 s; those since the last sweep come on top.
    let kept = limits.sign_up_by_address.limiter.len();
    assert!(kept <= 2000 + 1024, "{kept}");
}

#[test]
fn what_is_known_is_bounded() {
    let setting = Setting::new();
    for n in 0..MAX_KNOWN + 10 {
        setting.limits.remember_sign_in(address(HOME), &n.to_string());
    }
    assert!(setting.limits.known().len() <= MAX_KNOWN);
}

#[test]
fn no_account_is_kept_in_clear() {
    let (one, other) = (Setting::new().limits, Setting::new().limits);
    assert_ne!(one.key("alice@example.org", None).0, other.key("alice@example.org", None).0, "keyed per process");
    assert_ne!(one.key("a", None).0, one.key("a", Some(AddressClass::of(address(HOME)))).0);
    assert_eq!(format!("{one:?}"), "RateLimits { .. }");
}

#[test]
fn a_wait_is_in_whole_seconds() {
    assert_eq!(RetryAfter(Duration::from_millis(1)).seconds(), 1);
    assert_eq!(RetryAfter(Duration::ZERO).seconds(), 1);
    assert_eq!(RetryAfter(Duration::from_millis(1001)).seconds(), 2);
}
