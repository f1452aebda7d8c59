//! Upstream calls in the browser: `fetch` through the gateway, with the session kept alive around it.

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

/// Whether this code runs in the browser.
pub(super) const IS_BROWSER: bool = cfg!(target_family = "wasm");

/// Aborts a call when its reactive owner is gone, or after a time limit.
pub(super) struct Abort(Option<SendWrapper<AbortController>>);

impl Abort {
    /// For a call that is being made now. A call that may change something is never aborted.
    pub(super) fn with_owner(method: &Method) -> Self {
        let may_be_aborted = IS_BROWSER && *method == Method::GET && Owner::current().is_some();
        let controller = may_be_aborted.then(|| abort_after(PATIENCE)).flatten().map(SendWrapper::new);
        if let Some(controller) = controller.clone() {
            on_cleanup(move || controller.abort());
        }
        Self(controller)
    }

    fn signal(&self) -> Option<AbortSignal> {
        self.0.as_ref().map(|controller| controller.signal())
    }
}

/// Sends a call and reads its response.
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
