//! Signing keys are rotated on several servers at once, without any effect on users.

use crate::support::{
    Condition, TestApp,
    browser::ALL_COOKIES,
    forger::{Forger, Parts, with},
    test_app::{days, hours, minutes},
    watched_store::WatchedStore,
};
use futures::future::join_all;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokenlife::{
    paths::{ACCOUNT, HOME, LOGIN, api},
    server::{
        clock::Timestamp,
        domain::{
            key_schedule::KeySchedule,
            session::{Session, SessionId},
            user::UserId,
        },
        keyring::Keyring,
        random,
        service::{
            signing_keys::{Rotated, SigningKeys},
            tokens::{AccessTokenError, Tokens},
        },
        store::{Store, sqlite::SqliteStore},
    },
    sign_in_method::SignInMethod,
};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const ISSUER: &str = "https://example.com";

fn session() -> Session {
    let (id, user) = (SessionId::from_uuid(random::id(NOW)), UserId::from_uuid(random::id(NOW)));
    Session::begin(id, user, "web", SignInMethod::Password, NOW, days(4000))
}

/// One of several servers: its keys, and how far its clock is off.
struct Server {
    store: Arc<WatchedStore>,
    keys: Arc<SigningKeys>,
    tokens: Tokens,
    ahead: Duration,
}

impl Server {
    async fn on(store: &Arc<dyn Store>, schedule: KeySchedule, ahead: Duration) -> Self {
        let keyring = Arc::new(Keyring::derive([(1, [7; 32].as_slice())]));
        let store = Arc::new(WatchedStore::new(Arc::clone(store)));
        let watched: Arc<dyn Store> = store.clone();
        let keys = SigningKeys::load(watched, Arc::clone(&keyring), schedule, NOW + ahead).await.expect("keys");
        let keys = Arc::new(keys);
        let tokens = Tokens::new(keyring, Arc::clone(&keys), ISSUER, schedule.token_life);
        Self { store, keys, tokens, ahead }
    }

    fn token(&self, now: Timestamp) -> String {
        self.tokens.issue(&session(), now + self.ahead).access.as_str().to_owned()
    }

    async fn read(&self, token: &str, now: Timestamp) -> Result<(), AccessTokenError> {
        self.tokens.read_access(token, now + self.ahead).await.map(drop)
    }
}

async fn store() -> (Arc<dyn Store>, tempfile::TempDir) {
    let files = tempfile::tempdir().expect("a folder");
    (Arc::new(SqliteStore::open(&files.path().join("keys.sqlite3")).await.expect("a store")), files)
}

#[tokio::test]
async fn in_a_year_of_weekly_keys_two_servers_a_minute_apart_refuse_no_valid_token() {
    let (store, _files) = store().await;
    let schedule = KeySchedule::new(days(7), hours(2));
    let servers = [
        Server::on(&store, schedule, Duration::ZERO).await,
        Server::on(&store, schedule, Duration::from_mins(1)).await,
    ];
    let mut live: Vec<(String, Timestamp)> = Vec::new();
    let mut key_names = std::collections::BTreeSet::new();
    for hour in 0..365 * 24 {
        let now = NOW + hours(hour);
        for server in &servers {
            server.keys.maintain(now + server.ahead).await.expect("the store responds");
            let token = server.token(now);
            key_names.insert(Parts::of(&token).header["kid"].to_string());
            live.push((token, now + server.ahead + hours(2)));
        }
        for server in &servers {
            for (token, expires_at) in live.iter().filter(|(_, expires_at)| now + server.ahead < *expires_at) {
                let read = server.read(token, now).await;
                assert!(read.is_ok(), "hour {hour}, until {expires_at:?}: {read:?}");
            }
        }
        live.retain(|(_, expires_at)| now < *expires_at);
    }
    assert!((51..=53).contains(&key_names.len()), "{}", key_names.len());
    assert!(store.list_signing_keys().await.expect("the store responds").len() <= 3);
}

#[tokio::test]
async fn servers_that_rotate_at_once_make_one_key() {
    let (store, _files) = store().await;
    let schedule = KeySchedule::new(days(90), hours(1));
    let servers = join_all((0..8).map(|_| Server::on(&store, schedule, Duration::ZERO))).await;
    assert_eq!(store.list_signing_keys().await.expect("the store responds").len(), 1);
    let due = NOW + days(90);
    for tended in join_all(servers.iter().map(|server| server.keys.maintain(due))).await {
        tended.expect("the store responds");
    }
    let numbers = async || -> Vec<u32> {
        let keys = store.list_signing_keys().await.expect("the store responds");
        keys.iter().map(|key| key.times.number).collect()
    };
    assert_eq!(numbers().await, [1, 2]);
    let requested = servers[3].keys.rotate(due).await.expect("the store responds");
    assert!(matches!(requested, Rotated::Underway(key) if key.number == 2), "{requested:?}");
    assert_eq!(numbers().await, [1, 2]);
}

#[tokio::test]
async fn a_key_just_made_by_another_server_is_found_and_forged_key_ids_cost_one_query() {
    let (store, _files) = store().await;
    let schedule = KeySchedule::new(days(90), hours(1));
    let (here, there) =
        (Server::on(&store, schedule, Duration::ZERO).await, Server::on(&store, schedule, Duration::ZERO).await);
    there.keys.replace_all(NOW).await.expect("the store responds");
    let token = there.token(NOW);
    let before = here.store.key_calls();
    for read in join_all((0..100).map(|_| here.read(&token, NOW))).await {
        read.expect("a good token");
    }
    assert_eq!(here.store.key_calls() - before, 1, "one query serves all");

    let forged: Vec<String> = (0..1000).map(|number| with_key_name(&token, &format!("{number:0>16}"))).collect();
    let before = here.store.key_calls();
    let mut now = NOW;
    for _ in 0..10 {
        for read in join_all(forged.iter().map(|token| here.read(token, now))).await {
            assert!(matches!(read, Err(AccessTokenError::UnknownKey(_))));
        }
        now = now + Duration::from_millis(100);
    }
    assert!(here.store.key_calls() - before <= 1, "10,000 forged names in a second");
    here.read(&token, now).await.expect("a good token is read meanwhile");

    // Texts without the form of a key id are not even looked up.
    now = now + hours(1);
    let before = here.store.key_calls();
    for name in ["", "web", "../../dev/null", "' OR 1=1 --", "x".repeat(2000).as_str(), "kid with spaces…"] {
        assert!(matches!(here.read(&with_key_name(&token, name), now).await, Err(AccessTokenError::Invalid(_))));
    }
    assert_eq!(here.store.key_calls(), before);
}

#[tokio::test]
async fn a_store_that_is_down_or_hangs_does_not_affect_valid_tokens() {
    let (store, _files) = store().await;
    let schedule = KeySchedule::new(days(90), hours(1));
    let here = Server::on(&store, schedule, Duration::ZERO).await;
    let token = here.token(NOW);
    let forged = with_key_name(&token, "abcdefghijklmnop");
    for (condition, now) in [(Condition::Down, NOW), (Condition::Hangs, NOW + minutes(1))] {
        here.store.set(condition);
        let reads = join_all((0..50).map(|_| here.read(&forged, now)));
        let reads = tokio::time::timeout(Duration::from_secs(3), reads).await.expect("a bounded wait");
        assert!(reads.iter().all(|read| matches!(read, Err(AccessTokenError::UnknownKey(_)))));
        here.read(&token, now).await.expect("a good token");
    }
}

fn with_key_name(token: &str, name: &str) -> String {
    let Parts { header, claims, .. } = Parts::of(token);
    Forger::with_their_own_key().sign(&with(&header, json!({"kid": name})), &claims)
}

#[tokio::test]
async fn an_unknown_key_id_deletes_no_cookie_and_a_refresh_corrects_it() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let forged = with_key_name(ada.cookie("accessToken").expect("a token"), "abcdefghijklmnop");
    let mut alone = app.browser();
    alone.set("accessToken", &forged);
    for (path, expected) in [(HOME, 200), (LOGIN, 200)] {
        assert!(alone.get(path).await.assert_status(expected).set_cookies().is_empty());
    }
    assert!(alone.get(ACCOUNT).await.assert_leads_to(LOGIN).set_cookies().is_empty());
    assert!(alone.call(api::CURRENT, &[]).await.assert_status(200).set_cookies().is_empty());
    alone.call(api::REFRESH, &[]).await.assert_status(401);
    assert_eq!(alone.cookie("accessToken"), Some(forged.as_str()), "another server may know the key");

    let mut browser = ada.clone();
    browser.set("accessToken", &forged);
    browser.call(api::CURRENT, &[]).await.assert_status(401);
    assert_eq!(browser.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email).issued(), ALL_COOKIES);
}

#[tokio::test]
async fn a_planned_rotation_affects_no_user_on_any_server() {
    let one = TestApp::new().await;
    let two = one.beside(|_| {}).await;
    let user = one.account("ada@example.com").await;
    let mut ada = one.browser_of(user).await;
    let first = one.store.list_signing_keys().await.expect("the store responds")[0].id.clone();
    two.state.tokens.keys().rotate(two.now()).await.expect("the store responds");
    let kid = |token: &str| Parts::of(token).header["kid"].as_str().expect("a name").to_owned();
    assert_eq!(kid(ada.cookie("accessToken").expect("a token")), first);
    for minute in 0..4 * 60 {
        for app in [&one, &two] {
            app.advance(minutes(1));
            app.state.tokens.keys().maintain(app.now()).await.expect("the store responds");
        }
        let token = ada.cookie("accessToken").map(str::to_owned);
        for app in [&one, &two] {
            if let Some(token) = &token {
                app.state.sessions.authenticate(token).await.expect("a good token");
            }
        }
        assert!(ada.is_signed_in().await, "minute {minute}");
    }
    let keys = one.store.list_signing_keys().await.expect("the store responds");
    assert_eq!(keys.len(), 1, "the first one is gone");
    assert_eq!(kid(ada.cookie("accessToken").expect("a token")), keys[0].id);
    assert_ne!(keys[0].id, first);
}

#[tokio::test]
async fn stolen_keys_are_replaced_at_once_and_no_user_is_signed_out() {
    let app = TestApp::new().await;
    let other = app.beside(|_| {}).await;
    let mut ada = app.signed_in("ada").await;
    let thief = Forger::with_our_key(&app).await;
    let Parts { header, claims, .. } = Parts::of(ada.cookie("accessToken").expect("a token"));
    let forged = thief.sign(&header, &claims);
    app.state.sessions.authenticate(&forged).await.expect("as good as a real one");
    other.state.tokens.keys().replace_all(other.now()).await.expect("the store responds");
    app.state.tokens.keys().maintain(app.now()).await.expect("the store responds");
    for app in [&app, &other] {
        assert!(app.state.sessions.authenticate(&forged).await.is_err());
    }
    ada.call(api::CURRENT, &[]).await.assert_status(401);
    assert_eq!(ada.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email).issued(), ALL_COOKIES);
    other.state.sessions.authenticate(ada.cookie("accessToken").expect("a token")).await.expect("good everywhere");
}
