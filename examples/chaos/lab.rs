//! What every scenario gets: the tools, a folder, a size, and chance that can be repeated.

use super::postgres::Postgres;
use clap::ValueEnum;
use fastrand::Rng;
use std::{error::Error, fmt, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;

/// What goes wrong in the lab itself; a broken promise of the server is an outcome, not an error.
pub type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the lab was given to work with.
#[derive(Clone, Debug)]
pub struct Tools {
    pub binary: PathBuf,
    pub site_root: PathBuf,
    pub first_port: u16,
    pub libfaketime: Option<PathBuf>,
    pub nginx: Option<PathBuf>,
}

/// Where the servers of a scenario keep what they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    Sqlite,
    Postgres,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// The surroundings of one run of a scenario.
#[derive(Debug)]
pub struct Lab {
    pub tools: Tools,
    /// The Postgres that its servers share; without one they are one, on SQLite.
    pub postgres: Option<Arc<Postgres>>,
    /// The address of the database, if it is not the file of the default.
    pub database_url: Option<String>,
    /// Removed with everything in it when the lab goes.
    pub folder: TempDir,
    seed: u64,
    quick: bool,
}

impl Lab {
    /// Makes the surroundings, a running and empty database among them.
    pub async fn set_up(
        tools: &Tools,
        postgres: Option<Arc<Postgres>>,
        scenario: &str,
        seed: u64,
        quick: bool,
    ) -> Fallible<Self> {
        let folder = tempfile::Builder::new().prefix("tokenlife-chaos-").tempdir()?;
        // Each scenario has chance of its own, so that it goes the same way when it runs alone.
        let seed = seed ^ digest(scenario) ^ u64::from(postgres.is_some());
        let database_url = match &postgres {
            Some(postgres) => Some(postgres.start_with(scenario).await?),
            None => None,
        };
        Ok(Self { tools: tools.clone(), postgres, database_url, folder, seed, quick })
    }

    /// How much of something: the figure of the long run, or that of the short one.
    pub const fn size(&self, long: usize, short: usize) -> usize {
        if self.quick { short } else { long }
    }

    /// How long something may take. The short run goes beside other work on machines of all kinds, so there it is ten
    /// times as long: it looks for what breaks, and leaves it to the long run to say how fast things are.
    pub const fn limit(&self, long: Duration) -> Duration {
        if self.quick { long.saturating_mul(10) } else { long }
    }

    /// Chance for one purpose.
    pub fn chance(&self, purpose: &str) -> Rng {
        Rng::with_seed(self.seed ^ digest(purpose))
    }
}

/// FNV-1a: the standard library's hasher is not promised to stay the same.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
