//! Calls of an upstream service: request, response, and the client the server uses while it renders a page. The calls
//! themselves are in [`crate::api::upstream`].

mod response;

use crate::error::AppError;
use gloo_net::http::Method;
use leptos::server_fn::Bytes;
pub use response::{CallError, UpstreamResponse};
use std::{future::Future, pin::Pin, sync::Arc};

/// A request to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRequest {
    pub method: Method,
    /// A path below the prefix of one of the gateway's routes, perhaps with a query.
    pub path: String,
    /// JSON.
    pub body: Option<Bytes>,
}

/// The server's client for upstream calls while it renders a page, provided as an [`UpstreamContext`].
pub trait UpstreamClient: Send + Sync {
    /// Sends the request to the upstream on behalf of the user who requested the page.
    fn call(&self, call: UpstreamRequest) -> Pin<Box<dyn Future<Output = Result<UpstreamResponse, AppError>> + Send>>;
}

/// The [`UpstreamClient`] of the page that is being rendered.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a trait object without state worth printing")]
pub struct UpstreamContext(pub Arc<dyn UpstreamClient>);
