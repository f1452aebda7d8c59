//! The application, assembled as by `start::serve`, on a store of its own and a manual clock.

use super::{Browser, Condition, Database, watched_store::WatchedStore};
use axum::Router;
use futures::future::join3;
use leptos::prelude::LeptosOptions;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokenlife::{
    server::{
        boot::{
            background::BackgroundTasks,
            start::{Application, StartError},
        },
        clock::{Clock as _, ManualClock, Timestamp},
        config::{Config, MasterSecretSource, MasterSecrets},
        domain::{
            session::{Session, SessionId},
            user::UserId,
        },
        service::{SignInContext, ended::EndedSessions, secret_versions::SecretVersions},
        state::AppState,
        store::Store,
        transport::Readiness,
        web::router,
    },
    sign_in_method::SignInMethod,
};
use tokio::sync::Mutex;

pub const PASSWORD: &str = "vermilion otter juggles";

/// A running application. Its files are deleted on drop.
pub struct TestApp {
    pub router: Router,
    pub clock: ManualClock,
    pub state: AppState,
    pub ended: Arc<EndedSessions>,
    pub secret_versions: Arc<SecretVersions>,
    /// The store itself: calls of tests are neither recorded nor disturbed.
    pub store: Arc<dyn Store>,
    /// The store as the application uses it.
    pub watched: Arc<WatchedStore>,
    pub origin: String,
    pub database: Database,
    pub files: Arc<TempDir>,
    pub secrets: MasterSecrets,
    users: Arc<AtomicU32>,
    /// Passwords are hashed one after the other, so that tests do not time each other out.
    hashing: Mutex<()>,
    _background: BackgroundTasks,
}

/// What servers of one installation share.
#[derive(Clone)]
struct Shared {
    database: Database,
    files: Arc<TempDir>,
    secrets: MasterSecrets,
    users: Arc<AtomicU32>,
}

impl Shared {
    async fn new() -> Self {
        let files = Arc::new(tempfile::tempdir().expect("a folder"));
        let database = Database::fresh(files.path()).await;
        let (secrets, _) =
            MasterSecrets::load_or_create(&MasterSecretSource::DataFolder, files.path()).expect("a secret");
        Self { database, files, secrets, users: Arc::default() }
    }
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with_config(|_| {}).await
    }

    pub async fn with_config(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests();
        change(&mut config);
        let clock = ManualClock::at(Timestamp::from_seconds(1_795_000_000));
        Self::assemble(&config, clock, Shared::new().await).await.expect("an application")
    }

    /// Three servers with one clock on one database, which is empty; except SQLite, which is for one server, so the
    /// others start later.
    pub async fn three_at_once() -> [Self; 3] {
        let shared = Shared::new().await;
        if matches!(shared.database, Database::Sqlite(_)) {
            shared.database.open().await.close().await;
        }
        let (config, clock) = (Config::for_tests(), ManualClock::at(Timestamp::from_seconds(1_795_000_000)));
        let start = || Box::pin(Self::assemble(&config, clock.clone(), shared.clone()));
        let (one, two, three) = join3(start(), start(), start()).await;
        [one, two, three].map(|started| started.expect("an application"))
    }

    /// Another instance on the same database, with the same master secret and a clock of its own, set to the same time.
    pub async fn beside(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::for_tests();
        change(&mut config);
        Self::assemble(&config, ManualClock::at(self.now()), self.shared()).await.expect("an application")
    }

    /// Another instance on the same database, which has these versions of the master secret.
    pub async fn beside_under(&self, secrets: &MasterSecrets) -> Result<Self, StartError> {
        let shared = Shared { secrets: secrets.clone(), ..self.shared() };
        Self::assemble(&Config::for_tests(), ManualClock::at(self.now()), shared).await
    }

    /// An application whose public URL is `https`.
    pub async fn on_https() -> Self {
        Self::with_config(|config| config.http.public_url = "https://example.com".parse().expect("a URL")).await
    }

    fn shared(&self) -> Shared {
        let (database, files) = (self.database.clone(), Arc::clone(&self.files));
        Shared { database, files, secrets: self.secrets.clone(), users: Arc::clone(&self.users) }
    }

    async fn assemble(config: &Config, clock: ManualClock, shared: Shared) -> Result<Self, StartError> {
        let Shared { database, files, secrets, users } = shared;
        let store = database.open().await;
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
        application.announce().await?;
        let router = router::router(&application.state, &used, config, &Readiness::ready());
        let (ended, secret_versions) = (Arc::clone(&application.ended), Arc::clone(&application.secrets));
        let (state, background) = application.start_background();
        let origin = config.http.public_url.origin().to_owned();
        watched.calls();
        let hashing = Mutex::default();
        Ok(Self {
            router,
            clock,
            state,
            ended,
            secret_versions,
            store,
            watched,
            origin,
            database,
            files,
            secrets,
            users,
            hashing,
            _background: background,
        })
    }

    /// A new browser without cookies.
    pub fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A browser in which a new user has just signed up.
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
        self.state.accounts.add_user(email, "Test User", password).await.expect("an account")
    }

    /// A browser in which this account signed in a moment ago.
    pub async fn browser_of(&self, user: UserId) -> Browser<'_> {
        let origin =
            SignInContext { address: IpAddr::from([192, 0, 2, 1]), user_agent: String::new(), replaces: Vec::new() };
        let begun = self.state.sessions.begin(user, SignInMethod::Password, &origin).await.expect("the store responds");
        let mut browser = self.browser();
        browser.take(&begun.expect("the account is not disabled"));
        browser
    }

    /// Sets the condition of the store.
    pub fn store_is(&self, condition: Condition) {
        self.watched.set(condition);
    }

    /// Waits until the application knows all sessions that have ended by now.
    pub async fn in_touch(&self) {
        until("the application is in touch", async || self.ended.is_current(self.now())).await;
    }

    /// Waits until the background has called each of these methods of the store once more, with any outcome.
    pub async fn background_asks<const N: usize>(&self, what: [&'static str; N]) {
        let times = || what.map(|what| self.watched.background_calls(what));
        let before = times();
        until("the background queries the store", async || {
            times().iter().zip(before).all(|(now, before)| *now > before)
        })
        .await;
    }

    /// A session as stored.
    pub async fn session(&self, id: SessionId) -> Session {
        self.store.find_session(id).await.expect("the store responds").expect("the session exists")
    }

    /// Waits until the background has recorded that a session's newest generation was delivered.
    pub async fn delivered(&self, id: SessionId) {
        let is_recorded = async || {
            let session = self.session(id).await;
            session.delivered == session.generation
        };
        until("delivery is recorded", is_recorded).await;
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Waits until a condition holds, and no longer than a test may take.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
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
