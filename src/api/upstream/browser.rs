//! The browser's way to a service: `fetch`, by the gateway, with the session kept alive around it.

use crate::{
    browser::{
        dom::abort_after,
        fetch::{PATIENCE, Request, Response},
        http_client::keep_alive,
    },
    error::AppError,
    upstream::{UpstreamRequest, UpstreamResponse},
};
use gloo_net::http::Method;
use leptos::prelude::{Owner, on_cleanup};
use send_wrapper::SendWrapper;
use std::future::Future;
use web_sys::{AbortController, AbortSignal};

/// Whether this is the browser's half of the application.
pub(super) const IS_HERE: bool = cfg!(target_family = "wasm");

/// Gives a call up when whoever made it is gone, or nothing comes back.
pub(super) struct Abort(Option<SendWrapper<AbortController>>);

impl Abort {
    /// For a call that is being made now. One that may change something is never given up.
    pub(super) fn with_the_caller(method: &Method) -> Self {
        let may_be_given_up = IS_HERE && *method == Method::GET && Owner::current().is_some();
        let controller = may_be_given_up.then(|| abort_after(PATIENCE)).flatten().map(SendWrapper::new);
        if let Some(controller) = controller.clone() {
            on_cleanup(move || controller.abort());
        }
        Self(controller)
    }

    fn signal(&self) -> Option<AbortSignal> {
        self.0.as_ref().map(|controller| controller.signal())
    }
}

/// Sends a call and reads its answer.
pub(super) fn send(
    call: UpstreamRequest,
    abort: Abort,
) -> impl Future<Output = Result<UpstreamResponse, AppError>> + Send {
    SendWrapper::new(async move {
        let request = Request::json(call.method, call.path, call.body);
        let Response { status, body, .. } = keep_alive(&request, abort.signal().as_ref()).await?;
        Ok(UpstreamResponse { status, body })
    })
}
