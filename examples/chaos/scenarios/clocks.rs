//! The servers' clocks disagree. Half a minute either way nobody notices; more costs a refresh, never a session; and a
//! clock that jumps does no harm.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::{ACCOUNT, HOME},
    proxy::Fault,
    report::Outcome,
    tabs::wake_up,
    tally::Tally,
};
use fastrand::Rng;
use std::time::Duration;

const BROWSERS: usize = 10;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    if lab.tools.libfaketime.is_none() {
        return Ok(Outcome::left_out("libfaketime is not installed"));
    }
    let steps = lab.size(1_000, 100);
    let mut chance = lab.chance("steps");
    let fleet = Fleet::start(lab, Plan { movable_clocks: true, ..Plan::default() }).await?;
    let mut jars = fleet.sign_in(BROWSERS).await?;
    let mut outcome = Outcome::default();
    for (what, offsets) in [
        ("±30 s", [-30, 30, 0]),
        ("±90 s", [-90, 90, 0]),
        ("one 5 min back", [-300, 0, 0]),
        ("one 2 h ahead", [0, 7_200, 0]),
        ("all right again", [0, 0, 0]),
    ] {
        for (skew, seconds) in fleet.skews.iter().zip(offsets) {
            skew.set(seconds)?;
        }
        let tally = use_all(&fleet.site, &mut jars, steps, &mut chance).await;
        outcome.figure(format_args!("{what}: {} errors", tally.errors()), &format!("in {} requests", tally.total()));
        outcome.require(tally.errors() == 0, || format!("{what}: {tally:?}"));
    }
    let lost = fleet.site.logged_out(jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// People take one step after the other, each at any of the servers: a page, or several tabs that wake up, of which
/// some ask later than others.
async fn use_all(site: &Site, jars: &mut [Jar], steps: usize, chance: &mut Rng) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..steps {
        let jar = &mut jars[chance.usize(..BROWSERS)];
        if chance.bool() {
            let wish = Wish::Page(if chance.bool() { ACCOUNT } else { HOME });
            tally.note(&site.ask_and_keep(Way::To(site.any(chance)), jar, wish).await);
        } else {
            jar.let_access_expire();
            let ways: Vec<Way> = (0..3).map(|_| late(site, chance)).collect();
            wake_up(site, jar, &ways, chance, &mut tally).await;
        }
        if !tally.is_harmless() {
            break;
        }
    }
    tally
}

fn late(site: &Site, chance: &mut Rng) -> Way {
    let server = site.any(chance);
    match chance.u64(..4) {
        0 => Way::To(server),
        tens => Way::Through(server, Fault::HoldRequest(Duration::from_millis(10 * tens))),
    }
}
