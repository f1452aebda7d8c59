//! Everything at once: servers are killed and paused, the database crashes, answers are lost, late and out of order,
//! clocks wander by half a minute, and people with several tabs refresh, sign out and in again. Afterwards the history
//! has to be right: nobody was logged out, no token ever had two successors, and whoever signed out stayed out.

use crate::{
    browser::{Jar, Wish},
    fleet::{FIRST_ACCOUNT, Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::{ACCOUNT, api},
    postgres::Stop,
    proxy::Fault,
    report::Outcome,
    tabs::wake_up,
    tally::{Seen, Tally},
};
use fastrand::Rng;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// How far the clocks wander, in seconds.
const SKEW: i64 = 30;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let browsers = lab.size(64, 16);
    let lasts = Duration::from_secs(lab.size(600, 8) as u64);
    let mut chance = lab.chance("people and faults");
    let movable_clocks = lab.tools.libfaketime.is_some();
    let mut fleet = Fleet::start(lab, Plan { movable_clocks, ..Plan::default() }).await?;
    let done = Arc::new(AtomicBool::new(false));
    let mut people = JoinSet::new();
    for jar in fleet.sign_in(browsers).await? {
        let person = Person::new(fleet.site.clone(), jar, chance.fork());
        people.spawn(person.live(Arc::clone(&done)));
    }
    let faults = rage(lab, &mut fleet, lasts, &mut chance).await?;
    done.store(true, Ordering::Relaxed);

    let (mut outcome, mut tally) = (Outcome::default(), Tally::default());
    let (mut jars, mut left, mut forks, mut refreshes) = (Vec::new(), Vec::new(), 0, 0);
    while let Some(person) = people.join_next().await {
        let person = person?;
        tally.merge(person.tally);
        jars.push(person.jar);
        left.extend(person.left);
        forks += person.forks;
        refreshes += person.successors.len();
    }
    let mut returned = 0;
    for (number, jar) in left.iter().enumerate() {
        let way = Way::To(number % fleet.site.servers());
        returned += usize::from(Seen::of(&fleet.site.ask(way, jar, Wish::REFRESH).await?) != Seen::LoggedOut);
    }
    let told: Vec<String> = faults.iter().map(|(what, count)| format!("{count} {what}")).collect();
    outcome.figure(format_args!("{} s of faults:", lasts.as_secs()), &told.join(", "));
    outcome.figure(browsers, "people");
    outcome.figure(refreshes, "refreshes");
    outcome.figure(fleet.site.answers_cut(), "answers dropped");
    outcome.figure(tally.unanswered, "requests without an answer");
    outcome.figure(tally.later, "told to come back");
    outcome.never(tally.logged_out + tally.deletions, "log-outs");
    outcome.require(tally.odd.is_empty(), || format!("odd answers: {:?}", tally.odd));
    outcome.never(forks, "tokens with two successors");
    outcome.figure(left.len(), "sign-outs");
    outcome.never(returned, "of them undone");
    let lost = fleet.site.logged_out(jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// Breaks one thing after the other; counts what it did. At the end everything works again.
async fn rage(
    lab: &Lab,
    fleet: &mut Fleet,
    lasts: Duration,
    chance: &mut Rng,
) -> Fallible<BTreeMap<&'static str, usize>> {
    let mut done = BTreeMap::new();
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        sleep(Duration::from_millis(chance.u64(100..1_500))).await;
        let victim = fleet.site.any(chance);
        let what = match (chance.u8(..10), &lab.postgres) {
            (0..=3, _) => {
                fleet.servers[victim].kill().await?;
                sleep(Duration::from_millis(chance.u64(..300))).await;
                fleet.servers[victim].start().await?;
                "kill -9"
            }
            (4..=5, _) => {
                fleet.servers[victim].signal("STOP").await?;
                sleep(Duration::from_millis(chance.u64(..lab.size(5_000, 1_500) as u64))).await;
                fleet.servers[victim].signal("CONT").await?;
                "pauses"
            }
            (6..=7, Some(postgres)) => {
                postgres.stop(Stop::Immediate).await?;
                sleep(Duration::from_millis(chance.u64(..1_000))).await;
                postgres.start().await?;
                "database crashes"
            }
            _ => {
                let Some(skew) = fleet.skews.get(victim) else { continue };
                skew.set(chance.i64(-SKEW..=SKEW))?;
                "clocks moved"
            }
        };
        *done.entry(what).or_default() += 1;
    }
    Ok(done)
}

/// Somebody with a browser, and what they lived through.
#[derive(Debug)]
struct Person {
    site: Site,
    jar: Jar,
    chance: Rng,
    tally: Tally,
    /// What each refresh token was replaced by.
    successors: HashMap<String, String>,
    /// How often a token was replaced by two different ones.
    forks: usize,
    /// The cookies of sessions this person has signed out of.
    left: Vec<Jar>,
}

impl Person {
    fn new(site: Site, jar: Jar, chance: Rng) -> Self {
        Self { site, jar, chance, tally: Tally::default(), successors: HashMap::new(), forks: 0, left: Vec::new() }
    }

    async fn live(mut self, done: Arc<AtomicBool>) -> Self {
        while !done.load(Ordering::Relaxed) && self.tally.is_harmless() {
            match self.chance.u8(..40) {
                0 => self.sign_out_and_in().await,
                1..=15 => {
                    let way = self.way();
                    let result = self.site.ask_and_keep(way, &mut self.jar, Wish::Page(ACCOUNT)).await;
                    self.tally.note(&result);
                }
                _ => self.wake_up().await,
            }
            sleep(Duration::from_millis(self.chance.u64(..60))).await;
        }
        self
    }

    async fn wake_up(&mut self) {
        self.jar.let_access_expire();
        let before = self.jar.refresh_token().to_owned();
        let ways: Vec<Way> = (0..self.chance.usize(1..=4)).map(|_| self.way()).collect();
        wake_up(&self.site, &mut self.jar, &ways, &mut self.chance, &mut self.tally).await;
        let after = self.jar.refresh_token().to_owned();
        if after != before {
            let known = self.successors.entry(before).or_insert_with(|| after.clone());
            self.forks += usize::from(*known != after);
        }
    }

    /// Tries until the server says that it is done.
    async fn sign_out_and_in(&mut self) {
        let left = self.jar.clone();
        loop {
            let to = Way::To(self.site.any(&mut self.chance));
            match self.site.ask_and_keep(to, &mut self.jar, Wish::Call(api::LOGOUT, &[])).await {
                Ok(answer) if answer.status == 200 => break,
                _ => sleep(Duration::from_millis(self.chance.u64(20..200))).await,
            }
        }
        self.left.push(left);
        while let Err(_again) =
            self.site.sign_in(Way::To(self.site.any(&mut self.chance)), &mut self.jar, FIRST_ACCOUNT).await
        {
            sleep(Duration::from_millis(self.chance.u64(20..200))).await;
        }
    }

    fn way(&mut self) -> Way {
        let server = self.site.any(&mut self.chance);
        match self.chance.u8(..10) {
            0..=1 => Way::Through(server, Fault::CutAnswer),
            2 => Way::Through(server, Fault::CutWithinAnswer(self.chance.usize(1..400))),
            3 => Way::Through(server, Fault::CutRequest),
            4 => Way::Through(server, Fault::HoldRequest(Duration::from_millis(self.chance.u64(..500)))),
            5 => Way::Through(server, Fault::HoldAnswer(Duration::from_millis(self.chance.u64(..500)))),
            _ => Way::To(server),
        }
    }
}
