//! A hundred tabs wake up at once, all with the same expired access token: half load a page, half call the server.
//! The session moves on once, everybody gets the same successor, and whichever answers arrive, in whichever order, the
//! browser goes on.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    http::Answer,
    lab::{Fallible, Lab},
    paths::ACCOUNT,
    report::Outcome,
    tally::Tally,
};
use fastrand::Rng;
use futures::future::join_all;
use std::{collections::BTreeSet, time::Duration};

const TABS: usize = 100;

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let (rounds, orders_each) = (lab.size(200, 20), 5);
    let mut chance = lab.chance("rounds");
    let fleet = Fleet::start(lab, Plan::default()).await?;
    let mut jar = fleet.sign_in(1).await?.remove(0);
    let (mut outcome, mut tally) = (Outcome::default(), Tally::default());
    let (mut most, mut broken_jars) = (0, 0);
    // An answer of the round before, still under way.
    let mut straggler: Option<Answer> = None;
    for _ in 0..rounds {
        let before = jar.refresh_token().to_owned();
        jar.let_access_expire();
        let mut answers = all_at_once(&fleet.site, &jar, &mut chance, &mut tally).await;
        let successors: BTreeSet<&str> = answers.iter().filter_map(Answer::refresh_token).collect();
        outcome.require(!successors.contains(before.as_str()), || "the old token was handed out again".to_owned());
        most = most.max(successors.len());
        let mut arrived = jar.clone();
        for _ in 0..orders_each {
            chance.shuffle(&mut answers);
            let mut browser = jar.clone();
            // Some of the answers got lost.
            for answer in answers.iter().take(chance.usize(1..=TABS)) {
                browser.receive(answer);
            }
            arrived = browser.clone();
            if let Some(late) = straggler.as_ref().filter(|_| chance.bool()) {
                browser.receive(late);
            }
            broken_jars += usize::from(!goes_on(&fleet.site, browser, &arrived, &mut chance).await?);
        }
        straggler = answers.pop();
        jar = arrived;
    }
    outcome.figure(rounds, "rounds");
    outcome.figure(rounds * TABS, "refreshes");
    outcome.figure(most, "new generation a round at most");
    outcome.require(most == 1, || format!("{most} new generations in one round"));
    outcome.figure(rounds * orders_each, "orders of arrival");
    outcome.never(broken_jars, "jars that do not work");
    outcome.never(tally.logged_out, "log-outs");
    outcome.never(rounds * TABS - tally.served, "refusals");
    outcome.never(fleet.alarms()?, "alarms");
    outcome.figure(format_args!("p99 {} ms", tally.p99().as_millis()), "for one of a hundred");
    outcome.require(tally.p99() < lab.limit(Duration::from_secs(5)), || "too slow".to_owned());
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// Every tab asks at once, each one any of the servers.
async fn all_at_once(site: &Site, jar: &Jar, chance: &mut Rng, tally: &mut Tally) -> Vec<Answer> {
    let mut wishes = [[Wish::Page(ACCOUNT); TABS / 2], [Wish::REFRESH; TABS / 2]].concat();
    chance.shuffle(&mut wishes);
    let tabs: Vec<(usize, Wish<'_>)> = wishes.into_iter().map(|wish| (site.any(chance), wish)).collect();
    let results = join_all(tabs.into_iter().map(|(server, wish)| site.ask(Way::To(server), jar, wish))).await;
    for result in &results {
        tally.note(result);
    }
    results.into_iter().flatten().collect()
}

/// Whether a browser with these cookies sees its page now, and an hour later gets on from `newest` or before.
async fn goes_on(site: &Site, mut browser: Jar, newest: &Jar, chance: &mut Rng) -> Fallible<bool> {
    let now = site.ask(Way::To(site.any(chance)), &browser, Wish::Page(ACCOUNT)).await?;
    if browser.refresh_token() == newest.refresh_token() {
        return Ok(now.status == 200);
    }
    // The straggler has put the token before back into the jar. It is as good.
    browser.let_access_expire();
    let later = site.ask_and_keep(Way::To(site.any(chance)), &mut browser, Wish::Page(ACCOUNT)).await?;
    Ok(now.status == 200 && later.status == 200 && browser.refresh_token() == newest.refresh_token())
}
