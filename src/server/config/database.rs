//! `[app.database]`: where accounts and sessions are stored.

use super::{
    keys::{Section, Value, Visitor, Written, quoted},
    problems::Problems,
};
use std::fmt;

/// The store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// `None` is the SQLite file in the data folder; see [`super::Config::database_url`].
    pub url: Option<DatabaseUrl>,
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

const EXAMPLE: &str = "a URL such as \"sqlite://data/tokenlife.sqlite3\"";

impl Section for DatabaseConfig {
    fn name(&self) -> &'static str {
        "database"
    }

    fn keys(&mut self, visitor: &mut dyn Visitor) {
        visitor.key("url", &mut self.url);
    }

    fn validate(&self, problems: &mut Problems) {
        let Some(url) = &self.url else { return };
        let key = ("database", "url");
        match url.scheme() {
            "sqlite" if url.0.trim_start_matches("sqlite:").trim_matches('/').is_empty() => {
                problems.refuse(key, "names no file", format_args!("write {EXAMPLE}"));
            }
            "sqlite" => {}
            "postgres" | "postgresql" => {
                let remedy = "remove it to use SQLite in the data folder";
                problems.refuse(key, "Postgres comes in a later version", remedy);
            }
            "" => problems.refuse(key, "not a URL", format_args!("write {EXAMPLE}")),
            _ => problems.refuse(key, "not a database this application knows", format_args!("write {EXAMPLE}")),
        }
    }
}
