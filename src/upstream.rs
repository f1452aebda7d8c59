//! A call of a service behind: what is sent, what comes back, and what the server sends it by while it renders a page.
//! The calls themselves are in [`crate::api::upstream`].

mod response;

use crate::error::AppError;
use gloo_net::http::Method;
use leptos::server_fn::Bytes;
pub use response::{CallError, UpstreamResponse};
use std::{future::Future, pin::Pin, sync::Arc};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    pub method: Method,
    /// A path below the prefix of one of the gateway's routes, perhaps with a query.
    pub path: String,
    /// JSON.
    pub body: Option<Bytes>,
}

/// What the server calls the services by while it renders a page; it provides itself as a [`UpstreamContext`].
pub trait UpstreamClient: Send + Sync {
    /// Asks a service in the name of whoever asked for the page.
    fn call(&self, call: UpstreamRequest) -> Pin<Box<dyn Future<Output = Result<UpstreamResponse, AppError>> + Send>>;
}

/// The [`UpstreamClient`] of the page that is being rendered.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "there is nothing to tell about it")]
pub struct UpstreamContext(pub Arc<dyn UpstreamClient>);
