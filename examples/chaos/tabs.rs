//! Several tabs of one browser that wake up at once.

use super::{
    browser::{Jar, Wish},
    fleet::{Site, Way},
    paths::ACCOUNT,
    tally::{Seen, Tally},
};
use fastrand::Rng;
use futures::future::join_all;

/// Each tab asks once, on its way; the answers arrive in any order. Tells how many were served.
pub async fn wake_up(site: &Site, jar: &mut Jar, ways: &[Way], chance: &mut Rng, tally: &mut Tally) -> usize {
    let tabs: Vec<_> = ways.iter().map(|way| (*way, wish(chance))).collect();
    let mut results = join_all(tabs.into_iter().map(|(way, wish)| site.ask(way, jar, wish))).await;
    chance.shuffle(&mut results);
    let mut served = 0;
    for result in results {
        served += usize::from(tally.note(&result) == Some(Seen::Served));
        if let Ok(answer) = result {
            jar.receive(&answer);
        }
    }
    served
}

/// The two ways to new tokens.
pub fn wish(chance: &mut Rng) -> Wish<'static> {
    if chance.bool() { Wish::REFRESH } else { Wish::Page(ACCOUNT) }
}
