//! Upstream calls: one function, the same in a page's loader and in an event handler.
//!
//! ```no_run
//! # use leptos::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! # use tokenlife::{api, components::loader::use_loader};
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Note {
//!     id: u32,
//!     text: String,
//! }
//!
//! #[component]
//! fn Notes() -> impl IntoView {
//!     // While the page is rendered on the server, and in the browser whenever it is reloaded.
//!     let notes = use_loader(|| (), |()| api::get::<Vec<Note>>("/api/notes"));
//!     // On a click.
//!     let change = Action::new(|note: &Note| api::put::<Note>(format!("/api/notes/{}", note.id), note));
//!     // …
//! #   let _ = (notes, change);
//! }
//! ```
//!
//! In the browser a call goes to the gateway, with the browser's cookies, and the session is kept alive around it as
//! around a server function. While a page is rendered it goes straight to the upstream, with the user's access token in
//! `Authorization`. Either way the path is that of the gateway route.
//!
//! A `get` is aborted when its owner is gone: the component, or the resource that is reloaded. Calls that change
//! something go on.

mod browser;

use crate::{
    encoding::Wire,
    error::AppError,
    upstream::{CallError, UpstreamContext, UpstreamRequest},
};
use gloo_net::http::Method;
use leptos::{
    prelude::use_context,
    server_fn::{Bytes, Encodes},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, pin::Pin};

/// A pending call.
pub type Calling<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// Sends a `GET` request and reads the response.
///
/// # Errors
///
/// [`CallError`] if the response did not arrive, is an error, or is not of the type `T`.
pub fn get<T: DeserializeOwned + 'static>(path: impl Into<String>) -> Calling<T> {
    call(Method::GET, path.into(), Ok(None))
}

/// Sends a `POST` request and reads the response; `()` if it is empty.
///
/// # Errors
///
/// As [`get`].
pub fn post<T: DeserializeOwned + 'static>(path: impl Into<String>, body: &impl Serialize) -> Calling<T> {
    call(Method::POST, path.into(), encode(body))
}

/// Sends a `PUT` request and reads the response; `()` if it is empty.
///
/// # Errors
///
/// As [`get`].
pub fn put<T: DeserializeOwned + 'static>(path: impl Into<String>, body: &impl Serialize) -> Calling<T> {
    call(Method::PUT, path.into(), encode(body))
}

/// Sends a `DELETE` request and reads the response; `()` if it is empty.
///
/// # Errors
///
/// As [`get`].
pub fn delete<T: DeserializeOwned + 'static>(path: impl Into<String>) -> Calling<T> {
    call(Method::DELETE, path.into(), Ok(None))
}

fn encode(body: &impl Serialize) -> Result<Option<Bytes>, CallError> {
    // A value that cannot be written as JSON, such as a map whose keys are no strings, is an error of the caller.
    Wire::encode(body).map(Some).map_err(|_| CallError::App(AppError::Internal))
}

fn call<T: DeserializeOwned + 'static>(
    method: Method,
    path: String,
    body: Result<Option<Bytes>, CallError>,
) -> Calling<T> {
    // Both belong to the caller's reactive owner, so they are read now and not when the call is first awaited.
    let services = use_context::<UpstreamContext>();
    let abort = browser::Abort::with_owner(&method);
    Box::pin(async move {
        let call = UpstreamRequest { method, path, body: body? };
        let response = match services {
            Some(UpstreamContext(services)) => services.call(call).await?,
            None if browser::IS_BROWSER => browser::send(call, abort).await?,
            // On the server, but outside of a page.
            None => return Err(CallError::App(AppError::Internal)),
        };
        response.read()
    })
}
