//! A small world: two servers on one store, one browser with several tabs, a network that loses, delays and reorders,
//! and possibly a thief.
//!
//! An event in it is a [`Step`]; the explorer chooses among [`World::steps`]. Deciding, writing and issuing are the
//! server's own functions. [`World::wrong`] returns a violated invariant.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use tokenlife::{
    server::{
        clock::Timestamp,
        domain::{
            access_token::{AccessToken, CLOCK_LEEWAY, Claims},
            refresh_token::RefreshToken,
            rotation::{BURST, GRACE, LATE, Verdict, decide},
            session::{EndReason, Generation, Session, SessionId},
            user::UserId,
        },
    },
    sign_in_method::SignInMethod,
};
use uuid::Uuid;

pub const ACCESS_TTL: Duration = Duration::from_hours(1);
const BEGINNING: Timestamp = Timestamp::from_seconds(1_795_000_000);

/// What can happen in a world, and how often.
#[derive(Clone, Debug)]
pub struct Rules {
    pub session_ttl: Duration,
    /// How far the clock of the second server is behind.
    pub lag: Duration,
    /// The steps of time, and how many there are at most.
    pub waits: &'static [Duration],
    pub max_waits: u8,
    /// How many requests the browser sends at most, and how many of them are concurrent.
    pub max_requests: u8,
    pub max_under_way: usize,
    /// How many times a thief copies the jar, and how many attempts they have.
    pub max_copies: usize,
    pub max_thefts: u8,
    /// How many times each: the user signs out or is signed out, signs in again; the database is restored.
    pub max_ends: u8,
    pub max_sign_ins: u8,
    pub max_restores: u8,
    /// A rule of the scheme that is left out, to show that it is needed.
    pub without: Option<Rule>,
}

/// The rules that the scheme needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A request with a fresh access token gets no new tokens.
    FreshIsEnough,
    /// The grace period counts from the last issue of the successor without evidence of delivery.
    GraceFromLastHandOut,
    /// A request with the previous token gets the same successor.
    SameSuccessor,
}

impl Rules {
    /// How long an exchange is in transit at most; see the assumptions in `domain/rotation.rs`.
    fn patience(&self) -> Duration {
        LATE.saturating_sub(BURST + self.lag) / 2
    }

    fn time_at(&self, server: u8, now: Timestamp) -> Timestamp {
        if server == 0 { now } else { now.before(self.lag) }
    }
}

/// The cookies that a response puts into a jar: all or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tokens {
    pub access: AccessToken,
    pub refresh: RefreshToken,
}

impl Tokens {
    fn issue(session: &Session, now: Timestamp) -> Self {
        let claims = Claims::of(session, "", "", Uuid::nil(), now, ACCESS_TTL);
        let access = AccessToken {
            user_id: session.user_id,
            session_id: session.id,
            generation: session.generation,
            issued_at: Timestamp::from_seconds(claims.iat),
            expires_at: Timestamp::from_seconds(claims.exp),
        };
        Self { access, refresh: RefreshToken { session_id: session.id, generation: session.generation } }
    }

    fn access_holds(&self, now: Timestamp) -> bool {
        now < self.access.expires_at && self.access.issued_at <= now + CLOCK_LEEWAY
    }
}

/// A request of the owner's browser, and its state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// A script that requests a refresh; otherwise a page.
    by_script: bool,
    server: u8,
    sent_at: Timestamp,
    carried: Tokens,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Sent,
    /// The server has read the session and has not decided yet.
    Read(Box<Session>),
    Answered(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Answer {
    verdict: Verdict,
    tokens: Option<Tokens>,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A tab sends the jar's cookies.
    Send {
        server: u8,
        by_script: bool,
    },
    /// A request reaches its server, which reads the session; the evidence of delivery is recorded, or lost.
    Arrive {
        exchange: usize,
        noted: bool,
    },
    /// The server decides and writes.
    Decide {
        exchange: usize,
    },
    /// The response reaches the browser.
    Land {
        exchange: usize,
    },
    /// A request or response is lost, or the server crashes before or after it has written.
    Lose {
        exchange: usize,
    },
    Wait(Duration),
    /// The session ends; `SignedOut` in this browser, otherwise elsewhere.
    End(EndReason),
    SignIn,
    BackUp,
    Restore,
    /// A thief copies the jar.
    Copy,
    /// The thief presents a copy, or a token received for one, and uses the tokens received.
    Steal {
        copy: usize,
        server: u8,
        noted: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: Timestamp,
    rows: Vec<Session>,
    backup: Vec<Session>,
    jar: Option<Tokens>,
    network: Vec<Exchange>,
    copies: Vec<Tokens>,
    /// The newest generation that the owner's browser has presented, and when.
    shown: Option<(SessionId, Generation, Timestamp)>,
    events: usize,
    restored: bool,
    waits: u8,
    requests: u8,
    thefts: u8,
    ends: u8,
    restores: u8,
    fault: Option<&'static str>,
}

impl World {
    /// A user has just signed in.
    pub fn new(rules: &Rules) -> Self {
        let mut world = Self {
            now: BEGINNING,
            rows: Vec::new(),
            backup: Vec::new(),
            jar: None,
            network: Vec::new(),
            copies: Vec::new(),
            shown: None,
            events: 0,
            restored: false,
            waits: 0,
            requests: 0,
            thefts: 0,
            ends: 0,
            restores: 0,
            fault: None,
        };
        world.sign_in(rules);
        world.backup.clone_from(&world.rows);
        world
    }

    /// The possible next steps.
    pub fn steps(&self, rules: &Rules) -> Vec<Step> {
        let mut steps = Vec::new();
        for (exchange, Exchange { stage, carried, server, .. }) in self.network.iter().enumerate() {
            match stage {
                Stage::Sent => {
                    steps.push(Step::Arrive { exchange, noted: false });
                    if carried.access_holds(rules.time_at(*server, self.now)) {
                        steps.push(Step::Arrive { exchange, noted: true });
                    }
                }
                Stage::Read(_) => steps.push(Step::Decide { exchange }),
                Stage::Answered(_) => steps.push(Step::Land { exchange }),
            }
            steps.push(Step::Lose { exchange });
        }
        let servers = if rules.lag.is_zero() { 0..1 } else { 0..2 };
        if self.jar.is_some() && self.requests < rules.max_requests && self.network.len() < rules.max_under_way {
            let kinds = servers.clone().flat_map(|server| [false, true].map(|by_script| (server, by_script)));
            steps.extend(kinds.map(|(server, by_script)| Step::Send { server, by_script }));
        }
        if self.waits < rules.max_waits {
            steps.extend(rules.waits.iter().copied().map(Step::Wait));
        }
        if self.ends < rules.max_ends && self.jar.is_some() {
            steps.extend([EndReason::SignedOut, EndReason::AccountDisabled].map(Step::End));
        }
        if self.jar.is_none() && self.network.is_empty() && self.rows.len() <= usize::from(rules.max_sign_ins) {
            steps.push(Step::SignIn);
        }
        if self.restores < rules.max_restores {
            steps.push(Step::BackUp);
            // Sessions that began after the backup are lost with it.
            steps.extend((self.backup.len() == self.rows.len()).then_some(Step::Restore));
        }
        if self.jar.is_some() && self.copies.len() < rules.max_copies {
            steps.push(Step::Copy);
        }
        if self.thefts < rules.max_thefts {
            let kinds = servers.flat_map(|server| [false, true].map(|noted| (server, noted)));
            let tries = kinds.flat_map(|(server, noted)| {
                (0..self.copies.len()).map(move |copy| Step::Steal { copy, server, noted })
            });
            steps.extend(tries);
        }
        steps
    }

    /// Does one of [`Self::steps`].
    pub fn take(&mut self, rules: &Rules, step: Step) {
        let before = self.rows.clone();
        match step {
            Step::Send { server, by_script } => {
                self.requests += 1;
                let carried = self.jar.expect("a jar to send");
                self.network.push(Exchange { by_script, server, sent_at: self.now, carried, stage: Stage::Sent });
            }
            Step::Arrive { exchange, noted } => self.arrive(rules, exchange, noted),
            Step::Decide { exchange } => self.decide(rules, exchange),
            Step::Land { exchange } => self.land(exchange),
            Step::Lose { exchange } => drop(self.network.remove(exchange)),
            Step::Wait(duration) => self.wait(rules, duration),
            Step::End(reason) => {
                self.ends += 1;
                let session = self.jar.expect("a session to end").refresh.session_id;
                let now = self.now;
                self.row(session).end(now, reason);
                if reason == EndReason::SignedOut {
                    self.jar = None;
                }
            }
            Step::SignIn => self.sign_in(rules),
            Step::BackUp => self.backup.clone_from(&self.rows),
            Step::Restore => {
                // The servers are stopped for it, longer than any exchange is in transit.
                self.network.clear();
                self.restores += 1;
                self.restored = true;
                self.rows.clone_from(&self.backup);
            }
            Step::Copy => self.copies.extend(self.jar),
            Step::Steal { copy, server, noted } => self.steal(rules, copy, server, noted),
        }
        // The same requests in another order are the same state.
        self.network.sort_by_cached_key(|exchange| {
            let mut hasher = DefaultHasher::new();
            exchange.hash(&mut hasher);
            hasher.finish()
        });
        if step != Step::Restore {
            self.check_the_move(rules, &before);
        }
    }

    fn sign_in(&mut self, rules: &Rules) {
        let number = u128::try_from(self.rows.len()).expect("few sessions");
        let (id, user) = (SessionId::from_uuid(Uuid::from_u128(number)), UserId::from_uuid(Uuid::nil()));
        let session = Session::begin(id, user, "", SignInMethod::Password, self.now, rules.session_ttl);
        self.jar = Some(Tokens::issue(&session, self.now));
        self.rows.push(session);
    }

    fn wait(&mut self, rules: &Rules, duration: Duration) {
        self.waits += 1;
        self.now = self.now + duration;
        let now = self.now;
        self.network.retain(|exchange| now.since(exchange.sent_at) < rules.patience());
    }

    fn arrive(&mut self, rules: &Rules, at: usize, noted: bool) {
        let Exchange { by_script, server, carried, .. } = self.network[at];
        let now = rules.time_at(server, self.now);
        let holds = carried.access_holds(now);
        if noted && holds {
            let AccessToken { session_id, generation, .. } = carried.access;
            self.row(session_id).mark_delivered(generation);
            if self.shown.is_none_or(|(session, shown, _)| session != session_id || shown < generation) {
                self.shown = Some((session_id, generation, self.now));
            }
        }
        let fresh = carried.access.is_fresh(now) && rules.without != Some(Rule::FreshIsEnough);
        if holds && (!by_script || fresh) {
            // Served as it is; the response sets no cookies.
            self.network.remove(at);
        } else {
            let read = self.row(carried.refresh.session_id).clone();
            self.network[at].stage = Stage::Read(Box::new(read));
        }
    }

    fn decide(&mut self, rules: &Rules, at: usize) {
        let Exchange { server, carried, ref stage, .. } = self.network[at];
        let Stage::Read(read) = stage.clone() else { panic!("nothing was read") };
        let answer = self.redeem(rules, &read, carried.refresh, rules.time_at(server, self.now));
        // A request that lost the race reads again.
        self.network[at].stage = answer.map_or(Stage::Sent, Stage::Answered);
    }

    /// What `Sessions::refresh` does with what it has read.
    fn redeem(&mut self, rules: &Rules, read: &Session, presented: RefreshToken, now: Timestamp) -> Option<Answer> {
        let verdict = match decide(read, presented.generation, now) {
            Verdict::Replay { .. } if rules.without == Some(Rule::SameSuccessor) => Verdict::Reuse,
            verdict => verdict,
        };
        let mut next = read.after(verdict, now);
        if matches!(verdict, Verdict::Replay { .. }) && rules.without == Some(Rule::GraceFromLastHandOut) {
            next.rotated_at = read.rotated_at;
        }
        let tokens = match verdict {
            Verdict::Rotate { .. } | Verdict::RollForward { .. } | Verdict::Replay { .. } => {
                let row = self.row(read.id);
                if next != *read && !row.advance(read.generation, next.generation, next.rotated_at) {
                    return None;
                }
                Some(Tokens::issue(&next, now))
            }
            Verdict::Reuse => {
                if self.row(read.id).end(now, EndReason::Reuse) {
                    self.events += 1;
                }
                None
            }
            Verdict::Refuse | Verdict::Expired | Verdict::Ended => None,
        };
        if tokens.is_some_and(|tokens| tokens.refresh.generation != presented.generation.next()) {
            self.fault = Some("two requests with the same token got different successors");
        }
        Some(Answer { verdict, tokens })
    }

    fn land(&mut self, at: usize) {
        let Exchange { by_script, stage, .. } = self.network.remove(at);
        let Stage::Answered(Answer { verdict, tokens }) = stage else { panic!("no response") };
        if tokens.is_some() {
            self.jar = tokens;
        } else if verdict.is_final() && !by_script {
            self.jar = None;
        }
    }

    fn steal(&mut self, rules: &Rules, copy: usize, server: u8, noted: bool) {
        self.thefts += 1;
        let presented = self.copies[copy].refresh;
        let now = rules.time_at(server, self.now);
        let read = self.row(presented.session_id).clone();
        let answer = self.redeem(rules, &read, presented, now).expect("no concurrent step");
        if let Some(tokens) = answer.tokens {
            self.copies.push(tokens);
            if noted {
                self.row(presented.session_id).mark_delivered(tokens.refresh.generation);
            }
        }
        let Some((session, shown, at)) = self.shown else { return };
        if session != presented.session_id || shown <= presented.generation {
            return;
        }
        let since = now.since(at + rules.lag);
        if since > GRACE && answer.tokens.is_some() {
            self.fault = Some("a copy was served although the owner's browser had moved on");
        }
        if since > LATE && !answer.verdict.is_final() {
            self.fault = Some("a copy was used long after the owner's browser had moved on, and the session lives");
        }
    }

    fn row(&mut self, id: SessionId) -> &mut Session {
        self.rows.iter_mut().find(|row| row.id == id).expect("a session of this world")
    }

    /// What no step may do to the store.
    fn check_the_move(&mut self, rules: &Rules, before: &[Session]) {
        for (before, after) in before.iter().zip(&self.rows) {
            let moved = after.generation != before.generation;
            if before.ended.is_some() && (moved || after.ended != before.ended) {
                self.fault = Some("a session moved after its end");
            }
            if after.generation < before.generation || after.delivered < before.delivered {
                self.fault = Some("a session went back");
            }
            if (after.began_at, after.expires_at) != (before.began_at, before.began_at + rules.session_ttl) {
                self.fault = Some("a session's end was moved");
            }
            if moved && self.now >= after.expires_at + rules.lag {
                self.fault = Some("a session moved although its time was up");
            }
        }
    }

    /// The violated invariant of this world, if any.
    pub fn wrong(&self, rules: &Rules) -> Option<&'static str> {
        let robbed = !self.copies.is_empty();
        let found = [
            (self.fault.is_some(), self.fault.unwrap_or_default()),
            (!robbed && self.events > 0, "a legitimate user was treated as a thief"),
            (!robbed && self.quiet_jar_is_dead(rules), "no request is under way, and the jar's token is dead"),
            (!self.restored && self.a_token_is_ahead(), "a token is newer than the store"),
            (self.tokens().any(|tokens| self.outlives(&tokens)), "a token outlives its session"),
            (self.rows.iter().any(|row| self.lineages(row) > 1), "two tokens of one session can be rotated"),
            (self.ended_by_reuse() != self.events, "reuse was not reported exactly once"),
        ];
        found.into_iter().find_map(|(is_wrong, what)| is_wrong.then_some(what))
    }

    /// Whether the token in the jar is refused now and later, with no response in transit that could replace it.
    fn quiet_jar_is_dead(&self, rules: &Rules) -> bool {
        let (Some(jar), true) = (self.jar, self.network.is_empty()) else { return false };
        let Some(row) = self.rows.iter().find(|row| row.id == jar.refresh.session_id) else { return true };
        if row.ended.is_some() {
            return false;
        }
        let waits = [Duration::ZERO, GRACE * 2, LATE * 2, ACCESS_TTL * 2];
        let times = waits.into_iter().flat_map(|wait| [0, 1].map(|server| rules.time_at(server, self.now + wait)));
        times.filter(|now| *now < row.expires_at).any(|now| {
            let verdict = decide(row, jar.refresh.generation, now);
            !matches!(verdict, Verdict::Rotate { .. } | Verdict::Replay { .. } | Verdict::RollForward { .. })
        })
    }

    fn a_token_is_ahead(&self) -> bool {
        self.tokens().any(|Tokens { refresh, .. }| {
            self.rows.iter().any(|row| row.id == refresh.session_id && row.generation < refresh.generation)
        })
    }

    fn outlives(&self, tokens: &Tokens) -> bool {
        self.rows.iter().any(|row| {
            row.id == tokens.access.session_id
                && (tokens.access.expires_at > row.expires_at
                    || self.now + row.remaining(self.now) > row.expires_at.max(self.now))
        })
    }

    /// How many generations of a session would be rotated to a new one.
    fn lineages(&self, row: &Session) -> usize {
        let generations = (0..=row.generation.number() + 2).map(Generation::new);
        generations.filter(|presented| matches!(decide(row, *presented, self.now), Verdict::Rotate { .. })).count()
    }

    fn ended_by_reuse(&self) -> usize {
        self.rows.iter().filter(|row| row.ended.is_some_and(|ended| ended.reason == EndReason::Reuse)).count()
    }

    /// All tokens outside the store.
    fn tokens(&self) -> impl Iterator<Item = Tokens> {
        let under_way = self.network.iter().filter_map(|exchange| match &exchange.stage {
            Stage::Answered(answer) => answer.tokens,
            Stage::Sent | Stage::Read(_) => None,
        });
        self.jar.into_iter().chain(self.copies.iter().copied()).chain(under_way)
    }

    /// The responses in transit.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.network.iter().filter_map(|exchange| match &exchange.stage {
            Stage::Answered(answer) => Some(answer.verdict),
            Stage::Sent | Stage::Read(_) => None,
        })
    }

    /// Whether a stolen token has ended a session.
    pub fn theft_was_noticed(&self) -> bool {
        self.events > 0
    }
}
