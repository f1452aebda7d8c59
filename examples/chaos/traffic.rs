//! People who use the site at a steady rate, whatever happens to it.

use super::{
    browser::{Jar, Wish},
    fleet::{Site, Way},
    http::{Answer, NoAnswer},
    paths::{ACCOUNT, HOME},
};
use fastrand::Rng;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A page that needs no data of theirs, with good access.
    OpenHome,
    /// A page that needs the store, with good access.
    OpenAccount,
    /// The same, when access has expired.
    ReopenAccount,
    /// A script that refreshes, when access has expired.
    Refresh,
}

impl Step {
    /// One of those for a browser whose access holds all the while, or of those for one whose access keeps expiring.
    fn any(keeps_expiring: bool, chance: &mut Rng) -> Self {
        match (keeps_expiring, chance.bool()) {
            (false, false) => Self::OpenHome,
            (false, true) => Self::OpenAccount,
            (true, false) => Self::ReopenAccount,
            (true, true) => Self::Refresh,
        }
    }

    fn wish(self) -> Wish<'static> {
        match self {
            Self::OpenHome => Wish::Page(HOME),
            Self::OpenAccount | Self::ReopenAccount => Wish::Page(ACCOUNT),
            Self::Refresh => Wish::REFRESH,
        }
    }
}

/// A step that was taken, and what came of it.
#[derive(Debug)]
pub struct Taken {
    pub step: Step,
    pub began: Instant,
    pub result: Result<Answer, NoAnswer>,
}

/// Where requests go.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// To any of the servers.
    Servers,
    /// To the load balancer in front of them.
    Balancer,
}

/// What traffic has come to.
#[derive(Debug)]
pub struct Traffic {
    pub taken: Vec<Taken>,
    pub jars: Vec<Jar>,
}

/// A browser, and whether its access keeps expiring.
#[derive(Debug)]
struct Visitor {
    jar: Jar,
    keeps_expiring: bool,
}

type Idle = Arc<Mutex<Vec<Visitor>>>;

/// Lets a browser take a step so many times a second, for as long as `meanwhile` lasts. A browser takes one step
/// after the other; the next step is that of another one.
pub async fn while_used<T>(
    site: &Site,
    target: Target,
    jars: Vec<Jar>,
    per_second: u32,
    mut chance: Rng,
    meanwhile: impl Future<Output = T>,
) -> (T, Traffic) {
    let visitors = jars.into_iter().enumerate().map(|(number, jar)| Visitor { jar, keeps_expiring: number % 2 == 0 });
    let idle: Idle = Arc::new(Mutex::new(visitors.collect()));
    let mut under_way = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut taken = Vec::new();
    let using = async {
        loop {
            ticks.tick().await;
            while let Some(done) = under_way.try_join_next() {
                taken.extend(done.ok());
            }
            let next = {
                let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
                let count = idle.len();
                (count > 0).then(|| idle.swap_remove(chance.usize(..count)))
            };
            if let Some(visitor) = next {
                let step = Step::any(visitor.keeps_expiring, &mut chance);
                let way = match target {
                    Target::Servers => Way::To(site.any(&mut chance)),
                    Target::Balancer => Way::Balanced,
                };
                under_way.spawn(take(site.clone(), way, visitor, step, Arc::clone(&idle)));
            }
        }
    };
    let result = tokio::select! {
        result = meanwhile => result,
        () = using => unreachable!("it goes on for ever"),
    };
    while let Some(done) = under_way.join_next().await {
        taken.extend(done.ok());
    }
    let visitors = std::mem::take(&mut *idle.lock().unwrap_or_else(PoisonError::into_inner));
    (result, Traffic { taken, jars: visitors.into_iter().map(|visitor| visitor.jar).collect() })
}

async fn take(site: Site, way: Way, mut visitor: Visitor, step: Step, idle: Idle) -> Taken {
    if visitor.keeps_expiring {
        visitor.jar.let_access_expire();
    }
    let began = Instant::now();
    let result = site.ask_and_keep(way, &mut visitor.jar, step.wish()).await;
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(visitor);
    Taken { step, began, result }
}
