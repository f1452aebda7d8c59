//! The settings that pages speak of, so that no text says something else than what the server does.

use crate::model::PublicSettings;
use leptos::prelude::*;

/// Takes over the [`PublicSettings`] that the server provides, and hands them to the browser as well. Called once, by
/// the application.
pub fn provide_settings() {
    // The server provides none only while it lists the routes, when nothing is shown.
    let settings = SharedValue::new(|| use_context::<PublicSettings>().unwrap_or_default()).into_inner();
    provide_context(settings);
}

/// The settings that pages speak of.
///
/// # Panics
///
/// Outside of the application, where nobody has provided them.
#[must_use]
pub fn use_settings() -> PublicSettings {
    expect_context()
}
