//! What browsers saw, counted.

use super::{
    http::{Answer, NoAnswer},
    paths::LOGIN,
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What an answer means to somebody who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Served,
    /// `503` or `429`: try again.
    Later,
    /// "You are not signed in": `401`, or sent to the sign-in page.
    LoggedOut,
    /// Anything else; never right here.
    Odd(u16),
}

impl Seen {
    pub fn of(answer: &Answer) -> Self {
        match answer.status {
            200 => Self::Served,
            429 | 503 => Self::Later,
            401 => Self::LoggedOut,
            303 if answer.header("location").starts_with(LOGIN) => Self::LoggedOut,
            other => Self::Odd(other),
        }
    }
}

/// Answers of one kind of traffic.
#[derive(Clone, Default)]
pub struct Tally {
    pub served: usize,
    pub later: usize,
    pub logged_out: usize,
    pub odd: BTreeMap<u16, usize>,
    /// Answers that took cookies away.
    pub deletions: usize,
    /// Requests without an answer.
    pub unanswered: usize,
    took: Vec<Duration>,
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { served, later, logged_out, odd, deletions, unanswered, took: _ } = self;
        write!(
            f,
            "{served} served, {later} told to come back, {logged_out} logged out, {deletions} cookies deleted, "
        )?;
        write!(f, "{unanswered} unanswered, others {odd:?}")
    }
}

impl Tally {
    /// Counts what became of a request.
    pub fn note(&mut self, result: &Result<Answer, NoAnswer>) -> Option<Seen> {
        let Ok(answer) = result else {
            self.unanswered += 1;
            return None;
        };
        self.took.push(answer.took);
        self.deletions += usize::from(answer.deletes());
        let seen = Seen::of(answer);
        match seen {
            Seen::Served => self.served += 1,
            Seen::Later => self.later += 1,
            Seen::LoggedOut => self.logged_out += 1,
            Seen::Odd(status) => *self.odd.entry(status).or_default() += 1,
        }
        Some(seen)
    }

    pub fn merge(&mut self, other: Self) {
        self.served += other.served;
        self.later += other.later;
        self.logged_out += other.logged_out;
        for (status, count) in other.odd {
            *self.odd.entry(status).or_default() += count;
        }
        self.deletions += other.deletions;
        self.unanswered += other.unanswered;
        self.took.extend(other.took);
    }

    /// How many requests there were.
    pub fn total(&self) -> usize {
        self.served + self.errors()
    }

    /// How many of them were not served.
    pub fn errors(&self) -> usize {
        self.later + self.logged_out + self.unanswered + self.odd.values().sum::<usize>()
    }

    /// Nobody was logged out, lost a cookie, or met a fault.
    pub fn is_harmless(&self) -> bool {
        self.logged_out == 0 && self.deletions == 0 && self.odd.is_empty()
    }

    /// So long 99 of 100 answers took at most.
    pub fn p99(&self) -> Duration {
        percentile(self.took.clone(), 99)
    }
}

/// So long `percent` of the durations are at most.
pub fn percentile(mut durations: Vec<Duration>, percent: usize) -> Duration {
    durations.sort_unstable();
    let rank = (durations.len() * percent).div_ceil(100);
    durations.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
