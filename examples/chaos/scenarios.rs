//! What is tried. Each scenario is one promise, kept or broken.

mod backup;
mod clocks;
mod drops;
mod ending;
mod kills;
mod lock;
mod outage;
mod race;
mod rolling;
mod storm;
mod theft;

use super::{
    lab::{Fallible, Lab, StoreKind},
    report::Outcome,
};
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Many tabs refresh one token at once; their answers arrive in any order.
    Race,
    /// Answers are lost after the server has done its work.
    Drops,
    /// The server is killed again and again while everybody refreshes.
    Kills,
    /// A copied token is used after its owner has moved on.
    Theft,
    /// Another process holds the database's write lock.
    Lock,
    /// The database is replaced by a copy that is some refreshes old.
    Backup,
    /// Postgres goes away and comes back.
    Outage,
    /// A session ended at one server is refused by the others.
    Ending,
    /// The servers are restarted one after the other.
    Rolling,
    /// The servers' clocks disagree.
    Clocks,
    /// Everything at once.
    Storm,
}

use Scenario::{Backup, Clocks, Drops, Ending, Kills, Lock, Outage, Race, Rolling, Storm, Theft};
use StoreKind::{Postgres, Sqlite};

/// Everything there is, in the order of a whole run.
const ALL: &[(Scenario, StoreKind)] = &[
    (Race, Sqlite),
    (Drops, Sqlite),
    (Kills, Sqlite),
    (Theft, Sqlite),
    (Lock, Sqlite),
    (Backup, Sqlite),
    (Storm, Sqlite),
    (Race, Postgres),
    (Drops, Postgres),
    (Kills, Postgres),
    (Theft, Postgres),
    (Outage, Postgres),
    (Ending, Postgres),
    (Rolling, Postgres),
    (Clocks, Postgres),
    (Storm, Postgres),
];

/// What was asked for.
pub fn chosen(scenarios: &[Scenario], store: Option<StoreKind>) -> impl Iterator<Item = (Scenario, StoreKind)> {
    ALL.iter().copied().filter(move |(scenario, on)| {
        (scenarios.is_empty() || scenarios.contains(scenario)) && store.is_none_or(|store| store == *on)
    })
}

impl Scenario {
    pub const fn name(self) -> &'static str {
        match self {
            Race => "race",
            Drops => "drops",
            Kills => "kills",
            Theft => "theft",
            Lock => "lock",
            Backup => "backup",
            Outage => "outage",
            Ending => "ending",
            Rolling => "rolling",
            Clocks => "clocks",
            Storm => "storm",
        }
    }

    pub async fn run(self, lab: &Lab) -> Fallible<Outcome> {
        match self {
            Race => race::run(lab).await,
            Drops => drops::run(lab).await,
            Kills => kills::run(lab).await,
            Theft => theft::run(lab).await,
            Lock => lock::run(lab).await,
            Backup => backup::run(lab).await,
            Outage => outage::run(lab).await,
            Ending => ending::run(lab).await,
            Rolling => rolling::run(lab).await,
            Clocks => clocks::run(lab).await,
            Storm => storm::run(lab).await,
        }
    }
}
