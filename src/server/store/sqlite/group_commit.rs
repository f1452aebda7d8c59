//! Group commit: writes that come while the disk is busy share the next transaction, and its one commit.
//!
//! A commit waits for the disk, however little it holds, and SQLite has one writer. So a task takes whatever waits,
//! writes it in one transaction, and answers everybody when that is on disk. Nobody waits for company: a write that
//! comes alone is committed at once. Whoever asked may go away meanwhile; the write is done all the same.

use crate::server::store::StoreError;
use sqlx::{
    Connection, Execute, SqlStr, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteQueryResult},
};
use std::io;
use tokio::sync::{mpsc, oneshot};

/// How many writes wait at most; who comes then waits for room.
const MAX_WAITING: usize = 4096;
/// How many writes share a transaction at most, so that the first of them does not wait for too many others.
const MAX_BATCH: usize = 256;

type Outcome = Result<u64, StoreError>;

/// Where writes are handed in.
#[derive(Clone, Debug)]
pub(super) struct GroupCommit {
    desk: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Write(Write),
    /// Do what waits, and nothing any more.
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Write {
    sql: SqlStr,
    arguments: SqliteArguments,
    outcome: oneshot::Sender<Outcome>,
}

impl GroupCommit {
    /// Starts the task, which takes its connection from `pool` for each batch.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (desk, jobs) = mpsc::channel(MAX_WAITING);
        tokio::spawn(work(jobs, pool));
        Self { desk }
    }

    /// Carries out one statement, on its own or with others, and returns how many rows it changed once that is on
    /// disk.
    pub(super) async fn write(&self, mut statement: Query<'_, Sqlite, SqliteArguments>) -> Outcome {
        let arguments = statement.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let (outcome, answered) = oneshot::channel();
        let write = Write { sql: statement.sql(), arguments, outcome };
        let handed_in = self.desk.send(Job::Write(write)).await;
        handed_in.map_err(|_| sqlx::Error::PoolClosed)?;
        answered.await.unwrap_or(Err(sqlx::Error::PoolClosed.into()))
    }

    /// Waits until everything handed in is on disk; what comes later is refused.
    pub(super) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.desk.send(Job::Close(done)).await.is_ok() {
            // An error means that the task is gone, and with it everything to wait for.
            let _gone = is_done.await;
        }
    }
}

async fn work(mut jobs: mpsc::Receiver<Job>, pool: SqlitePool) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    let mut closing = Vec::new();
    while jobs.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let writes = sort(&mut jobs, &mut batch, &mut closing);
        if let Err(why) = commit(&pool, writes).await {
            // Whoever came meanwhile has waited for the database as well.
            while let Ok(job) = jobs.try_recv() {
                batch.push(job);
            }
            refuse(sort(&mut jobs, &mut batch, &mut closing), &why);
        }
    }
    for done in closing {
        // Nobody may be waiting any more.
        let _gone = done.send(());
    }
}

/// Takes out what is to be written; closes the desk if that is wished.
fn sort(jobs: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>, closing: &mut Vec<oneshot::Sender<()>>) -> Vec<Write> {
    let mut writes = Vec::with_capacity(batch.len());
    for job in batch.drain(..) {
        match job {
            Job::Write(write) => writes.push(write),
            Job::Close(done) => {
                jobs.close();
                closing.push(done);
            }
        }
    }
    writes
}

/// Why the database is not available. Everybody concerned has been told.
type Unavailable = String;

/// Carries out all writes and answers them. If one is refused, each is tried on its own, so that it harms no other.
async fn commit(pool: &SqlitePool, writes: Vec<Write>) -> Result<(), Unavailable> {
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Err(refuse(writes, &error.to_string())),
    };
    if writes.len() > 1 {
        match try_together(&mut connection, &writes).await {
            Ok(counts) => {
                writes.into_iter().zip(counts).for_each(|(write, count)| write.outcome(Ok(count)));
                return Ok(());
            }
            Err(Refusal::OfAll(error)) => return Err(refuse(writes, &error.to_string())),
            Err(Refusal::OfOne) => {}
        }
    }
    let mut rest = writes.into_iter();
    while let Some(write) = rest.next() {
        let done = write.execute(&mut connection).await;
        let outcome = done.map(|done| done.rows_affected()).map_err(StoreError::from);
        let why = match &outcome {
            Err(StoreError::Unavailable(error)) => Some(error.to_string()),
            _ => None,
        };
        write.outcome(outcome);
        if let Some(why) = why {
            return Err(refuse(rest.collect(), &why));
        }
    }
    Ok(())
}

/// Why nothing was written.
enum Refusal {
    /// No transaction could be had, or it could not be committed.
    OfAll(sqlx::Error),
    /// A statement was refused.
    OfOne,
}

/// Carries out all writes in one transaction; tells how many rows each has changed.
async fn try_together(connection: &mut SqliteConnection, writes: &[Write]) -> Result<Vec<u64>, Refusal> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(Refusal::OfAll)?;
    let mut counts = Vec::with_capacity(writes.len());
    for write in writes {
        let done = write.execute(&mut transaction).await.map_err(|_| Refusal::OfOne)?;
        counts.push(done.rows_affected());
    }
    transaction.commit().await.map_err(Refusal::OfAll)?;
    Ok(counts)
}

fn refuse(writes: Vec<Write>, why: &str) -> Unavailable {
    for write in writes {
        let error = sqlx::Error::Io(io::Error::other(why.to_owned()));
        write.outcome(Err(StoreError::Unavailable(error)));
    }
    why.to_owned()
}

impl Write {
    async fn execute(&self, connection: &mut SqliteConnection) -> Result<SqliteQueryResult, sqlx::Error> {
        sqlx::query_with(self.sql.clone(), self.arguments.clone()).execute(connection).await
    }

    fn outcome(self, outcome: Outcome) {
        // Whoever asked may have gone away.
        let _gone = self.outcome.send(outcome);
    }
}
