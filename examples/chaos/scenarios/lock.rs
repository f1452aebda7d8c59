//! Another process holds the write lock of the SQLite file: a backup, or somebody with a shell. Short of the time the
//! server waits, nobody notices; longer, people are told to come back. Reading goes on all the while.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::ACCOUNT,
    report::Outcome,
    tally::Tally,
};
use futures::future::join_all;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};
use tokio::time::sleep;

const BROWSERS: usize = 10;
/// Reading a page of the account takes this long at most, whoever writes.
const READ_LIMIT: Duration = Duration::from_secs(1);

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let fleet = Fleet::start(lab, Plan::default()).await?;
    let mut jars = fleet.sign_in(BROWSERS).await?;
    let mut outcome = Outcome::default();
    // The server waits for five seconds.
    let (short, long) = (Duration::from_secs(lab.size(4, 2) as u64), Duration::from_secs(lab.size(10, 7) as u64));

    let (writing, reading) = while_locked(&fleet, &mut jars, short).await?;
    outcome.figure(writing.served, &format!("refreshes through {} s of lock", short.as_secs()));
    outcome.require(writing.served == BROWSERS, || format!("{} s of lock: {writing:?}", short.as_secs()));
    require_reads(lab, &mut outcome, &reading);

    let (writing, reading) = while_locked(&fleet, &mut jars, long).await?;
    outcome.figure(writing.later, &format!("told to come back in {} s of lock", long.as_secs()));
    let all_told = writing.later == BROWSERS;
    outcome.require(all_told, || format!("{} s of lock: {writing:?}", long.as_secs()));
    outcome.never(writing.logged_out + writing.deletions, "log-outs");
    require_reads(lab, &mut outcome, &reading);
    outcome.figure(format_args!("p99 {} ms", reading.p99().as_millis()), "for a page that only reads");

    let lost = fleet.site.logged_out(jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// Everybody refreshes while the lock is held, and others read.
async fn while_locked(fleet: &Fleet, jars: &mut [Jar], time: Duration) -> Fallible<(Tally, Tally)> {
    let readers = jars.to_vec();
    for jar in jars.iter_mut() {
        jar.let_access_expire();
    }
    let mut lock = hold_lock(&fleet.database).await?;
    let site = &fleet.site;
    let release = async {
        sleep(time).await;
        lock.execute("ROLLBACK").await.map(drop)
    };
    let (writing, reading, released) =
        futures::join!(ask_all(site, jars, Wish::REFRESH), read_on(site, readers, time), release);
    released?;
    lock.close().await?;
    Ok((writing, reading))
}

async fn ask_all(site: &Site, jars: &mut [Jar], wish: Wish<'_>) -> Tally {
    let mut tally = Tally::default();
    let results = join_all(jars.iter_mut().map(|jar| site.ask_and_keep(Way::To(0), jar, wish))).await;
    for result in &results {
        tally.note(result);
    }
    tally
}

async fn read_on(site: &Site, readers: Vec<Jar>, time: Duration) -> Tally {
    let mut tally = Tally::default();
    let reading = async {
        for jar in readers.iter().cycle() {
            tally.note(&site.ask(Way::To(0), jar, Wish::Page(ACCOUNT)).await);
            sleep(Duration::from_millis(20)).await;
        }
    };
    // Until the lock is gone.
    drop(tokio::time::timeout(time, reading).await);
    tally
}

fn require_reads(lab: &Lab, outcome: &mut Outcome, reading: &Tally) {
    let all_served = reading.is_harmless() && reading.later == 0 && reading.unanswered == 0;
    outcome.require(all_served && reading.p99() < lab.limit(READ_LIMIT), || format!("reading meanwhile: {reading:?}"));
}

async fn hold_lock(database: &Path) -> Fallible<SqliteConnection> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database)).await?;
    connection.execute("BEGIN IMMEDIATE").await?;
    Ok(connection)
}
