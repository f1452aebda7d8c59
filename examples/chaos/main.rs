//! The race lab: breaks things around a running server, and looks from the outside, by plain HTTP, whether anybody
//! notices. `script/chaos` makes everything ready and starts it.
//!
//! Every scenario starts servers of its own, in a folder of its own, from the release binary. Who is cut off when, and
//! in which order answers arrive, follows from the seed; how threads and processes take turns does not, so a seed
//! repeats the plan of a failure, and mostly the failure.

mod browser;
mod fleet;
mod http;
mod instance;
mod lab;
mod nginx;
mod paths;
mod postgres;
mod proxy;
mod report;
mod scenarios;
mod skew;
mod tabs;
mod tally;
mod traffic;

use clap::Parser;
use lab::{Lab, StoreKind, Tools};
use postgres::{Postgres, Stop};
use report::{Report, Verdict};
use scenarios::Scenario;
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

/// Breaks things around the server, and looks whether anybody honest is logged out.
#[derive(Debug, Parser)]
struct Options {
    /// The server to run.
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// The folder with the built site.
    #[arg(long, value_name = "FOLDER", default_value = "target/site-release")]
    site_root: PathBuf,
    /// Small figures, for a run of about a minute.
    #[arg(long)]
    quick: bool,
    /// Repeats the plan of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this scenario; may be given several times.
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// Only on this store.
    #[arg(long)]
    store: Option<StoreKind>,
    /// The servers listen on this port and those after it.
    #[arg(long, value_name = "PORT", default_value_t = 3300)]
    first_port: u16,
    /// libfaketime, which gives a server a clock that can be moved.
    #[arg(long, value_name = "FILE")]
    libfaketime: Option<PathBuf>,
    /// nginx, to stand in front of several servers.
    #[arg(long, value_name = "FILE")]
    nginx: Option<PathBuf>,
    /// The folder with Postgres's commands.
    #[arg(long, value_name = "FOLDER", requires = "postgres_folder")]
    postgres_commands: Option<PathBuf>,
    /// A folder with an empty Postgres cluster in `data`, to do with as the lab likes.
    #[arg(long, value_name = "FOLDER")]
    postgres_folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::give_up(&error.to_string()),
    };
    let code = runtime.block_on(async {
        tokio::select! {
            code = run(Options::parse()) => code,
            // Leaving drops everything that was started: servers are killed, folders removed.
            () = interrupted() => report::give_up("interrupted"),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn run(options: Options) -> ExitCode {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let tools = Tools {
        binary: options.binary,
        site_root: options.site_root,
        first_port: options.first_port,
        libfaketime: options.libfaketime,
        nginx: options.nginx,
    };
    let postgres = match (options.postgres_commands, options.postgres_folder) {
        (Some(commands), Some(folder)) => Some(Arc::new(Postgres::new(&commands, &folder))),
        _ => None,
    };
    let mut report = Report::begin(seed, options.quick);
    for (scenario, store) in scenarios::chosen(&options.scenario, options.store) {
        report.starts(scenario.name(), store);
        if store == StoreKind::Postgres && postgres.is_none() {
            report.ends(Verdict::LeftOut("Postgres is not installed".to_owned()));
            continue;
        }
        let postgres = postgres.clone().filter(|_| store == StoreKind::Postgres);
        let lab = match Lab::set_up(&tools, postgres, scenario.name(), seed, options.quick).await {
            Ok(lab) => lab,
            Err(error) => return report::give_up(&error.to_string()),
        };
        let verdict = match scenario.run(&lab).await {
            Ok(outcome) => Verdict::of(outcome),
            Err(error) => Verdict::Failed(error.to_string()),
        };
        report.ends(verdict);
    }
    if let Some(postgres) = postgres
        && let Err(error) = postgres.stop(Stop::Immediate).await
    {
        return report::give_up(&error.to_string());
    }
    report.tell()
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
