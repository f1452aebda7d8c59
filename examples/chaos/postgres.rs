//! A Postgres of the lab's own, which can be stopped and started like everything else here.

use super::lab::Fallible;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
    time::{sleep, timeout},
};

const START_LIMIT: Duration = Duration::from_secs(20);

/// How the database is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// In order: connections are ended, everything is written.
    Fast,
    /// As if it crashed: the next start has to recover.
    Immediate,
}

/// A cluster and its server.
#[derive(Debug)]
pub struct Postgres {
    /// The folder of Postgres's commands.
    commands: PathBuf,
    /// The cluster is in `data` below it, and the socket is put there.
    folder: PathBuf,
    process: Mutex<Option<Child>>,
}

impl Postgres {
    pub fn new(commands: &Path, folder: &Path) -> Self {
        Self { commands: commands.to_owned(), folder: folder.to_owned(), process: Mutex::default() }
    }

    /// Starts it and waits until it takes connections, unless it runs.
    pub async fn start(&self) -> Fallible<()> {
        let mut process = self.process.lock().await;
        if process.is_some() {
            return Ok(());
        }
        // It refuses to run as root, so it runs as whoever owns the cluster.
        let owner = fs::metadata(self.folder.join("data"))?;
        let mut command = Command::new(self.commands.join("postgres"));
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        for setting in ["listen_addresses=", "max_connections=300", "shared_buffers=64MB", "logging_collector=off"] {
            command.arg("-c").arg(setting);
        }
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("log"))?;
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.uid(owner.uid()).gid(owner.gid());
        *process = Some(command.spawn()?);
        let waiting = async {
            while PgConnection::connect(&self.url("postgres")).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(START_LIMIT, waiting).await.map_err(|_| "Postgres does not start")?;
        Ok(())
    }

    /// Stops it. Its data stays.
    pub async fn stop(&self, how: Stop) -> Fallible<()> {
        let Some(mut child) = self.process.lock().await.take() else { return Ok(()) };
        signal(&child, how);
        child.wait().await?;
        Ok(())
    }

    /// Makes sure it runs, with an empty database of this name; the address tells how to reach that.
    pub async fn start_with(&self, name: &str) -> Fallible<String> {
        self.start().await?;
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.url(name))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }
}

impl Drop for Postgres {
    /// Killed, it would leave shared memory behind.
    fn drop(&mut self) {
        if let Some(child) = self.process.get_mut() {
            signal(child, Stop::Immediate);
        }
    }
}

fn signal(child: &Child, how: Stop) {
    let name = match how {
        Stop::Fast => "-INT",
        Stop::Immediate => "-QUIT",
    };
    if let Some(id) = child.id() {
        drop(std::process::Command::new("kill").arg(name).arg(id.to_string()).status());
    }
}
