//! The database is lost, and a copy takes its place that knows nothing of the last refreshes. The tokens in people's
//! browsers are genuine and newer, so the copy catches up with them; nobody is logged out or taken for a thief.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Way},
    lab::{Fallible, Lab},
    report::Outcome,
    tabs::wish,
    tally::{Seen, Tally},
};
use std::{fs, io, path::Path};

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let (browsers, restores) = (lab.size(50, 8), lab.size(20, 2));
    let mut chance = lab.chance("refreshes");
    let mut fleet = Fleet::start(lab, Plan::default()).await?;
    let mut jars = fleet.sign_in(browsers).await?;
    let (mut tally, mut forgotten) = (Tally::default(), 0);
    let copy = lab.folder.path().join("copy.sqlite3");
    for _ in 0..restores {
        // Stopped in order, the server leaves everything in the one file.
        fleet.servers[0].stop().await?;
        fs::copy(&fleet.database, &copy)?;
        fleet.servers[0].start().await?;
        for jar in &mut jars {
            for _ in 0..chance.usize(..=5) {
                forgotten += usize::from(refresh(&fleet, jar, Wish::REFRESH, &mut tally).await);
            }
        }
        fleet.servers[0].kill().await?;
        for suffix in ["-wal", "-shm"] {
            remove(&fleet.database.with_extension(format!("sqlite3{suffix}")))?;
        }
        fs::copy(&copy, &fleet.database)?;
        fleet.servers[0].start().await?;
        for jar in &mut jars {
            let wish = wish(&mut chance);
            refresh(&fleet, jar, wish, &mut tally).await;
        }
    }
    let mut outcome = Outcome::default();
    outcome.figure(restores, "restores");
    outcome.figure(forgotten, "refreshes forgotten");
    let lost = fleet.site.logged_out(jars, &mut tally).await;
    outcome.never(lost, "sessions lost");
    outcome.require(tally.is_harmless() && tally.later == 0, || format!("on the way: {tally:?}"));
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

async fn refresh(fleet: &Fleet, jar: &mut Jar, wish: Wish<'_>, tally: &mut Tally) -> bool {
    jar.let_access_expire();
    let result = fleet.site.ask_and_keep(Way::To(0), jar, wish).await;
    tally.note(&result) == Some(Seen::Served)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
