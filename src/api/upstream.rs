//! Calls of the services behind: one function, the same in a page's loader and in an event handler.
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
//!     // While the page is rendered on the server, and in the browser whenever it is loaded anew.
//!     let notes = use_loader(|| (), |()| api::get::<Vec<Note>>("/api/notes"));
//!     // When somebody clicks.
//!     let change = Action::new(|note: &Note| api::put::<Note>(format!("/api/notes/{}", note.id), note));
//!     // …
//! #   let _ = (notes, change);
//! }
//! ```
//!
//! In the browser a call goes to the gateway, with the cookies that travel by themselves, and the session is kept alive
//! around it as around a server function. While a page is rendered it goes straight to the service, with the person's
//! token in `Authorization`. Either way the path is the one of the gateway's route.
//!
//! A `get` is given up when whatever asked for it is gone: the component, or the resource that is loaded anew. What
//! changes something goes on.

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

/// A call under way.
pub type Calling<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// Gets something.
///
/// # Errors
///
/// [`CallError`].
pub fn get<T: DeserializeOwned + 'static>(path: impl Into<String>) -> Calling<T> {
    call(Method::GET, path.into(), Ok(None))
}

/// Sends something, and reads what comes back; `()` if nothing does.
///
/// # Errors
///
/// [`CallError`].
pub fn post<T: DeserializeOwned + 'static>(path: impl Into<String>, body: &impl Serialize) -> Calling<T> {
    call(Method::POST, path.into(), encode(body))
}

/// Puts something in the place of what is there, and reads what comes back; `()` if nothing does.
///
/// # Errors
///
/// [`CallError`].
pub fn put<T: DeserializeOwned + 'static>(path: impl Into<String>, body: &impl Serialize) -> Calling<T> {
    call(Method::PUT, path.into(), encode(body))
}

/// Deletes something, and reads what comes back; `()` if nothing does.
///
/// # Errors
///
/// [`CallError`].
pub fn delete<T: DeserializeOwned + 'static>(path: impl Into<String>) -> Calling<T> {
    call(Method::DELETE, path.into(), Ok(None))
}

fn encode(body: &impl Serialize) -> Result<Option<Bytes>, CallError> {
    // What cannot be written as JSON is a fault of the caller's: a map whose keys are no texts, for example.
    Wire::encode(body).map(Some).map_err(|_| CallError::App(AppError::Internal))
}

fn call<T: DeserializeOwned + 'static>(
    method: Method,
    path: String,
    body: Result<Option<Bytes>, CallError>,
) -> Calling<T> {
    // Both belong to whoever calls, so they are found now and not when the call is first awaited.
    let services = use_context::<UpstreamContext>();
    let abort = browser::Abort::with_the_caller(&method);
    Box::pin(async move {
        let call = UpstreamRequest { method, path, body: body? };
        let response = match services {
            Some(UpstreamContext(services)) => services.call(call).await?,
            None if browser::IS_HERE => browser::send(call, abort).await?,
            // On the server, but for no page.
            None => return Err(CallError::App(AppError::Internal)),
        };
        response.read()
    })
}
