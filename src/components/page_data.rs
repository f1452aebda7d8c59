//! The data that the server renders a page from and sends along, because hydration has to build the same page.

use crate::{
    encoding::{self, Value},
    error::AppError,
    model::{Current, FormEcho, Offered, PageData, PublicSettings, json},
};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct PageContext {
    settings: PublicSettings,
    offered: Offered,
    /// Consumed by the form it belongs to.
    echo: StoredValue<Option<String>>,
}

/// The [`PageData`]: on the server from the context of the request, in the browser from the document.
#[must_use]
pub fn receive_page_data() -> PageData {
    // The server provides none while it lists the routes, when nothing is shown.
    let received = if cfg!(target_family = "wasm") { read() } else { use_context() };
    received.unwrap_or_default()
}

fn read() -> Option<PageData> {
    let data = Value::parse(&document().get_element_by_id(PageData::ELEMENT_ID)?.text_content()?)?;
    let settings = data.get("settings");
    Some(PageData {
        current: read_current(&data.get("current")),
        settings: PublicSettings {
            access_ttl_secs: settings.get("access_ttl_secs").count()?,
            refresh_ttl_secs: settings.get("refresh_ttl_secs").count()?,
            password_min_length: settings.get("password_min_length").count()?.try_into().ok()?,
        },
        offered: Offered { notes: data.get("offered").get("notes").is_true() },
        echo: data.get("echo").text(),
    })
}

fn read_current(current: &Value) -> Current {
    let (user, error) = (current.get("Ok"), current.get("Err"));
    if error.is_something() { Err(json::error(&error).unwrap_or(AppError::Internal)) } else { Ok(json::user(&user)) }
}

/// Provides the components with the data that does not change as long as the page lives. Called once, by the
/// application.
pub fn provide_page_data(settings: PublicSettings, offered: Offered, echo: Option<String>) {
    provide_context(PageContext { settings, offered, echo: StoredValue::new(echo) });
}

/// The settings that pages mention, so that their texts agree with the server.
///
/// # Panics
///
/// Outside of the application, where they are not provided.
#[must_use]
pub fn use_settings() -> PublicSettings {
    expect_context::<PageContext>().settings
}

/// The upstream services offered besides accounts: pages of others are neither shown nor linked to.
///
/// # Panics
///
/// As [`use_settings`].
#[must_use]
pub fn use_offered() -> Offered {
    expect_context::<PageContext>().offered
}

/// The refused form that was sent to this server function without JavaScript, if there is one. It is shown once: on a
/// later visit of the page the form is empty.
///
/// # Panics
///
/// As [`use_settings`].
#[must_use]
pub fn use_form_echo(action: &'static str) -> Option<FormEcho> {
    let PageContext { echo, .. } = expect_context();
    let text = echo.get_value()?;
    let refused: FormEcho = encoding::read(text.as_bytes()).ok()?;
    let is_ours = refused.action == action;
    // The server may build a view more than once before it is sent, so only the browser consumes the echo.
    Effect::new(move |_| {
        if is_ours {
            echo.set_value(None);
        }
    });
    is_ours.then_some(refused)
}
