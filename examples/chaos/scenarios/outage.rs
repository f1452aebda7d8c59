//! Postgres goes away for a while under steady use, and comes back. Nobody is logged out or loses a cookie; pages that
//! need nothing of it are served all the while; everything else is told to come back, and soon finds it working.

use crate::{
    fleet::{Fleet, Plan},
    lab::{Fallible, Lab},
    postgres::Stop,
    report::Outcome,
    tally::{Seen, Tally},
    traffic::{Step, Taken, Target, while_used},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PER_SECOND: u32 = 100;
/// So many people that there is always one who is not waiting for an answer.
const BROWSERS: usize = 240;
const RECOVERY_LIMIT: Duration = Duration::from_secs(2);
/// The server waits two seconds for a connection before it says so.
const REFUSAL_LIMIT: Duration = Duration::from_millis(2_500);

pub async fn run(lab: &Lab) -> Fallible<Outcome> {
    let Some(postgres) = &lab.postgres else { return Ok(Outcome::left_out("Postgres is not installed")) };
    let away = Duration::from_secs(lab.size(10, 3) as u64);
    let fleet = Fleet::start(lab, Plan::default()).await?;
    let jars = fleet.sign_in(lab.size(BROWSERS, BROWSERS / 2)).await?;
    let breaking = async {
        sleep(Duration::from_secs(1)).await;
        let gone = Instant::now();
        postgres.stop(Stop::Fast).await?;
        sleep(away.saturating_sub(gone.elapsed())).await;
        postgres.start().await?;
        let back = Instant::now();
        sleep(RECOVERY_LIMIT + Duration::from_secs(2)).await;
        Fallible::Ok((gone, back))
    };
    let (broken, traffic) =
        while_used(&fleet.site, Target::Servers, jars, PER_SECOND, lab.chance("traffic"), breaking).await;
    let (gone, back) = broken?;

    let (mut all, mut home, mut refused) = (Tally::default(), Tally::default(), Tally::default());
    let (mut without_retry_after, mut last_refusal) = (0, gone);
    for Taken { step, began, result } in &traffic.taken {
        let seen = all.note(result);
        if *step == Step::OpenHome {
            home.note(result);
        }
        if seen == Some(Seen::Later) {
            refused.note(result);
            last_refusal = last_refusal.max(*began);
            without_retry_after +=
                usize::from(result.as_ref().is_ok_and(|answer| answer.header("retry-after").is_empty()));
        }
    }
    let recovered = last_refusal.saturating_duration_since(back);
    let mut outcome = Outcome::default();
    outcome.figure(format_args!("{:.1} s", (back - gone).as_secs_f64()), "without Postgres");
    outcome.figure(traffic.taken.len(), &format!("requests at {PER_SECOND}/s"));
    outcome.never(all.logged_out, "log-outs");
    outcome.never(all.deletions, "cookies taken away");
    outcome.figure(home.served, "pages without data served");
    outcome.never(home.errors(), "of them not");
    outcome.figure(refused.later, "told to come back");
    outcome.require(refused.later > 0, || "nobody noticed the outage: was there one?".to_owned());
    outcome.require(without_retry_after == 0, || format!("{without_retry_after} of them without Retry-After"));
    outcome.figure(format_args!("p99 {} ms", refused.p99().as_millis()), "to be told so");
    outcome.require(refused.p99() <= lab.limit(REFUSAL_LIMIT), || "people wait too long to be told".to_owned());
    outcome
        .require(all.unanswered == 0 && all.odd.is_empty(), || format!("{} unanswered, {:?}", all.unanswered, all.odd));
    outcome.figure("recovered after", &format!("{} ms", recovered.as_millis()));
    outcome.require(recovered <= lab.limit(RECOVERY_LIMIT), || "not recovered in time".to_owned());
    let lost = fleet.site.logged_out(traffic.jars, &mut Tally::default()).await;
    outcome.never(lost, "sessions lost");
    outcome.never(fleet.alarms()?, "alarms");
    fleet.require_no_faults(&mut outcome)?;
    Ok(outcome)
}
