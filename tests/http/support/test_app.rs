//! The application, put together as `start::serve` does it, on a store of its own and a clock that stands still.

use super::{Browser, Condition, watched_store::WatchedStore};
use axum::Router;
use leptos::prelude::LeptosOptions;
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokenlife::server::{
    clock::{Clock as _, ManualClock, Timestamp},
    config::{Config, MasterSecretSource, MasterSecrets},
    domain::{
        session::{LoginMethod, Session, SessionId},
        user::UserId,
    },
    http::{self, health::Readiness},
    service::Origin,
    start::{Application, StartError},
    state::AppState,
    store::{Store, sqlite::SqliteStore},
};
use tokio::sync::Mutex;

pub const PASSWORD: &str = "vermilion otter juggles";

/// A running application. Its files go when it goes.
pub struct TestApp {
    pub router: Router,
    pub clock: ManualClock,
    pub state: AppState,
    /// The store itself: what tests ask it is neither recorded nor disturbed.
    pub store: Arc<dyn Store>,
    /// The store as the application has it.
    pub watched: Arc<WatchedStore>,
    pub origin: String,
    pub files: Arc<TempDir>,
    pub secrets: MasterSecrets,
    users: AtomicU32,
    /// Passwords are hashed one after the other, so that tests do not time each other out.
    hashing: Mutex<()>,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with_config(|_| {}).await
    }

    pub async fn with_config(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests();
        change(&mut config);
        let files = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&files.path().join("test.sqlite3")).await.expect("a store"));
        let clock = ManualClock::at(Timestamp::from_seconds(1_795_000_000));
        let (secrets, _) =
            MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, files.path()).expect("a secret");
        Self::on_store(&config, store, Arc::new(files), clock, secrets).await.expect("an application")
    }

    /// Another instance on the same database, with the same master secret and a clock of its own that shows the same
    /// time now.
    pub async fn beside(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests();
        change(&mut config);
        let (store, files, secrets) = (Arc::clone(&self.store), Arc::clone(&self.files), self.secrets.clone());
        let clock = ManualClock::at(self.now());
        Self::on_store(&config, store, files, clock, secrets).await.expect("an application")
    }

    /// Another instance on the same database, which has these versions of the master secret.
    pub async fn beside_under(&self, secrets: &MasterSecrets) -> Result<Self, StartError> {
        let (store, files) = (Arc::clone(&self.store), Arc::clone(&self.files));
        Self::on_store(&Config::for_tests(), store, files, ManualClock::at(self.now()), secrets.clone()).await
    }

    /// An application that the world reaches under `https`.
    pub async fn on_https() -> Self {
        Self::with_config(|config| config.http.public_url = "https://example.com".parse().expect("a URL")).await
    }

    async fn on_store(
        config: &Config,
        store: Arc<dyn Store>,
        files: Arc<TempDir>,
        clock: ManualClock,
        secrets: MasterSecrets,
    ) -> Result<Self, StartError> {
        let site_root = files.path().join("site");
        std::fs::create_dir_all(site_root.join("pkg")).expect("a folder");
        std::fs::write(site_root.join("pkg/tokenlife.css"), "body{}").expect("a file");
        std::fs::write(site_root.join("robots.txt"), "User-agent: *\n").expect("a file");
        let options = LeptosOptions::builder()
            .output_name("tokenlife")
            .site_root(site_root.display().to_string())
            .site_pkg_dir("pkg")
            .build();
        let watched = Arc::new(WatchedStore::new(Arc::clone(&store)));
        let used: Arc<dyn Store> = watched.clone();
        let application =
            Application::assemble(config, options, &secrets, Arc::clone(&used), Arc::new(clock.clone())).await?;
        let router = http::router(&application.state, &used, config, &Readiness::ready());
        let state = application.start_background();
        let origin = config.http.public_url.origin().to_owned();
        watched.asked();
        let (users, hashing) = (AtomicU32::new(0), Mutex::default());
        Ok(Self { router, clock, state, store, watched, origin, files, secrets, users, hashing })
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A browser in which somebody new has just signed up.
    pub async fn signed_in(&self, name: &str) -> Browser<'_> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let mut browser = self.browser();
        let email = format!("{name}{number}@example.com");
        let _one_at_a_time = self.hashing.lock().await;
        browser
            .submit("/api/account/sign_up", &[("email", &email), ("display_name", name), ("password", PASSWORD)])
            .await
            .assert_status(303);
        browser.email = email;
        browser
    }

    /// An account with [`PASSWORD`] that exists already.
    pub async fn account(&self, email: &str) -> UserId {
        let _one_at_a_time = self.hashing.lock().await;
        let password = PASSWORD.to_owned().into();
        self.state.accounts.add_user(email, "Somebody", password).await.expect("an account")
    }

    /// A browser in which this account signed in a moment ago.
    pub async fn browser_of(&self, user: UserId) -> Browser<'_> {
        let origin = Origin { address: IpAddr::from([192, 0, 2, 1]), user_agent: String::new() };
        let begun = self.state.sessions.begin(user, LoginMethod::Password, &origin).await.expect("the store answers");
        let mut browser = self.browser();
        browser.take(&begun.expect("the account is not disabled"));
        browser
    }

    /// The file of the database.
    pub fn database(&self) -> PathBuf {
        self.files.path().join("test.sqlite3")
    }

    /// Has the store be as told from now on.
    pub fn store_is(&self, condition: Condition) {
        self.watched.set(condition);
    }

    /// What the store says about a session.
    pub async fn session(&self, id: SessionId) -> Session {
        self.store.find_session(id).await.expect("the store answers").expect("the session is there")
    }

    /// Waits until the background has noted that a session's newest generation has arrived.
    pub async fn delivered(&self, id: SessionId) {
        for _ in 0..500 {
            let session = self.session(id).await;
            if session.delivered == session.generation {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("delivery was never noted");
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub const fn minutes(number: u64) -> Duration {
    Duration::from_secs(number * 60)
}

pub const fn hours(number: u64) -> Duration {
    minutes(number * 60)
}

pub const fn days(number: u64) -> Duration {
    hours(number * 24)
}
