//! `[app.database]`: where accounts and sessions are stored.

use super::{
    keys::{KeyWalker, Section, Value, Written, quoted, quoted_duration},
    problems::Problems,
};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{fmt, path::PathBuf, time::Duration};

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// `None` is the SQLite file in the data folder; see [`super::Config::database_url`].
    pub url: Option<DatabaseUrl>,
    /// How many connections to Postgres serve requests.
    pub pool_size: u32,
    /// How long a request waits for one of them.
    pub acquire_timeout: Duration,
    /// How long one statement may take in Postgres.
    pub statement_timeout: Duration,
    /// Whether the connection to Postgres is encrypted; `None` is what the URL says, else what fits its host.
    pub tls: Option<TlsMode>,
    /// Certificates that the one of Postgres may be signed by, besides the public ones.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            pool_size: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            tls: None,
            tls_ca_file: None,
        }
    }
}

/// A database's URL, which may hold a password. `Debug` hides whatever follows the scheme, except for SQLite.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL in full.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.scheme(), "postgres" | "postgresql")
    }

    fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    fn redacted(&self) -> String {
        if self.scheme() == "sqlite" { self.0.clone() } else { format!("{}://…", self.scheme()) }
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// Whether the connection to Postgres is encrypted, and who is believed to be at its other end. The names are those
/// of libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    Disable,
    /// If the database offers it. No protection from an attacker who can change what is sent.
    Prefer,
    /// Encrypted, but the server's certificate is not verified.
    Require,
    /// The certificate is genuine, whatever its name.
    VerifyCa,
    /// The certificate is genuine and of this host.
    VerifyFull,
}

impl TlsMode {
    const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    const fn looks_at_certificates(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

impl From<TlsMode> for PgSslMode {
    fn from(mode: TlsMode) -> Self {
        match mode {
            TlsMode::Disable => Self::Disable,
            TlsMode::Prefer => Self::Prefer,
            TlsMode::Require => Self::Require,
            TlsMode::VerifyCa => Self::VerifyCa,
            TlsMode::VerifyFull => Self::VerifyFull,
        }
    }
}

impl Value for Option<DatabaseUrl> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = Some(DatabaseUrl::from(written.text()?));
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|url| quoted(url.redacted()))
    }

    fn example(&self) -> &'static str {
        EXAMPLE
    }

    fn may_hold_a_secret(&self) -> bool {
        true
    }
}

impl Value for Option<TlsMode> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        let text = written.text()?;
        let mode = TlsMode::ALL.into_iter().find(|mode| mode.name() == text);
        *self = Some(mode.ok_or("no such mode")?);
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        self.map(|mode| quoted(mode.name()))
    }

    fn example(&self) -> &'static str {
        "\"disable\", \"prefer\", \"require\", \"verify-ca\" or \"verify-full\""
    }
}

impl Value for Option<PathBuf> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = Some(written.text()?.into());
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(|path| quoted(path.display()))
    }

    fn example(&self) -> &'static str {
        "the path of a file, such as \"/etc/ssl/private-ca.pem\""
    }
}

const EXAMPLE: &str = "a URL such as \"sqlite://data/tokenlife.sqlite3\" or \"postgres://user:password@host/database\"";
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

impl Section for DatabaseConfig {
    fn name(&self) -> &'static str {
        "database"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("url", &mut self.url);
        walker.key("pool_size", &mut self.pool_size);
        walker.key("acquire_timeout", &mut self.acquire_timeout);
        walker.key("statement_timeout", &mut self.statement_timeout);
        walker.key("tls", &mut self.tls);
        walker.key("tls_ca_file", &mut self.tls_ca_file);
    }

    fn validate(&self, problems: &mut Problems) {
        problems.require_range(("database", "pool_size"), self.pool_size, &(1..=1000), |size| size.to_string());
        for (key, limit) in [("acquire_timeout", self.acquire_timeout), ("statement_timeout", self.statement_timeout)] {
            problems.require_range(("database", key), limit, &(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT), quoted_duration);
        }
        if self.tls_ca_file.is_some() && self.tls.is_some_and(|mode| !mode.looks_at_certificates()) {
            let remedy = "write tls = \"verify-full\", or leave one of the two out";
            problems.refuse(("database", "tls_ca_file"), "tls is set to look at no certificate", remedy);
        }
        if let Some(url) = &self.url {
            validate_url(url, problems);
        }
    }
}

fn validate_url(url: &DatabaseUrl, problems: &mut Problems) {
    let key = ("database", "url");
    match url.scheme() {
        "sqlite" if url.0.trim_start_matches("sqlite:").trim_matches('/').is_empty() => {
            problems.refuse(key, "names no file", format_args!("write {EXAMPLE}"));
        }
        "sqlite" => {}
        "postgres" | "postgresql" => {
            // The text of the problem is left out: it may hold the password.
            if url.0.parse::<PgConnectOptions>().is_err() {
                let remedy = "write \"postgres://user:password@host:5432/database\", with %40 for @, %2F for / and so on in a password";
                problems.refuse(key, "not a URL that leads to a Postgres database", remedy);
            }
        }
        "" => problems.refuse(key, "not a URL", format_args!("write {EXAMPLE}")),
        _ => problems.refuse(key, "not a database this application knows", format_args!("write {EXAMPLE}")),
    }
}
