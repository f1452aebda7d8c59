//! Several servers on one database: together they are one.

use crate::support::{Browser, Database, TestApp, database::postgres, test_app::minutes};
use futures::future::join_all;
use sqlx::Connection as _;
use std::{collections::BTreeSet, time::Duration};
use tokenlife::{
    paths::{ACCOUNT, api},
    server::domain::session::{EndReason, SessionId},
};
use tokio::time::{Instant, sleep, timeout};

async fn is_let_in(app: &TestApp, browser: &Browser<'_>) -> bool {
    app.state.sessions.authenticate(browser.cookie("accessToken").expect("a token")).await.is_ok()
}

/// How long it takes until all these servers refuse this browser.
async fn until_refused(servers: &[TestApp], browser: &Browser<'_>) -> Duration {
    let begun = Instant::now();
    let refused = async {
        for app in servers {
            while is_let_in(app, browser).await {
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    timeout(Duration::from_secs(5), refused).await.expect("all refuse it");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_on_an_empty_database_are_one() {
    let servers = TestApp::three_at_once().await;
    for app in &servers {
        let browser = app.signed_in("ada").await;
        for other in &servers {
            assert!(is_let_in(other, &browser).await, "they share the signing key");
            let mut elsewhere = browser.in_front_of(other);
            elsewhere.get(ACCOUNT).await.assert_status(200).assert_shows(&browser.email);
            elsewhere.call(api::REFRESH, &[]).await.assert_status(200);
            assert!(elsewhere.is_signed_in().await);
        }
    }
    assert_eq!(servers[0].store.list_signing_keys().await.expect("the store responds").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_refreshes_on_several_servers_get_one_successor() {
    let servers = TestApp::three_at_once().await;
    let mut ada = servers[0].signed_in("ada").await;
    for round in 2..12 {
        servers[0].advance(minutes(61));
        assert_eq!(ada.cookie_names(), ["refreshToken"], "the access token is over");
        let mut browsers: Vec<_> = (0..30).map(|number| ada.in_front_of(&servers[number % 3])).collect();
        let answers = join_all(browsers.iter_mut().map(|browser| browser.call(api::REFRESH, &[]))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let tokens: BTreeSet<_> = browsers.iter().filter_map(|browser| browser.cookie("refreshToken")).collect();
        assert_eq!(tokens.len(), 1, "round {round}: the same token again, the same successor");
        let session = servers[0].session(ada.session_id()).await;
        assert_eq!((session.generation.number(), session.ended), (round, None));
        ada.keep(&answers[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ended_on_one_server_is_refused_by_all_within_a_second() {
    let servers = TestApp::three_at_once().await;
    let user = servers[0].account("ada@example.com").await;
    // SQLite does not notify other processes: there each attempt waits for the next poll.
    let tries = if matches!(servers[0].database, Database::Postgres(_)) { 500 } else { 6 };
    let mut took = Vec::new();
    for number in 0..tries {
        let browser = servers[number % 3].browser_of(user).await;
        assert!(is_let_in(&servers[(number + 1) % 3], &browser).await);
        let ending = &servers[(number + 2) % 3].state.sessions;
        assert!(ending.end(browser.session_id(), EndReason::SignedOut).await.expect("the store responds"));
        took.push(until_refused(&servers, &browser).await);
    }
    took.sort_unstable();
    let (median, p99) = (took[tries / 2], took[tries * 99 / 100]);
    println!("refused everywhere after {median:?} (median), {p99:?} (p99), {:?} (longest of {tries})", took[tries - 1]);
    assert!(p99 < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_is_refused_by_all_within_a_second() {
    let servers = TestApp::three_at_once().await;
    let browsers = join_all(servers.iter().map(|app| app.signed_in("ada"))).await;
    for browser in &browsers {
        let key = tokenlife::server::domain::email::EmailKey::of(&browser.email).expect("an address");
        assert!(servers[1].state.accounts.disable(&key).await.expect("the store responds"));
        assert!(until_refused(&servers, browser).await < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postgres: script/postgres"]
async fn a_lost_connection_delays_no_notification_by_a_second_and_ends_no_session() {
    let servers = TestApp::three_at_once().await;
    let mut ada = servers[0].signed_in("ada").await;
    let user = servers[0].session(ada.session_id()).await.user_id;
    let Database::Postgres(settings) = &servers[0].database else { panic!("needs Postgres: script/postgres") };
    for _ in 0..5 {
        let browser = servers[1].browser_of(user).await;
        let mut beside = postgres::connect(&settings.url).await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()")
            .execute(&mut beside)
            .await
            .expect("the superuser may");
        end(&mut beside, browser.session_id()).await;
        beside.close().await.expect("closed");
        assert!(until_refused(&servers, &browser).await < Duration::from_secs(1));
        servers[0].advance(minutes(61));
        let page = ada.get(ACCOUNT).await;
        assert!(page.status == 200 || page.status == 503, "{}", page.status);
        assert!(page.deleted().is_empty());
    }
    sleep(Duration::from_millis(100)).await;
    ada.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email);
}

/// As the command line would.
async fn end(connection: &mut sqlx::PgConnection, id: SessionId) {
    sqlx::query("UPDATE sessions SET ended_at = began_at, end_reason = 'signed_out' WHERE id = $1")
        .bind(id.as_uuid())
        .execute(connection)
        .await
        .expect("ended");
}
