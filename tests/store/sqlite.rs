//! The contract on SQLite, and what is specific to it.

use super::{NOW, added};
use futures::{future::join_all, poll};
use sqlx::{Connection as _, Executor as _};
use std::{sync::Arc, time::Duration};
use tokenlife::server::{
    domain::session::Generation,
    store::{SessionStore, Store, StoreError, sqlite::SqliteStore},
};

async fn open() -> (Arc<dyn Store>, tempfile::TempDir) {
    let files = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&files.path().join("store.sqlite3")).await.expect("a store");
    (Arc::new(store), files)
}

contract!(open);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_opens_of_an_empty_file_create_one_schema() {
    for _ in 0..10 {
        let files = tempfile::tempdir().expect("a folder");
        let file = files.path().join("store.sqlite3");
        let opened = join_all((0..8).map(|_| SqliteStore::open(&file))).await;
        let stores: Vec<_> = opened.into_iter().map(|store| store.expect("a store")).collect();
        let (_, session) = added(&stores[0], "first@example.com").await;
        assert!(stores[7].find_session(session.id).await.expect("a result").is_some());
    }
}

#[tokio::test]
async fn a_cancelled_write_is_carried_out_all_the_same() {
    let (store, _files) = open().await;
    let (_, session) = added(&*store, "gone@example.com").await;
    let mut advance = store.advance_session(session.id, Generation::FIRST, Generation::new(2), NOW);
    assert!(poll!(&mut advance).is_pending());
    drop(advance);
    // Later writes are carried out later.
    store.mark_delivered(&[(session.id, Generation::FIRST)]).await.expect("recorded");
    let stored = store.find_session(session.id).await.expect("a result").expect("a session");
    assert_eq!(stored.generation, Generation::new(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_loses_no_completed_write() {
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("store.sqlite3");
    let store = SqliteStore::open(&file).await.expect("a store");
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(added(&store, &format!("close{number}@example.com")).await.1.id);
    }
    let advances =
        join_all(ids.iter().map(|id| store.advance_session(*id, Generation::FIRST, Generation::new(2), NOW)));
    let (outcomes, ()) = futures::join!(advances, store.close());
    let late = store.advance_session(ids[0], Generation::FIRST, Generation::new(2), NOW).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));

    let store = SqliteStore::open(&file).await.expect("a store");
    for (id, outcome) in ids.iter().zip(outcomes) {
        let stored = store.find_session(*id).await.expect("a result").expect("a session");
        assert_eq!(stored.generation.number(), if outcome.expect("queued before the end") { 2 } else { 1 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_write_affects_no_other() {
    let (store, _files) = open().await;
    let (_, session) = added(&*store, "taken@example.com").await;
    let (first, second) = (Generation::FIRST, Generation::new(2));
    let marks = [(session.id, first)];
    let (again, advanced, marked) = futures::join!(
        store.begin_session(&session),
        store.advance_session(session.id, first, second, NOW),
        store.mark_delivered(&marks)
    );
    assert!(again.is_err() && advanced.expect("a result") && marked.is_ok());
    let stored = store.find_session(session.id).await.expect("a result").expect("a session");
    assert_eq!((stored.generation, stored.delivered), (second, first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_makes_no_write_wait_longer_than_the_others() {
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("store.sqlite3");
    let store = SqliteStore::open(&file).await.expect("a store");
    let (_, session) = added(&store, "locked@example.com").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
    other.execute("BEGIN IMMEDIATE").await.expect("the lock");
    let advance = || store.advance_session(session.id, Generation::FIRST, Generation::new(2), NOW);
    let outcomes = tokio::time::timeout(Duration::from_secs(8), join_all((0..20).map(|_| advance()))).await;
    for outcome in outcomes.expect("once the wait for the lock, not twice") {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    }
    other.execute("ROLLBACK").await.expect("the lock is given back");
    assert!(advance().await.expect("a result"));
}

#[tokio::test]
async fn what_is_written_survives_closing_and_opening() {
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("store.sqlite3");
    let store = SqliteStore::open(&file).await.expect("a store");
    let (_, session) = added(&store, "reopened@example.com").await;
    store.close().await;
    let store = SqliteStore::open(&file).await.expect("a store");
    assert_eq!(store.find_session(session.id).await.expect("a result"), Some(session));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let (store, files) = open().await;
    added(&*store, "private@example.com").await;
    for entry in std::fs::read_dir(files.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_not_a_panic() {
    let files = tempfile::tempdir().expect("a folder");
    assert!(SqliteStore::open(files.path()).await.is_err(), "a folder is no database");
    std::fs::write(files.path().join("text"), "not a database, but long enough to look like one".repeat(100))
        .expect("a file");
    assert!(SqliteStore::open(&files.path().join("text")).await.is_err());
}

#[tokio::test]
async fn every_hot_query_uses_an_index() {
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("store.sqlite3");
    SqliteStore::open(&file).await.expect("a store").close().await;
    let pool = sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(&file))
        .await
        .expect("a pool");
    for query in [
        "SELECT * FROM users WHERE email_key = 'x'",
        "SELECT * FROM sessions WHERE id = x'00'",
        "SELECT * FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = x'00'",
        "UPDATE sessions SET generation = 2 WHERE id = x'00' AND generation = 1 AND ended_at IS NULL AND delivered < 1",
        "SELECT id, ended_at FROM sessions WHERE ended_at >= 1",
        "SELECT id FROM sessions WHERE expires_at < 1 LIMIT 10",
        "UPDATE sessions SET ended_at = 1, end_reason = 'x' WHERE ended_at IS NULL AND user_id = x'00'",
        "SELECT * FROM sessions WHERE user_id = x'00' AND ended_at IS NULL AND expires_at > 1 ORDER BY rotated_at DESC",
        "UPDATE sessions SET ended_at = 1, end_reason = 'x' WHERE id IN (SELECT id FROM sessions WHERE user_id = x'00'
         AND ended_at IS NULL AND expires_at > 1 AND id <> x'01' ORDER BY rotated_at DESC LIMIT -1 OFFSET 49)",
        "SELECT * FROM sessions WHERE user_id = x'00' AND end_reason = 'reuse' AND reuse_dismissed_at IS NULL
         AND ended_at >= 1 ORDER BY ended_at DESC LIMIT 5",
    ] {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explained).fetch_all(&pool).await.expect("a plan");
        assert!(plan.iter().all(|(_, _, _, step)| !step.starts_with("SCAN")), "{query}: {plan:?}");
    }
}
