//! The contract on Postgres, and what is specific to it.

use super::{HOUR, NOW, added, database, session, user};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::{error::Error as _, sync::Arc, thread, time::Duration};
use tokenlife::server::{
    domain::session::{EndReason, SessionId},
    random,
    store::{
        SessionStore, Store, StoreError, UserStore,
        postgres::{PostgresSettings, PostgresStore},
    },
};
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

async fn open() -> (Arc<dyn Store>, PostgresSettings) {
    let settings = database::fresh().await;
    let store = PostgresStore::open(settings.clone()).await.expect("a store");
    (Arc::new(store), settings)
}

contract!(open, #[ignore = "needs Postgres: script/postgres"]);

/// Runs a statement on a connection outside the store.
async fn beside(settings: &PostgresSettings, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = database::connect(&settings.url).await;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    connection.close().await
}

/// Makes Postgres terminate every connection of the store.
async fn disconnect(settings: &PostgresSettings) {
    let others = "application_name = current_setting('application_name') AND pid <> pg_backend_pid()";
    let ended = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}");
    beside(settings, &ended).await.expect("the superuser may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn servers_that_start_at_once_on_an_empty_database_all_come_up() {
    let settings = database::fresh().await;
    let stores = join_all((0..6).map(|_| PostgresStore::open(settings.clone()))).await;
    for store in &stores {
        let store = store.as_ref().expect("a store");
        store.add_user(&user(&format!("{}@example.com", random::id(NOW)))).await.expect("a new user");
    }
    assert_eq!(stores[0].as_ref().expect("a store").list_users(None, 10).await.expect("a page").len(), 6);
}

#[tokio::test]
#[ignore = "needs Postgres: script/postgres"]
async fn the_schema_of_a_newer_version_is_refused() {
    let (store, settings) = open().await;
    store.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', true, '', 0)";
    beside(&settings, newer).await.expect("written");
    let refused = PostgresStore::open(settings).await.expect_err("a newer schema");
    assert!(matches!(refused, StoreError::Migration(_)), "{refused:?}");
}

#[tokio::test]
#[ignore = "needs Postgres: script/postgres"]
async fn a_column_added_by_a_newer_server_affects_no_older_one() {
    let (store, settings) = open().await;
    let (ada, session) = added(&*store, "ada@example.com").await;
    for _ in 0..2 {
        assert!(store.find_session(session.id).await.expect("a result").is_some());
        assert!(store.find_session_with_user(session.id).await.expect("a result").is_some());
        assert!(store.find_user_by_email(ada.email_key()).await.expect("a result").is_some());
        assert_eq!(store.list_users(None, 10).await.expect("a page").len(), 1);
        store.list_signing_keys().await.expect("a list");
        for table in ["users", "sessions", "clients", "signing_keys"] {
            beside(&settings, &format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS added text"))
                .await
                .expect("added");
        }
    }
}

#[tokio::test]
#[ignore = "needs Postgres: script/postgres"]
async fn every_hot_query_uses_an_index() {
    let (_store, settings) = open().await;
    let mut connection = database::connect(&settings.url).await;
    sqlx::query("SET enable_seqscan = off").execute(&mut connection).await.expect("set");
    let id = "'00000000-0000-0000-0000-000000000000'";
    for query in [
        "SELECT id FROM users WHERE email_key = 'x'".to_owned(),
        format!("SELECT id FROM users WHERE id > {id} ORDER BY id LIMIT 10"),
        format!("SELECT * FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = {id}"),
        format!("UPDATE sessions SET generation = 2 WHERE id = {id} AND generation = 1 AND ended_at IS NULL"),
        "SELECT id, ended_at FROM sessions WHERE ended_at >= 1".to_owned(),
        "SELECT id FROM sessions WHERE expires_at < 1 LIMIT 10".to_owned(),
        format!("UPDATE sessions SET ended_at = 1, end_reason = 'x' WHERE ended_at IS NULL AND user_id = {id}"),
    ] {
        let explained = AssertSqlSafe(format!("EXPLAIN {query}"));
        let plan: Vec<String> = sqlx::query_scalar(explained).fetch_all(&mut connection).await.expect("a plan");
        assert!(plan.iter().all(|step| !step.contains("Seq Scan")), "{query}: {plan:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Postgres: script/postgres"]
async fn a_transient_error_is_distinguished_from_a_defect() {
    let settings = database::fresh().await;
    let mut connection = database::connect(&settings.url).await;
    for (code, what, passes) in [
        ("57014", "statement timeout", true),
        ("57P01", "shut down by an operator", true),
        ("57P03", "starting up", true),
        ("53100", "disk full", true),
        ("53300", "too many connections", true),
        ("40001", "serialization failure", true),
        ("40P01", "deadlock", true),
        ("25006", "read-only", true),
        ("55P03", "lock not available", true),
        ("08006", "connection failure", true),
        ("28P01", "wrong password", true),
        ("3D000", "no such database", true),
        ("23505", "unique violation of something else", false),
        ("42P01", "no such table", false),
        ("42501", "no privilege", false),
        ("22001", "text too long", false),
    ] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION '{what}' USING ERRCODE = '{code}'; END $$");
        let error = sqlx::raw_sql(AssertSqlSafe(raise)).execute(&mut connection).await.expect_err(what);
        let error = StoreError::from(error);
        assert_eq!(matches!(error, StoreError::Unavailable(_)), passes, "{what}: {error:?}");
        assert_eq!(matches!(error, StoreError::Backend(_)), !passes, "{what}: {error:?}");
    }
}

#[tokio::test]
async fn an_unreachable_database_is_unavailable_and_its_password_stays_secret() {
    let settings = PostgresSettings {
        url: "postgres://u:hunter2@127.0.0.1:1/x".to_owned(),
        pool_size: 1,
        acquire_timeout: Duration::from_millis(200),
        statement_timeout: Duration::from_secs(1),
        tls: None,
        tls_ca_file: None,
    };
    let error = PostgresStore::open(settings).await.expect_err("port 1 has no listener");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let shown = format!("{error} {error:?} {:?}", error.source());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn a_statement_that_waits_for_too_long_is_cancelled() {
    let settings = PostgresSettings { statement_timeout: Duration::from_millis(200), ..database::fresh().await };
    let store = PostgresStore::open(settings.clone()).await.expect("a store");
    let mut other = database::connect(&settings.url).await;
    let mut transaction = other.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE users").execute(&mut *transaction).await.expect("locked");
    let error = store.add_user(&user("late@example.com")).await.expect_err("locked");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    transaction.rollback().await.expect("unlocked");
    store.add_user(&user("late@example.com")).await.expect("a new user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn lost_connections_come_back_by_themselves() {
    let (store, settings) = open().await;
    let asked_at_once = || join_all((0..20).map(|_| store.list_users(None, 1)));
    for outcome in asked_at_once().await {
        outcome.expect("a result");
    }
    disconnect(&settings).await;
    for outcome in asked_at_once().await {
        assert!(matches!(outcome, Ok(_) | Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    for outcome in asked_at_once().await {
        outcome.expect("each lost connection was detected by now");
    }

    disconnect(&settings).await;
    // A connection that was idle for a moment is tested before use: then no caller is affected.
    sleep(Duration::from_millis(100)).await;
    for outcome in asked_at_once().await {
        outcome.expect("a result");
    }
}

/// A server has a thread for each core, and a busy one must not affect the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn a_thread_that_is_busy_holds_up_no_statement_of_the_others() {
    let (store, settings) = open().await;
    let use_every_connection = move |store: Arc<dyn Store>| async move {
        join_all((0..settings.pool_size).map(|_| store.list_users(None, 1)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
    };
    let (opened, all_opened) = oneshot::channel();
    let (done, until_done) = std::sync::mpsc::channel::<()>();
    let busy = {
        let store = Arc::clone(&store);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let used = use_every_connection(store).await;
                opened.send(used).expect("the receiver still waits");
                until_done.recv().expect_err("nothing is sent");
            });
        })
    };
    all_opened.await.expect("it does not panic").expect("results");
    use_every_connection(store).await.expect("results, although the thread that opened the connections is busy");
    drop(done);
    busy.join().expect("it does not panic");
}

/// Subscribes to the ended sessions of a store, once it listens.
async fn subscribe(
    store: &Arc<PostgresStore>,
    settings: &PostgresSettings,
) -> mpsc::UnboundedReceiver<Option<SessionId>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let teller = Arc::clone(store);
    tokio::spawn(async move {
        // The receiver may have been dropped.
        let tell = |id| sender.send(id).unwrap_or_default();
        if teller.subscribe_ended(&|id| tell(Some(id))).await.is_err() {
            tell(None);
        }
    });
    let mut connection = database::connect(&settings.url).await;
    while !listens(&mut connection).await {
        sleep(Duration::from_millis(5)).await;
    }
    receiver
}

async fn listens(connection: &mut PgConnection) -> bool {
    let query = "SELECT EXISTS (SELECT FROM pg_stat_activity
                 WHERE application_name = current_setting('application_name') AND query LIKE 'LISTEN %' AND state = 'idle')";
    sqlx::query_scalar(query).fetch_one(connection).await.expect("a result")
}

async fn next(notifications: &mut mpsc::UnboundedReceiver<Option<SessionId>>) -> Option<SessionId> {
    timeout(Duration::from_secs(1), notifications.recv())
        .await
        .expect("within a second")
        .expect("it is still subscribed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn every_server_is_notified_at_once_of_every_session_that_ends() {
    let (store, settings) = open().await;
    let elsewhere = Arc::new(PostgresStore::open(settings.clone()).await.expect("a second server"));
    let mut notifications = subscribe(&elsewhere, &settings).await;

    let (_, one) = added(&*store, "one@example.com").await;
    assert!(store.end_session(one.id, NOW, EndReason::SignedOut).await.expect("a result"));
    assert_eq!(next(&mut notifications).await, Some(one.id));

    let (ada, two) = added(&*store, "two@example.com").await;
    let three = session(&ada);
    assert!(store.begin_session(&three).await.expect("a result"));
    assert!(!store.end_session(one.id, NOW, EndReason::SignedOut).await.expect("a result"), "no notification");
    store.disable_user(ada.email_key(), NOW + HOUR).await.expect("a result");
    let both = [next(&mut notifications).await, next(&mut notifications).await];
    assert!(both.contains(&Some(two.id)) && both.contains(&Some(three.id)), "{both:?}");

    let (_, four) = added(&*store, "four@example.com").await;
    let by_hand = format!("UPDATE sessions SET ended_at = 1, end_reason = 'signed_out' WHERE id = '{}'", four.id);
    beside(&settings, &by_hand).await.expect("ended");
    assert_eq!(next(&mut notifications).await, Some(four.id), "whichever connection ends it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn a_subscription_fails_when_the_connection_is_lost_and_returns_when_the_store_closes() {
    let (_, settings) = open().await;
    let store = Arc::new(PostgresStore::open(settings.clone()).await.expect("a store"));
    let mut lost = subscribe(&store, &settings).await;
    disconnect(&settings).await;
    assert_eq!(next(&mut lost).await, None);

    let mut closed = subscribe(&store, &settings).await;
    timeout(Duration::from_secs(5), store.close()).await.expect("closing waits for no notification");
    assert_eq!(timeout(Duration::from_secs(1), closed.recv()).await.expect("it ends"), None);
}
