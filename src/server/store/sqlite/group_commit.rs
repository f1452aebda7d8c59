//! Group commit: writes that arrive while the disk is busy share the next transaction and its commit.
//!
//! A commit waits for the disk, however small it is, and SQLite has one writer. So a task takes all pending writes,
//! carries them out in one transaction, and reports to all callers when that is on disk. Writes are not delayed to form
//! a batch: a single write is committed at once. A caller may be cancelled meanwhile; its write is carried out all the
//! same.

use crate::server::store::StoreError;
use sqlx::{
    Connection, Execute, SqlStr, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteQueryResult},
};
use std::io;
use tokio::sync::{mpsc, oneshot};

/// How many writes are queued at most; further callers wait for room.
const MAX_WAITING: usize = 4096;
/// How many writes share a transaction at most, so that the first one does not wait for too many others.
const MAX_BATCH: usize = 256;

type Outcome = Result<u64, StoreError>;

/// The queue of writes.
#[derive(Clone, Debug)]
pub(super) struct GroupCommit {
    queue: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Write(Write),
    /// Carry out pending writes, then accept no more.
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
        let (queue, jobs) = mpsc::channel(MAX_WAITING);
        tokio::spawn(work(jobs, pool));
        Self { queue }
    }

    /// Executes one statement, alone or with others; returns the number of changed rows once that is on disk.
    pub(super) async fn write(&self, mut statement: Query<'_, Sqlite, SqliteArguments>) -> Outcome {
        let arguments = statement.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let (outcome, completed) = oneshot::channel();
        let write = Write { sql: statement.sql(), arguments, outcome };
        let queued = self.queue.send(Job::Write(write)).await;
        queued.map_err(|_| sqlx::Error::PoolClosed)?;
        completed.await.unwrap_or(Err(sqlx::Error::PoolClosed.into()))
    }

    /// Waits until all queued writes are on disk; later ones are refused.
    pub(super) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.queue.send(Job::Close(done)).await.is_ok() {
            // An error means that the task has ended, so there is nothing to wait for.
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
            // Writes that arrived meanwhile have waited for the database as well.
            while let Ok(job) = jobs.try_recv() {
                batch.push(job);
            }
            refuse(sort(&mut jobs, &mut batch, &mut closing), &why);
        }
    }
    for done in closing {
        // The caller may have been cancelled.
        let _gone = done.send(());
    }
}

/// Extracts the writes; closes the queue if that was requested.
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

/// Why the database is not available; already reported to the callers.
type Unavailable = String;

/// Carries out all writes and reports their outcomes. If one is refused, each is repeated on its own, so that it
/// affects no other.
async fn commit(pool: &SqlitePool, writes: Vec<Write>) -> Result<(), Unavailable> {
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => return Err(refuse(writes, &error.to_string())),
    };
    if writes.len() > 1 {
        match try_together(&mut connection, &writes).await {
            Ok(counts) => {
                writes.into_iter().zip(counts).for_each(|(write, count)| write.report(Ok(count)));
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
        write.report(outcome);
        if let Some(why) = why {
            return Err(refuse(rest.collect(), &why));
        }
    }
    Ok(())
}

/// Why nothing was written.
enum Refusal {
    /// The transaction could not be begun or committed.
    OfAll(sqlx::Error),
    /// A statement was refused.
    OfOne,
}

/// Carries out all writes in one transaction; returns the number of rows that each has changed.
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
        write.report(Err(StoreError::Unavailable(error)));
    }
    why.to_owned()
}

impl Write {
    async fn execute(&self, connection: &mut SqliteConnection) -> Result<SqliteQueryResult, sqlx::Error> {
        sqlx::query_with(self.sql.clone(), self.arguments.clone()).execute(connection).await
    }

    fn report(self, outcome: Outcome) {
        // The caller may have been cancelled.
        let _gone = self.outcome.send(outcome);
    }
}
