//! Rate limits on sign-ins, sign-ups, password ratings, and failed authentication of OAuth clients.
//!
//! Every limit is a bucket (GCRA): a burst of `count` attempts, replenished evenly over `period`.
//! A sign-in has to pass three of them:
//!
//! | bucket | key | size | limits |
//! | --- | --- | --- | --- |
//! | address | address class | `sign_in_per_address` | one machine that tries many accounts |
//! | account from there | account and address class | `sign_in_per_account` | one machine that tries one account |
//! | account | account | 10 × `sign_in_per_account` | many machines that try one account |
//!
//! So one attacker can exhaust only the bucket of an account and their own address, and the user can sign in from
//! elsewhere. Against many attackers the third bucket slows guessing down, and an address class with a recent sign-in
//! to the account is exempt from it: the user can sign in from their usual address. No user is ever locked out for
//! good.
//!
//! Remaining guesses: with `20/hour` per account, 20 attempts an hour for one attacker and 200 for all of them
//! together. NIST SP 800-63B-4 §3.2.2 allows at most 100 consecutive failures; a limit per minute is far beyond that.
//!
//! An address class is an IPv4 address or an IPv6 /64, what one subscriber has. Accounts are kept as a keyed hash
//! only. All state is in this process's memory: it does not outlive a restart, and several instances count separately.

use crate::server::{clock::Clock, random};
use aws_lc_rs::hmac;
use governor::{
    Quota, RateLimiter, clock as governor_clock, middleware::NoOpMiddleware, nanos::Nanos,
    state::keyed::DashMapStateStore,
};
use std::{
    collections::HashSet,
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// How much wider the bucket of an account is than that of an account and one address class.
const ACCOUNT_WIDE: u32 = 10;

/// Full buckets are discarded after every this many checks.
const CHECKS_BETWEEN_SWEEPS: u32 = 1024;

/// How many (account, address class) pairs are remembered as known; beyond that the set is cleared.
const MAX_KNOWN: usize = 65_536;

/// How many attempts in which time.
pub type Allowance = (NonZeroU32, Duration);

/// The allowances, as set in `[app.limits]`.
#[derive(Clone, Copy, Debug)]
pub struct Allowances {
    pub sign_in_per_address: Allowance,
    pub sign_in_per_account: Allowance,
    pub sign_up_per_address: Allowance,
    pub password_rating_per_address: Allowance,
    pub client_failure_per_address: Allowance,
}

/// Too many attempts; the next one is allowed after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds, rounded up, as in `Retry-After` and `AppError::RateLimited`.
    #[must_use]
    pub fn seconds(self) -> u32 {
        u32::try_from(self.0.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }
}

/// The buckets of this process.
pub struct RateLimits {
    sign_in_by_address: Bucket<AddressClass>,
    sign_in_by_account_and_address: Bucket<AccountKey>,
    sign_in_by_account: Bucket<AccountKey>,
    sign_up_by_address: Bucket<AddressClass>,
    password_rating_by_address: Bucket<AddressClass>,
    client_failure_by_address: Bucket<AddressClass>,
    known: Mutex<HashSet<AccountKey>>,
    hashing: hmac::Key,
}

impl RateLimits {
    #[must_use]
    pub fn new(allowances: &Allowances, clock: &Arc<dyn Clock>) -> Self {
        let (count, period) = allowances.sign_in_per_account;
        let account_wide = (count.saturating_mul(NonZeroU32::MIN.saturating_add(ACCOUNT_WIDE - 1)), period);
        Self {
            sign_in_by_address: Bucket::new(allowances.sign_in_per_address, clock),
            sign_in_by_account_and_address: Bucket::new(allowances.sign_in_per_account, clock),
            sign_in_by_account: Bucket::new(account_wide, clock),
            sign_up_by_address: Bucket::new(allowances.sign_up_per_address, clock),
            password_rating_by_address: Bucket::new(allowances.password_rating_per_address, clock),
            client_failure_by_address: Bucket::new(allowances.client_failure_per_address, clock),
            known: Mutex::default(),
            hashing: hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()),
        }
    }

    /// Counts an attempt to sign in to `account` (its canonical name, so that spellings do not multiply the allowance).
    ///
    /// # Errors
    ///
    /// If one of the three buckets is empty.
    pub fn check_sign_in(&self, address: IpAddr, account: &str) -> Result<(), RetryAfter> {
        let class = AddressClass::of(address);
        self.sign_in_by_address.check(&class)?;
        let from_there = self.key(account, Some(class));
        self.sign_in_by_account_and_address.check(&from_there)?;
        if self.known().contains(&from_there) {
            return Ok(());
        }
        self.sign_in_by_account.check(&self.key(account, None))
    }

    /// Records a successful sign-in to `account`, so that attempts from other addresses do not throttle this one.
    pub fn remember_sign_in(&self, address: IpAddr, account: &str) {
        let from_there = self.key(account, Some(AddressClass::of(address)));
        let mut known = self.known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(from_there);
    }

    /// Counts an attempt to sign up.
    ///
    /// # Errors
    ///
    /// If the bucket of this address class is empty.
    pub fn check_sign_up(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.sign_up_by_address.check(&AddressClass::of(address))
    }

    /// Counts a password to be rated.
    ///
    /// # Errors
    ///
    /// If the bucket of this address class is empty.
    pub fn check_password_rating(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.password_rating_by_address.check(&AddressClass::of(address))
    }

    /// Counts a failed client authentication at the token service. Successful ones are never counted.
    ///
    /// # Errors
    ///
    /// If the bucket of this address class is empty.
    pub fn check_client_failure(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.client_failure_by_address.check(&AddressClass::of(address))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<AccountKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, account: &str, from: Option<AddressClass>) -> AccountKey {
        let mut context = hmac::Context::with_key(&self.hashing);
        // A fixed length in front keeps the two parts apart.
        match from {
            Some(class) => context.update(&class.0.octets()),
            None => context.update(&[0xff; 16]),
        }
        context.update(account.as_bytes());
        let tag = context.sign();
        let mut key = [0; 16];
        key.copy_from_slice(&tag.as_ref()[..16]);
        AccountKey(key)
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits").finish_non_exhaustive()
    }
}

/// The addresses that count as one: an IPv6 /64, or one IPv4 address (mapped into IPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressClass(Ipv6Addr);

impl AddressClass {
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped()),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        }
    }
}

/// A keyed hash of an account, or of an account and an address class.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AccountKey([u8; 16]);

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, LimiterClock, NoOpMiddleware<Nanos>>;

/// One kind of bucket for many keys.
struct Bucket<K: std::hash::Hash + Eq + Clone> {
    limiter: Limiter<K>,
    checks: AtomicU32,
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new((count, period): Allowance, clock: &Arc<dyn Clock>) -> Self {
        let one_per = (period / count.get()).max(Duration::from_nanos(1));
        // `with_period` is `None` for zero only; the fallback is never taken.
        let quota =
            Quota::with_period(one_per).map_or_else(|| Quota::per_second(count), |quota| quota.allow_burst(count));
        let clock = LimiterClock::new(Arc::clone(clock));
        Self { limiter: RateLimiter::dashmap_with_clock(quota, clock), checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &K) -> Result<(), RetryAfter> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_BETWEEN_SWEEPS == CHECKS_BETWEEN_SWEEPS - 1 {
            // A full bucket is no different from one that was never used.
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let now = || governor_clock::Clock::now(self.limiter.clock());
        self.limiter.check_key(key).map_err(|refused| RetryAfter(refused.wait_time_from(now())))
    }
}

/// The application's clock for `governor`: the time elapsed since its first reading.
///
/// The system clock can be set back, and a bucket emptied at a later reading would then stay empty until that time is
/// reached again. So backward steps count as zero.
#[derive(Clone, Debug)]
struct LimiterClock(Arc<LimiterClockState>);

#[derive(Debug)]
struct LimiterClockState {
    clock: Arc<dyn Clock>,
    /// The last reading, in Unix milliseconds, and the time elapsed until then.
    last: Mutex<(i64, Duration)>,
}

impl LimiterClock {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Mutex::new((clock.now().as_millis(), Duration::ZERO));
        Self(Arc::new(LimiterClockState { clock, last }))
    }
}

impl governor_clock::Clock for LimiterClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now().as_millis();
        let step = Duration::from_millis(now.saturating_sub(last.0).max(0).unsigned_abs());
        *last = (now, last.1.saturating_add(step));
        Nanos::new(u64::try_from(last.1.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
