//! The servers' clocks disagree. Half a minute either way nobody notices; more costs a refresh, never a session; and a
//! clock that jumps does no harm.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::{ACCOUNT, HOME},
    report::Outcome,
    tally::{Seen, Tally},
};
use fastrand::Rng;

const BROWSERS: usize = 10;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    if lab.tools.libfaketime.is_none() {
        return Ok(Outcome::left_out("libfaketime is not installed"));
    }
    let steps = lab.size(2_000, 200);
    let mut chance = lab.chance("steps");
    let fleet = Fleet::start(lab, Plan { movable_clocks: true, ..Plan::default() }).await?;
    let mut jars = fleet.sign_in(BROWSERS).await?;
    let mut outcome = Outcome::default();
    for (what, offsets) in [
        ("±30 s apart", [-30, 30, 0]),
        ("±90 s apart", [-90, 90, 0]),
        ("one 5 min back", [-300, 0, 0]),
        ("one 2 h ahead", [0, 7_200, 0]),
        ("all right again", [0, 0, 0]),
    ] {
        for (skew, seconds) in fleet.skews.iter().zip(offsets) {
            skew.set(seconds)?;
        }
        let tally = use_all(&fleet.site, &mut jars, steps, &mut chance).await;
        outcome.figure(tally.served, &format!("of {steps} steps served {what}"));
        let errors = steps - tally.served;
        outcome.require(errors == 0, || format!("{what}: {tally:?}"));
        outcome.require(tally.is_harmless(), || format!("{what}: {tally:?}"));
    }
    let lost = fleet.site.logged_out(jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// People take one step after the other, each at any of the servers.
async fn use_all(site: &Site, jars: &mut [Jar], steps: usize, chance: &mut Rng) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..steps {
        let jar = &mut jars[chance.usize(..BROWSERS)];
        if chance.u8(..4) == 0 {
            jar.let_access_expire();
        }
        let wish = [Wish::Page(ACCOUNT), Wish::Page(HOME), Wish::REFRESH][chance.usize(..3)];
        let seen = tally.note(&site.ask_and_keep(Way::To(site.any(chance)), jar, wish).await);
        if matches!(seen, Some(Seen::LoggedOut)) {
            break;
        }
    }
    tally
}
