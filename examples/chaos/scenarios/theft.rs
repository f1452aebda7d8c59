//! Somebody has copied a refresh token. Once its owner's browser has moved on, the copy is worth nothing; used later,
//! it ends the session, is told once, and shown to the owner.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::ACCOUNT,
    report::Outcome,
    tally::{Seen, Tally},
};
use std::time::Duration;
use tokio::time::sleep;

/// Marks of what was delivered are gathered and written behind; by then they are.
const MARKS_WRITTEN: Duration = Duration::from_millis(500);
/// Within these seconds of the owner's refresh the copy is taken for a tab of theirs.
const GRACE: i64 = 30;
/// From this many seconds on it is taken for what it is.
const LATE: i64 = 300;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    if lab.tools.libfaketime.is_none() {
        return Ok(Outcome::left_out("libfaketime is not installed"));
    }
    let owners = lab.size(50, 6);
    let fleet = Fleet::start(lab, Plan { movable_clocks: true, ..Plan::default() }).await?;
    let mut outcome = Outcome::default();
    let mut jars = fleet.sign_in(2 * owners).await?;
    let mut overtaken = jars.split_off(owners);
    let (copies, overtaken_copies) = (jars.clone(), overtaken.clone());
    for jar in &mut jars {
        move_on(&fleet.site, jar).await?;
    }
    sleep(MARKS_WRITTEN).await;

    // At once: the same successor as the owner's, and nothing moves on. Then nothing, and nothing is lost by trying.
    let in_grace = use_copies(&fleet.site, &copies).await;
    outcome.require(in_grace.served == 2 * owners, || format!("in the grace: {in_grace:?}"));
    for seconds in [GRACE + 2, LATE - 10] {
        set_clocks(&fleet, seconds)?;
        let refused = use_copies(&fleet.site, &copies).await;
        outcome.require(refused.later == 2 * owners && refused.deletions == 0, || format!("{seconds} s: {refused:?}"));
    }
    let mut bystanders = Tally::default();
    for (number, jar) in jars.iter().enumerate() {
        bystanders.note(&fleet.site.ask(way(&fleet.site, number), jar, Wish::Page(ACCOUNT)).await);
    }
    outcome.figure(owners, "copies refused from 30 s to 5 min on");
    outcome.require(bystanders.served == owners, || format!("owners meanwhile: {bystanders:?}"));
    outcome.never(fleet.alarms()?, "alarms by then");

    // From five minutes on the session ends, however often the copy is tried, for the thief and for the owner.
    set_clocks(&fleet, LATE + 5)?;
    let (mut after, mut owners_after) = (Tally::default(), Tally::default());
    for _ in 0..2 {
        after.merge(use_copies(&fleet.site, &copies).await);
    }
    let events = fleet.alarms()?;
    for (number, jar) in jars.iter().enumerate() {
        owners_after.note(&fleet.site.ask(way(&fleet.site, number), jar, Wish::Page(ACCOUNT)).await);
    }
    outcome.figure(owners, "sessions ended after 5 min");
    outcome.require(after.logged_out == 4 * owners, || format!("after 5 min: {after:?}"));
    outcome.require(owners_after.logged_out == owners, || format!("their owners: {owners_after:?}"));
    outcome.figure(events, "events");
    outcome.require(events == owners, || format!("{events} events for {owners} copies"));

    // Two refreshes behind, it needs no clock.
    for jar in &mut overtaken {
        move_on(&fleet.site, jar).await?;
        move_on(&fleet.site, jar).await?;
    }
    let two_behind = use_copies(&fleet.site, &overtaken_copies).await;
    let events = fleet.alarms()? - events;
    outcome.require(two_behind.logged_out == 2 * owners, || format!("two behind: {two_behind:?}"));
    outcome.figure(events, "more for copies two behind, at once");
    outcome.require(events == owners, || format!("{events} events for {owners} copies two behind"));
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// The owner's browser refreshes and uses what it got, so that the server knows it has arrived.
async fn move_on(site: &Site, jar: &mut Jar) -> Fallible<()> {
    jar.let_access_expire();
    for wish in [Wish::REFRESH, Wish::Page(ACCOUNT)] {
        let answer = site.ask_and_keep(Way::To(0), jar, wish).await?;
        if Seen::of(&answer) != Seen::Served {
            return Err(format!("the owner's browser is answered with {}", answer.status).into());
        }
    }
    Ok(())
}

/// The thief tries each copy for a page and for a call.
async fn use_copies(site: &Site, copies: &[Jar]) -> Tally {
    let mut tally = Tally::default();
    for (number, copy) in copies.iter().enumerate() {
        let mut copy = copy.clone();
        copy.let_access_expire();
        for wish in [Wish::Page(ACCOUNT), Wish::REFRESH] {
            tally.note(&site.ask(way(site, number), &copy, wish).await);
        }
    }
    tally
}

fn way(site: &Site, number: usize) -> Way {
    Way::To(number % site.servers())
}

fn set_clocks(fleet: &Fleet, seconds: i64) -> Fallible<()> {
    for skew in &fleet.skews {
        skew.set(seconds)?;
    }
    Ok(())
}
