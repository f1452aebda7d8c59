//! What the server tells the page it renders, and with it the browser, where hydration has to build the same page.

use crate::model::{FormEcho, Offered, PageData, PublicSettings};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct PageContext {
    settings: PublicSettings,
    offered: Offered,
    /// Taken by the form it is about.
    echo: StoredValue<Option<FormEcho>>,
}

/// The [`PageData`] that the server provides for each page, on both sides.
#[must_use]
pub fn receive_page_data() -> PageData {
    // The server provides none only while it lists the routes, when nothing is shown.
    SharedValue::new(|| use_context::<PageData>().unwrap_or_default()).into_inner()
}

/// Makes known to the components below what does not change as long as the page lives. Called once, by the application.
pub fn provide_page_data(settings: PublicSettings, offered: Offered, echo: Option<FormEcho>) {
    provide_context(PageContext { settings, offered, echo: StoredValue::new(echo) });
}

/// The settings that pages speak of, so that no text says something else than what the server does.
///
/// # Panics
///
/// Outside of the application, where nobody has provided them.
#[must_use]
pub fn use_settings() -> PublicSettings {
    expect_context::<PageContext>().settings
}

/// What this application offers besides accounts: pages for the rest are neither shown nor linked to.
///
/// # Panics
///
/// As [`use_settings`].
#[must_use]
pub fn use_offered() -> Offered {
    expect_context::<PageContext>().offered
}

/// The refused form that was sent to this server function without JavaScript, if there is one. It is shown once: who
/// comes back to the page later finds an empty form.
///
/// # Panics
///
/// As [`use_settings`].
#[must_use]
pub fn use_form_echo(action: &'static str) -> Option<FormEcho> {
    let PageContext { echo, .. } = expect_context();
    // The server may build a view more than once before it is sent, so that only the browser uses the echo up.
    Effect::new(move |_| echo.update_value(|echo| drop(echo.take_if(|echo| echo.action == action))));
    echo.with_value(|echo| echo.clone().filter(|echo| echo.action == action))
}
