//! The servers are restarted one after the other, behind nginx, while people use them: a new version is rolled out.
//! Nobody notices.

use crate::{
    fleet::{Fleet, Plan},
    lab::{Fallible, Lab},
    nginx::{Nginx, PASSED_OVER},
    report::Outcome,
    tally::Tally,
    traffic::{Target, while_used},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;

const PER_SECOND: u32 = 100;
const BROWSERS: usize = 60;
/// Between two restarts, as somebody who rolls out waits until one server is in use again before going on to the next.
const PAUSE: Duration = PASSED_OVER.saturating_add(Duration::from_millis(500));

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    if lab.tools.nginx.is_none() {
        return Ok(Outcome::left_out("nginx is not installed"));
    }
    let cycles = lab.size(5, 1);
    let settings = vec![
        ("TOKENLIFE__HTTP__TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        // As for every server with a proxy in front: its connections are let go one by one, none under a request.
        ("TOKENLIFE__HTTP__DRAIN_DELAY", "2s".to_owned()),
    ];
    let mut fleet = Fleet::start(lab, Plan { settings, ..Plan::default() }).await?;
    let addresses: Vec<_> = fleet.servers.iter().map(|server| server.address).collect();
    let _nginx = Nginx::start(lab, fleet.site.balancer(), &addresses).await?;
    let jars = fleet.sign_in(lab.size(BROWSERS, BROWSERS / 2)).await?;
    let site = fleet.site.clone();
    let restarting = async {
        sleep(PAUSE).await;
        for _ in 0..cycles {
            for server in &mut fleet.servers {
                server.stop().await?;
                server.start().await?;
                sleep(PAUSE).await;
            }
        }
        Fallible::Ok(())
    };
    let (restarted, traffic) =
        while_used(&site, Target::Balancer, jars, PER_SECOND, lab.chance("traffic"), restarting).await;
    restarted?;

    let (mut tally, mut statuses) = (Tally::default(), BTreeMap::<u16, usize>::new());
    for taken in &traffic.taken {
        tally.note(&taken.result);
        if let Ok(answer) = &taken.result {
            *statuses.entry(answer.status).or_default() += 1;
        }
    }
    let faults: usize = statuses.range(500..).map(|(_, count)| count).sum();
    let mut outcome = Outcome::default();
    outcome.figure(cycles, &format!("rolling restarts of {}", addresses.len()));
    outcome.figure(traffic.taken.len(), &format!("requests at {PER_SECOND}/s"));
    outcome.never(faults, "answers 5xx");
    outcome.never(tally.logged_out, "log-outs");
    outcome.never(tally.unanswered, "unanswered");
    outcome.figure("p99", &format!("{} ms", tally.p99().as_millis()));
    outcome.require(tally.served == traffic.taken.len(), || format!("answered: {statuses:?}"));
    let lost = site.logged_out(traffic.jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}
