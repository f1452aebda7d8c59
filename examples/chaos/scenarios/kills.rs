//! The server is killed at random moments while everybody refreshes, and started again. Everybody goes on from what
//! they last received, nothing in the database is damaged, and the server is back within a second.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::ACCOUNT,
    proxy::Fault,
    report::Outcome,
    tabs::wish,
    tally::{Seen, Tally, percentile},
};
use fastrand::Rng;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

const BROWSERS: usize = 50;
const READY_LIMIT: Duration = Duration::from_secs(1);

/// What the browsers and whoever kills the server tell each other.
#[derive(Debug, Default)]
struct Progress {
    refreshes: AtomicUsize,
    done: AtomicBool,
}

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let (kills, wanted) = (lab.size(500, 20), lab.size(10_000, 400));
    let mut chance = lab.chance("kills");
    let mut fleet = Fleet::start(lab, Plan::default()).await?;
    let progress = Arc::new(Progress::default());
    let mut browsers = JoinSet::new();
    for jar in fleet.sign_in(BROWSERS).await? {
        browsers.spawn(use_it(fleet.site.clone(), jar, Arc::clone(&progress), chance.fork()));
    }

    let mut ready_after = Vec::new();
    for _ in 0..kills {
        // So many refreshes from now, and some moment within one.
        let until = progress.refreshes.load(Ordering::Relaxed) + chance.usize(..=2 * wanted / kills);
        wait_for(&progress, until).await?;
        sleep(Duration::from_micros(chance.u64(..5_000))).await;
        let victim = fleet.site.any(&mut chance);
        fleet.servers[victim].kill().await?;
        ready_after.push(fleet.servers[victim].start().await?);
    }
    wait_for(&progress, wanted).await?;
    progress.done.store(true, Ordering::Relaxed);

    let (mut tally, mut jars) = (Tally::default(), Vec::new());
    while let Some(done) = browsers.join_next().await {
        let (jar, seen) = done?;
        tally.merge(seen);
        jars.push(jar);
    }
    let mut outcome = Outcome::default();
    let lost = fleet.site.logged_out(jars, &mut tally).await;
    outcome.figure(kills, "kill -9");
    outcome.figure(progress.refreshes.load(Ordering::Relaxed), "refreshes");
    outcome.figure(tally.unanswered, "requests cut off");
    outcome.never(lost, "sessions lost");
    outcome.never(tally.logged_out + tally.deletions, "log-outs on the way");
    outcome.never(tally.odd.values().sum(), "faults told");
    outcome.never(fleet.alarms()?, "alarms");
    let (usual, longest) = (percentile(ready_after.clone(), 50), percentile(ready_after, 100));
    let ready = format!("{}, at most {} ms", usual.as_millis(), longest.as_millis());
    outcome.figure("ready again after", &ready);
    outcome.require(longest < lab.limit(READY_LIMIT), || format!("ready only after {} ms", longest.as_millis()));
    for server in &mut fleet.servers {
        server.stop().await?;
    }
    if lab.postgres.is_none() {
        let integrity = integrity_of(&fleet.database).await?;
        outcome.figure("integrity_check", &integrity);
        outcome.require(integrity == "ok", || "the database is damaged".to_owned());
    }
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

async fn wait_for(progress: &Progress, refreshes: usize) -> Fallible<()> {
    let waiting = async {
        while progress.refreshes.load(Ordering::Relaxed) < refreshes {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_mins(1), waiting).await.map_err(|_| "nobody gets on any more".into())
}

async fn use_it(site: Site, mut jar: Jar, progress: Arc<Progress>, mut chance: Rng) -> (Jar, Tally) {
    let mut tally = Tally::default();
    while !progress.done.load(Ordering::Relaxed) && tally.is_harmless() {
        jar.let_access_expire();
        let before = jar.refresh_token().to_owned();
        let wish = wish(&mut chance);
        let server = site.any(&mut chance);
        // Some answers are under way for a while, so that the server is gone before they arrive.
        let way = match chance.u8(..4) {
            0 => Way::Through(server, Fault::HoldAnswer(Duration::from_millis(chance.u64(..20)))),
            _ => Way::To(server),
        };
        let result = site.ask_and_keep(way, &mut jar, wish).await;
        if tally.note(&result) != Some(Seen::Served) {
            sleep(Duration::from_millis(chance.u64(2..20))).await;
            continue;
        }
        if jar.refresh_token() != before {
            progress.refreshes.fetch_add(1, Ordering::Relaxed);
        }
        if chance.u8(..3) == 0 {
            tally.note(&site.ask_and_keep(Way::To(server), &mut jar, Wish::Page(ACCOUNT)).await);
        }
    }
    (jar, tally)
}

async fn integrity_of(database: &Path) -> Fallible<String> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database)).await?;
    let verdict = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(verdict)
}
