//! Starting: from the settings to a server that answers.

use crate::{
    model::PublicSettings,
    server::{
        auth::cookies::SessionCookies,
        clock::{Clock, SystemClock},
        config::{
            AuthConfig, Config, ConfigError, DatabaseConfig, DatabaseUrl, HttpConfig, LimitsConfig, MasterSecrets,
            SecretSource, leptos_options,
        },
        domain::{key_schedule::KeySchedule, password_policy::PasswordPolicy},
        edge::{
            limits::RequestLimits,
            rate_limit::{Allowances, RateLimits},
        },
        error::chain,
        gateway::{Gateway, prefix_conflict},
        keyring::Keyring,
        service::{
            accounts::Accounts,
            clients::{ClientCredentials, Clients, WEB},
            delivery::{self, Delivery},
            ended::EndedSessions,
            hashing::{Hasher, HashingError},
            secret_versions::{SecretError, SecretVersions},
            sessions::Sessions,
            signing_keys::{KeyError, SigningKeys},
            tokens::Tokens,
            upstream_tokens::UpstreamTokens,
        },
        state::AppState,
        store::{
            Store, StoreError,
            postgres::{PostgresSettings, PostgresStore},
            sqlite::SqliteStore,
        },
        telemetry,
        transport::{Readiness, ServeSettings, Workers, serve as serve_connections, stop_on_signals},
        web::router,
    },
};
use axum::http::StatusCode;
use leptos::prelude::LeptosOptions;
use sqlx::{postgres::PgSslMode, sqlite::SqliteConnectOptions};
use std::{io, net::SocketAddr, path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, runtime::Runtime, time::timeout};
use tracing::{info, warn};

/// How long closing the store may take; nothing is lost without it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

const CHECK_SQLITE: &str = "check [app.database] url and who may write there";
const CHECK_POSTGRES: &str = "check [app.database] url and tls, and that the database runs and lets this user in";

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the database {url} cannot be opened: {}; {}", chain(.cause), if .url.is_postgres() { CHECK_POSTGRES } else { CHECK_SQLITE })]
    Database { url: DatabaseUrl, cause: StoreError },
    #[error("the signing keys cannot be loaded: {}; restore the master secret they were sealed under, next to the current one", chain(.0))]
    Keys(KeyError),
    #[error("{}; put that one back, and let the new one have the next number (`tokenlife secret rotate`)", chain(.0))]
    Secret(SecretError),
    #[error(
        "cannot listen on {address}: {cause}; stop whatever uses it, or set another site-addr in Leptos.toml (LEPTOS_SITE_ADDR)"
    )]
    Listen { address: SocketAddr, cause: io::Error },
    #[error(
        "the gateway's prefix {prefix} would hide {path}; write a prefix that no page and no server function uses, such as /api/notes"
    )]
    PrefixConflict { prefix: String, path: String },
    #[error("{}", chain(.0))]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

impl StartError {
    /// The text for standard error: one line for each problem found.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.lines().to_vec(),
            other => vec![other.to_string()],
        }
    }
}

impl From<SecretError> for StartError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            SecretError::Other(_) => Self::Secret(error),
        }
    }
}

impl From<KeyError> for StartError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Unsealable(_) | KeyError::Unusable => Self::Keys(error),
        }
    }
}

/// The application, put together: what tests drive without a port, and [`serve`] with one.
#[derive(Debug)]
pub struct Application {
    pub state: AppState,
    pub store: Arc<dyn Store>,
    pub secrets: Arc<SecretVersions>,
    pub ended: Arc<EndedSessions>,
    pub(super) deliveries: delivery::Deliveries,
}

impl Application {
    /// Puts the application together on a store and a clock.
    ///
    /// # Errors
    ///
    /// [`StartError::Keys`] if the stored signing keys cannot be opened, or what the store fails with.
    ///
    /// # Panics
    ///
    /// Never: the application knows the secret of its own client.
    pub async fn assemble(
        config: &Config,
        options: LeptosOptions,
        master_secrets: &MasterSecrets,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let now = clock.now();
        let AuthConfig { access_ttl, refresh_ttl, signing_key_rotation, password_min_length, .. } = config.auth;
        let public_url = &config.http.public_url;
        let keyring = Arc::new(Keyring::derive(master_secrets.iter()));
        let secrets = Arc::new(SecretVersions::load(store.clone(), Arc::clone(&keyring), refresh_ttl).await?);
        let schedule = KeySchedule::new(signing_key_rotation, access_ttl);
        let keys = Arc::new(SigningKeys::load(store.clone(), Arc::clone(&keyring), schedule, now).await?);
        let tokens = Arc::new(Tokens::new(Arc::clone(&keyring), keys, public_url.origin(), access_ttl));
        let clients = Arc::new(Clients::load(store.clone(), &keyring).await?);
        let own = ClientCredentials { id: WEB, secret: keyring.web_client_secret() };
        let web_client = clients.authenticate(own).expect("both sides of its secret come from one keyring");
        let ended = Arc::new(EndedSessions::new(access_ttl));
        ended.rebuild(&*store, now).await?;
        let (delivery, deliveries) = Delivery::new();
        let sessions = Arc::new(Sessions::new(
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&tokens),
            Arc::clone(&secrets),
            Arc::clone(&ended),
            delivery,
            refresh_ttl,
        ));
        let accounts = Arc::new(Accounts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            sessions: Arc::clone(&sessions),
            hasher: Hasher::for_this_machine()?,
            policy: PasswordPolicy { min_chars: password_min_length },
        });
        let upstream_tokens = UpstreamTokens::new(Arc::clone(&tokens), Arc::clone(&clock), access_ttl);
        let gateway = Gateway::new(&config.gateway, public_url, Arc::clone(&sessions), upstream_tokens);
        let settings = PublicSettings {
            access_ttl_secs: access_ttl.as_secs(),
            refresh_ttl_secs: refresh_ttl.as_secs(),
            password_min_length,
        };
        let state = AppState {
            options,
            limits: Arc::new(RateLimits::new(&Allowances::from(&config.limits), &clock)),
            clock,
            sessions,
            accounts,
            tokens,
            clients,
            web_client,
            cookies: SessionCookies::new(public_url.is_https()),
            keyring,
            gateway: Arc::new(gateway),
            settings,
        };
        Ok(Self { state, store, secrets, ended, deliveries })
    }

    /// Notes in the store which version of the master secret this server makes tokens under. To be called before it
    /// makes the first: a version that the store does not know is another installation's.
    ///
    /// # Errors
    ///
    /// [`StartError::Secret`] if it is another installation's, or what the store fails with.
    pub async fn announce(&self) -> Result<(), StartError> {
        Ok(self.secrets.record(self.state.clock.now()).await?)
    }
}

/// Serves until it is stopped by a signal.
///
/// # Errors
///
/// [`StartError`]: one line says what and how to mend it.
pub fn serve(settings: &Path) -> Result<(), StartError> {
    let config = Config::load(settings)?;
    let options = leptos_options(settings)?;
    telemetry::init(&config.log);
    telemetry::log_panics();
    let secrets = master_secrets(&config)?;
    runtime()?.block_on(serve_until_stopped(config, options, secrets))
}

/// Opens the store that the settings name.
///
/// # Errors
///
/// [`StartError::Database`].
pub async fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let url = config.database_url();
    let opened = if url.is_postgres() { open_postgres(config, &url).await } else { open_sqlite(&url).await };
    opened.map_err(|cause| StartError::Database { url, cause })
}

async fn open_sqlite(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    let options = SqliteConnectOptions::from_str(url.as_str())?;
    Ok(Arc::new(SqliteStore::open(options.get_filename()).await?))
}

async fn open_postgres(config: &Config, url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    let DatabaseConfig { pool_size, acquire_timeout, statement_timeout, tls, ref tls_ca_file, .. } = config.database;
    let store = PostgresStore::open(PostgresSettings {
        url: url.as_str().to_owned(),
        pool_size,
        acquire_timeout,
        statement_timeout,
        tls: tls.map(PgSslMode::from),
        tls_ca_file: tls_ca_file.clone(),
    });
    Ok(Arc::new(store.await?))
}

/// Loads the master secret, or makes it at the first start and says so.
///
/// # Errors
///
/// [`StartError::Config`].
pub fn master_secrets(config: &Config) -> Result<MasterSecrets, StartError> {
    config.data.prepare()?;
    let (secrets, origin) = MasterSecrets::load_or_create(&config.auth.master_secret, &config.data.dir)?;
    if let SecretSource::Generated(file) = origin {
        info!(file = %file.display(), "made a master secret; keep it safe, and give the same one to every server");
    }
    Ok(secrets)
}

/// The runtime that everything asynchronous runs on, save for what the workers of [`serve_connections`] do.
///
/// # Errors
///
/// The operating system gives no threads.
pub fn runtime() -> Result<Runtime, StartError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Refuses prefixes of the gateway that would hide a page or a server function.
///
/// # Errors
///
/// [`StartError::PrefixConflict`].
pub fn refuse_prefix_conflicts(config: &Config) -> Result<(), StartError> {
    let taken = router::paths_of_the_application();
    for route in &config.gateway.routes {
        if let Some(path) = prefix_conflict::hidden_by(&route.prefix, taken.iter().map(String::as_str)) {
            return Err(StartError::PrefixConflict { prefix: route.prefix.clone(), path: path.to_owned() });
        }
    }
    Ok(())
}

async fn serve_until_stopped(config: Config, options: LeptosOptions, secrets: MasterSecrets) -> Result<(), StartError> {
    refuse_prefix_conflicts(&config)?;
    let address = options.site_addr;
    let listener = TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })?;
    let store = open_store(&config).await?;
    let application =
        Application::assemble(&config, options, &secrets, Arc::clone(&store), Arc::new(SystemClock)).await?;
    application.announce().await?;
    let readiness = Readiness::default();
    let router = router::router(&application.state, &store, &config, &readiness);
    let (_state, background) = application.start_background();
    let workers = Arc::new(Workers::start()?);
    let stop = stop_on_signals()?;
    let max_connections =
        super::open_files::connections_within(super::open_files::raise_limit(), config.http.max_connections);
    let settings = ServeSettings { max_connections, ..ServeSettings::from(&config.http) };
    info!(url = config.http.public_url.origin(), %address, "serving");
    serve_connections(listener, router, settings, Arc::clone(&workers), readiness, stop).await;
    // What works in the background would complain that the store is closed.
    drop(background);
    // A rotation whose client has hung up may still be under way; the store waits for it.
    if timeout(CLOSE_TIMEOUT, store.close()).await.is_err() {
        warn!("the store was not closed in time: a statement is still running");
    }
    drop(workers);
    info!("stopped");
    Ok(())
}

impl From<&HttpConfig> for ServeSettings {
    fn from(config: &HttpConfig) -> Self {
        Self {
            max_connections: config.max_connections,
            max_header_bytes: config.max_header_bytes,
            header_timeout: config.header_timeout,
            idle_timeout: config.idle_timeout,
            drain_delay: config.drain_delay,
            shutdown_timeout: config.shutdown_timeout,
            ..Self::default()
        }
    }
}

impl From<&HttpConfig> for RequestLimits {
    fn from(config: &HttpConfig) -> Self {
        Self {
            max_body_bytes: u64::try_from(config.max_body_bytes).unwrap_or(u64::MAX),
            max_header_bytes: config.max_header_bytes,
            body_timeout: config.body_timeout,
            response_timeout: config.request_timeout,
            overdue: StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<&LimitsConfig> for Allowances {
    fn from(config: &LimitsConfig) -> Self {
        let allowance = |rate: crate::server::config::Rate| (rate.count(), rate.period());
        Self {
            sign_in_per_address: allowance(config.sign_in_per_address),
            sign_in_per_account: allowance(config.sign_in_per_account),
            sign_up_per_address: allowance(config.sign_up_per_address),
            password_rating_per_address: allowance(config.password_rating_per_address),
            client_failure_per_address: allowance(config.client_failure_per_address),
        }
    }
}
