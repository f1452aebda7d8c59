//! `[package.metadata.leptos]`: Leptos's own settings.

use super::{file::SettingsFile, problems::ConfigError};
use leptos::config::{LeptosOptions, errors::LeptosConfigError, get_configuration};
use std::path::Path;

/// The keys that `leptos_config` reads when the server runs; cargo-leptos reads more of them, from `Cargo.toml`.
pub(super) const KEYS: [&str; 14] = [
    "output-name",
    "site-root",
    "site-pkg-dir",
    "site-addr",
    "reload-port",
    "env",
    "hash-file",
    "hash-files",
    "not-found-path",
    "reload-external-port",
    "reload-ws-protocol",
    "server-fn-prefix",
    "disable-server-fn-hash",
    "server-fn-mod-path",
];

/// Reads Leptos's part of the settings file. `LEPTOS_*` variables override it; cargo-leptos sets them.
///
/// # Errors
///
/// One line saying what Leptos could not read.
pub fn leptos_options(path: &Path) -> Result<LeptosOptions, ConfigError> {
    // Leptos would not say why it cannot read a file, nor notice a misspelt key.
    SettingsFile::read(path)?;
    let name = &path.display();
    let path = path.to_str().ok_or_else(|| ConfigError::new(name, "not a UTF-8 path", "rename the file"))?;
    let settings = get_configuration(Some(path)).map_err(|error| match error {
        LeptosConfigError::ConfigSectionNotFound => ConfigError::new(
            name,
            "Leptos's settings are missing",
            "write them below the line [package.metadata.leptos]",
        ),
        other => ConfigError::new(
            format_args!("{name}: [package.metadata.leptos]"),
            other.to_string().replace("Config Error: ", ""),
            "mend the key, or the variable LEPTOS_… that overrides it",
        ),
    })?;
    Ok(settings.leptos_options)
}
