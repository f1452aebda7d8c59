//! The server has moved the session on, and the answer gets lost: once, or many times in a row, in one tab or in
//! several. The browser comes back with what it last received, and nobody takes it for a thief.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::ACCOUNT,
    proxy::Fault,
    report::Outcome,
    tabs::wake_up,
    tally::Tally,
};
use fastrand::Rng;
use std::time::Duration;
use tokio::task::JoinSet;

const BROWSERS: usize = 20;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let wanted = lab.size(1_000, 100);
    let mut chance = lab.chance("browsers");
    let fleet = Fleet::start(lab, Plan::default()).await?;
    let mut browsers = JoinSet::new();
    for jar in fleet.sign_in(BROWSERS).await? {
        browsers.spawn(use_it(fleet.site.clone(), jar, wanted, chance.fork()));
    }
    let (mut tally, mut jars, mut refreshes) = (Tally::default(), Vec::new(), 0);
    while let Some(done) = browsers.join_next().await {
        let (jar, seen, count) = done?;
        tally.merge(seen);
        jars.push(jar);
        refreshes += count;
    }
    let mut outcome = Outcome::default();
    let lost = fleet.site.logged_out(jars, &mut tally).await;
    outcome.figure(fleet.site.answers_cut(), "answers dropped after commit");
    outcome.figure(refreshes, "refreshes arrived");
    outcome.never(lost + tally.logged_out, "log-outs");
    outcome.never(tally.deletions, "cookies taken away");
    outcome.never(tally.later + tally.odd.values().sum::<usize>(), "other refusals");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// One person, until enough answers were dropped.
async fn use_it(site: Site, mut jar: Jar, wanted: usize, mut chance: Rng) -> (Jar, Tally, usize) {
    let (mut tally, mut refreshes) = (Tally::default(), 0);
    while site.answers_cut() < wanted {
        jar.let_access_expire();
        let before = jar.refresh_token().to_owned();
        while jar.refresh_token() == before && tally.is_harmless() {
            // One tab, or a few that wake up together; what arrives arrives in any order.
            let ways: Vec<Way> = (0..chance.usize(1..=3)).map(|_| way(&site, &mut chance)).collect();
            wake_up(&site, &mut jar, &ways, &mut chance, &mut tally).await;
        }
        if !tally.is_harmless() {
            break;
        }
        refreshes += 1;
        // Often somebody uses the page at once, so that the server learns that the answer arrived; often not.
        if chance.bool() {
            let result = site.ask_and_keep(Way::To(site.any(&mut chance)), &mut jar, Wish::Page(ACCOUNT)).await;
            tally.note(&result);
        }
    }
    (jar, tally, refreshes)
}

fn way(site: &Site, chance: &mut Rng) -> Way {
    let fault = match chance.u8(..10) {
        0..=4 => Fault::CutAnswer,
        5 => Fault::CutWithinAnswer(chance.usize(1..400)),
        6 => Fault::CutRequest,
        7 => Fault::HoldRequest(Duration::from_millis(chance.u64(..30))),
        _ => Fault::HoldAnswer(Duration::from_millis(chance.u64(..60))),
    };
    Way::Through(site.any(chance), fault)
}
