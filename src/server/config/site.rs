//! `[package.metadata.leptos]`: Leptos's own settings.

use super::{file::SettingsFile, problems::ConfigError};
use leptos::config::{LeptosOptions, errors::LeptosConfigError, get_configuration};
use std::path::Path;

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
