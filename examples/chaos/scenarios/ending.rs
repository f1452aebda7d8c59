//! Somebody signs out at one server. The others learn of it: an access token that proves itself is refused by all of
//! them within a second, although none of them asks the store about it.

use crate::{
    browser::{Jar, Wish},
    fleet::{Fleet, Plan, Site, Way},
    lab::{Fallible, Lab},
    paths::api,
    report::Outcome,
    tally::percentile,
};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const AT_ONCE: usize = 4;
const LIMIT: Duration = Duration::from_secs(1);

/// A call that needs somebody signed in, and is then refused for its empty field before the store is asked: a good
/// access token gets `422`, none `401`.
const PROBE: Wish<'_> = Wish::Call(api::CHANGE_DISPLAY_NAME, &[("display_name", "")]);

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let tries = lab.size(500, 25);
    let fleet = Fleet::start(lab, Plan::default()).await?;
    let jars = fleet.sign_in(tries).await?;
    let ended = stream::iter(jars).map(|jar| end_one(&fleet.site, jar)).buffer_unordered(AT_ONCE);
    let took: Vec<Duration> = ended.try_concat().await?;
    let mut outcome = Outcome::default();
    let ms = |percent| percentile(took.clone(), percent).as_millis();
    outcome.figure(tries, "sessions ended at server 1");
    outcome.figure("refused by 2 and 3 after", &format!("{} ms, p99 {} ms, at most {} ms", ms(50), ms(99), ms(100)));
    outcome.require(percentile(took.clone(), 99) < lab.limit(LIMIT), || "not within a second".to_owned());
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}

/// Signs out at the first server; how long each of the others goes on serving.
async fn end_one(site: &Site, jar: Jar) -> Fallible<Vec<Duration>> {
    let others = 1..site.servers();
    for server in others.clone() {
        let answer = site.ask(Way::To(server), &jar, PROBE).await?;
        if answer.status != 422 {
            return Err(format!("a good access token is answered with {}", answer.status).into());
        }
    }
    let answer = site.ask(Way::To(0), &jar, Wish::Call(api::LOGOUT, &[])).await?;
    if answer.status != 200 {
        return Err(format!("signing out is answered with {}", answer.status).into());
    }
    let ended = Instant::now();
    try_join_all(others.map(|server| refused_by(site, server, &jar, ended))).await
}

async fn refused_by(site: &Site, server: usize, jar: &Jar, ended: Instant) -> Fallible<Duration> {
    let asking = async {
        while site.ask(Way::To(server), jar, PROBE).await?.status != 401 {
            sleep(Duration::from_millis(2)).await;
        }
        Fallible::Ok(ended.elapsed())
    };
    timeout(10 * LIMIT, asking).await.map_err(|_| "a server never learns that the session has ended")?
}
