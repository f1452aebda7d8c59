//! The settings: `Leptos.toml`, and over it the environment variables `TOKENLIFE__SECTION__KEY`.
//!
//! Everything is read and checked once, at start. [`Config::load`] reports all problems it finds, one line each.
//! Tables that may come several times, `[[app.gateway.route]]`, stand in the file only.
//! A new key is one field and one line in its section's `keys`, a line of documentation in `Leptos.toml`, and, if not
//! every value makes sense, a check in the section's `validate`.

mod auth;
mod data;
mod database;
mod environment;
mod file;
mod gateway;
mod http;
mod keys;
mod limits;
mod log;
mod master_secret;
mod master_secrets;
mod problems;
mod public_url;
mod reader;
mod secret_file;
mod site;

pub use auth::AuthConfig;
pub use data::DataConfig;
pub use database::{DatabaseConfig, DatabaseUrl, TlsMode};
pub use environment::Environment;
pub use gateway::{GatewayConfig, RouteConfig, TokenPolicy, UpstreamUrl};
pub use http::HttpConfig;
pub use limits::{LimitsConfig, Rate, RateError};
pub use log::{LogConfig, LogFormat};
pub use master_secret::{MasterSecret, WeakSecret};
pub use master_secrets::{MasterSecretSource, MasterSecrets, SecretSource, WrongSecrets};
pub use problems::ConfigError;
pub use public_url::{PublicUrl, PublicUrlError};
pub use site::leptos_options;

use file::SettingsFile;
use keys::{KeyWalker, Section, Tables, Value};
use problems::{KeyPath, Problems};
use reader::Reader;
use std::path::{Path, PathBuf};

/// The settings in effect. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub data: DataConfig,
    pub database: DatabaseConfig,
    pub http: HttpConfig,
    pub auth: AuthConfig,
    pub limits: LimitsConfig,
    pub gateway: GatewayConfig,
    pub log: LogConfig,
    /// Whether `cargo leptos watch` runs the server (`LEPTOS_WATCH`): pages then carry its reload script.
    pub watch: bool,
}

/// One setting in effect, for `tokenlife config check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The `<section>` of its table `[app.<section>]`, or of the tables `[[app.<section>]]`.
    pub section: &'static str,
    /// Which of those tables, if there may be several.
    pub item: Option<usize>,
    pub key: &'static str,
    /// As it would be written in the file; `None` if nothing is set.
    pub value: Option<String>,
    /// Where it was written: `Leptos.toml:12`, the name of a variable, or `default`.
    pub source: String,
}

impl Config {
    /// Reads the settings file and lays this process's environment over it.
    ///
    /// # Errors
    ///
    /// All problems found, one line each.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_from(path, &Environment::of_process())
    }

    /// The same with an environment of the caller's choice.
    ///
    /// # Errors
    ///
    /// All problems found, one line each.
    pub fn load_from(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Self::explain(path, environment).map(|(config, _)| config)
    }

    /// The same, and where each setting came from. Secrets are not among the settings explained.
    ///
    /// # Errors
    ///
    /// All problems found, one line each.
    pub fn explain(path: &Path, environment: &Environment) -> Result<(Self, Vec<Setting>), ConfigError> {
        let file = SettingsFile::read(path)?;
        let mut config = Self { watch: environment.is_set("LEPTOS_WATCH"), ..Self::default() };
        if let Some(address) = file.site_addr(environment) {
            config.http.public_url = PublicUrl::of_listener(address);
        }
        config.log.colours = environment.get_lenient("NO_COLOR").is_none();

        let mut reader = Reader::new(&file, environment);
        for section in config.sections_mut() {
            reader.read(section);
        }
        let mut problems = reader.finish();
        config.look_for_problems(&mut problems);
        problems.result()?;

        let mut listing = Listing { section: "", item: None, origins: &problems, settings: Vec::new() };
        for section in config.clone().sections_mut() {
            (listing.section, listing.item) = (section.name(), None);
            section.keys(&mut listing);
        }
        let settings = listing.settings;
        Ok((config, settings))
    }

    /// Looks at settings that were put together by hand, as [`Self::load`] does with those it read.
    ///
    /// # Errors
    ///
    /// All problems found, one line each.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::default();
        self.look_for_problems(&mut problems);
        problems.result()
    }

    fn look_for_problems(&self, problems: &mut Problems) {
        for section in self.sections() {
            section.validate(problems);
        }
        self.gateway.validate_beside(&self.http.public_url, problems);
    }

    /// The database: the one that was set, else a file in the data folder.
    #[must_use]
    pub fn database_url(&self) -> DatabaseUrl {
        self.database.url.clone().unwrap_or_else(|| self.data.sqlite_url().into())
    }

    /// Settings for tests: a database in memory, a random master secret, and a data folder that does not exist, so
    /// that a test that needs one has to bring it.
    #[doc(hidden)]
    #[must_use]
    pub fn for_tests() -> Self {
        let mut config = Self::default();
        config.data.dir = PathBuf::from("/nonexistent/tokenlife-tests");
        config.database.url = Some("sqlite::memory:".into());
        config.auth.master_secret = MasterSecretSource::Given(MasterSecrets::generate());
        config
    }

    fn sections(&self) -> [&dyn Section; 7] {
        [&self.data, &self.database, &self.http, &self.auth, &self.limits, &self.gateway, &self.log]
    }

    fn sections_mut(&mut self) -> [&mut dyn Section; 7] {
        [
            &mut self.data,
            &mut self.database,
            &mut self.http,
            &mut self.auth,
            &mut self.limits,
            &mut self.gateway,
            &mut self.log,
        ]
    }
}

/// Writes down what is in effect.
struct Listing<'a> {
    section: &'static str,
    item: Option<usize>,
    origins: &'a Problems,
    settings: Vec<Setting>,
}

impl KeyWalker for Listing<'_> {
    fn key(&mut self, key: &'static str, value: &mut dyn Value) {
        let Self { section, item, .. } = *self;
        let source = self.origins.source(KeyPath { table: section, item, key });
        self.settings.push(Setting { section, item, key, value: value.to_toml(), source });
    }

    fn secret(&mut self, _key: &'static str, _value: &mut dyn Value) {}

    fn tables(&mut self, name: &'static str, tables: &mut dyn Tables) {
        for item in 0..tables.count() {
            (self.section, self.item) = (name, Some(item));
            tables.keys(item, self);
        }
    }
}
