//! How connections are opened, pooled and discarded.

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{fmt, io, net::IpAddr, path::PathBuf, time::Duration};
use tokio::time::timeout;
use url::Url;

/// The name of the application in `pg_stat_activity`, unless the URL sets another one.
const APPLICATION_NAME: &str = "tokenlife";
/// How long after its last use a connection is assumed to be alive.
const TRUSTED_FOR: Duration = Duration::from_millis(50);
/// How long a connection may take to become ready for the next statement. After that it is discarded.
const MAX_RECOVERY: Duration = Duration::from_secs(1);

/// The address of the database, and the settings of its connections.
#[derive(Clone)]
pub struct PostgresSettings {
    pub url: String,
    /// How many connections serve requests.
    pub pool_size: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// `None`: as the URL specifies, else the default for its host.
    pub tls: Option<PgSslMode>,
    /// CA certificates that are trusted besides the public ones.
    pub tls_ca_file: Option<PathBuf>,
}

impl PostgresSettings {
    /// # Errors
    ///
    /// [`sqlx::Error::Configuration`] if the URL cannot be parsed.
    pub(super) fn connect_options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let mut options: PgConnectOptions = self.url.parse()?;
        if options.get_application_name().is_none() {
            options = options.application_name(APPLICATION_NAME);
        }
        if let Some(mode) = self.tls {
            options = options.ssl_mode(mode);
        } else if !says_tls(&self.url) {
            let mode = default_tls(&options);
            options = options.ssl_mode(mode);
        }
        if let Some(file) = &self.tls_ca_file {
            options = options.ssl_root_cert(file);
        }
        // A commit that was reported survives a crash, whatever the database's own setting.
        Ok(options.options([("synchronous_commit", "on")]))
    }

    /// The longest that a statement may take, including the wait for a connection. The database cancels it earlier by
    /// itself; a longer wait means that the database hangs or the network is down.
    pub(super) fn give_up_after(&self) -> Duration {
        self.acquire_timeout + self.statement_timeout + MAX_RECOVERY
    }

    /// # Errors
    ///
    /// [`sqlx::Error`] if the URL cannot be parsed or the database cannot be reached.
    pub(super) async fn pool(&self, size: u32) -> Result<PgPool, sqlx::Error> {
        let limit = self.statement_timeout.as_millis();
        let options = self.connect_options()?.options([("statement_timeout", limit)]);
        PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(self.acquire_timeout)
            // A connection that died while idle is detected before a request gets it. In a busy pool none is idle for
            // long, and a test each time would cost a round trip for each statement.
            .test_before_acquire(false)
            .before_acquire(|connection, use_of| {
                Box::pin(async move {
                    if use_of.idle_for >= TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            // A cancelled statement leaves its result to be read. If none arrives, the slot in the pool must not be
            // lost until the network reports an error, which takes a quarter of an hour.
            .after_release(|connection, _| {
                Box::pin(async move {
                    let recovered = timeout(MAX_RECOVERY, connection.ping()).await;
                    recovered.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())).map(|()| true)
                })
            })
            .connect_with(options)
            .await
    }

    /// A single connection for work without a time limit.
    ///
    /// # Errors
    ///
    /// [`sqlx::Error`] if the URL cannot be parsed or the database cannot be reached.
    pub(super) async fn single(&self) -> Result<PgPool, sqlx::Error> {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(self.connect_options()?)
            .await
    }
}

/// Hides the URL, which may hold a password.
impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings").field("pool_size", &self.pool_size).finish_non_exhaustive()
    }
}

/// Whether the URL itself specifies the TLS mode.
fn says_tls(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.query_pairs().any(|(key, _)| matches!(&*key, "sslmode" | "ssl-mode")))
}

/// Connections to other machines are encrypted and verify the host name of the URL.
fn default_tls(options: &PgConnectOptions) -> PgSslMode {
    let host = options.get_host();
    if options.get_socket().is_some() || host.starts_with('/') {
        PgSslMode::Disable
    } else if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        PgSslMode::Prefer
    } else {
        PgSslMode::VerifyFull
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str, tls: Option<PgSslMode>) -> String {
        let settings = PostgresSettings {
            url: url.to_owned(),
            pool_size: 1,
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(1),
            tls,
            tls_ca_file: None,
        };
        format!("{:?}", settings.connect_options().unwrap().get_ssl_mode())
    }

    #[test]
    fn connections_to_other_machines_are_encrypted_by_default() {
        for (url, expected) in [
            ("postgres://u@db.example.com/x", "VerifyFull"),
            ("postgres://u@10.0.0.5/x", "VerifyFull"),
            ("postgres://u@127.0.0.1/x", "Prefer"),
            ("postgres://u@localhost:5433/x", "Prefer"),
            ("postgres://u@%2Frun%2Fpostgresql/x", "Disable"),
            ("postgres://u@localhost/x?host=/run/postgresql", "Disable"),
            ("postgres://u@db.example.com/x?sslmode=disable", "Disable"),
            ("postgres://u@127.0.0.1/x?sslmode=verify-ca", "VerifyCa"),
        ] {
            assert_eq!(mode(url, None), expected, "{url}");
        }
        assert_eq!(mode("postgres://u@db/x?sslmode=disable", Some(PgSslMode::Require)), "Require");
    }

    #[test]
    fn the_settings_do_not_show_the_password() {
        let shown = format!(
            "{:?}",
            PostgresSettings {
                url: "postgres://u:hunter2@db/x".to_owned(),
                pool_size: 1,
                acquire_timeout: Duration::ZERO,
                statement_timeout: Duration::ZERO,
                tls: None,
                tls_ca_file: None,
            }
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
