//! The browser's way to a service: `fetch`, by the gateway, with the session kept alive around it.

use super::{Answer, Call, Method};
use crate::{
    error::AppError,
    session::{begin_anew, client::keep_alive},
};
use gloo_net::http::{Request, RequestBuilder};
use leptos::{
    prelude::{Owner, on_cleanup},
    server_fn::{
        request::{ClientReq, browser::BrowserRequest},
        response::{ClientRes, browser::BrowserResponse},
    },
};
use send_wrapper::SendWrapper;
use std::future::Future;
use wasm_bindgen::JsValue;
use web_sys::{AbortController, AbortSignal};

/// Whether this is the browser's half of the application.
pub(super) const IS_HERE: bool = cfg!(target_family = "wasm");

/// Gives a call up when whoever made it is gone.
pub(super) struct Abort(Option<SendWrapper<AbortController>>);

impl Abort {
    /// For a call that is being made now. One that may change something is never given up.
    pub(super) fn with_the_caller(method: Method) -> Self {
        let may_be_given_up = IS_HERE && method == Method::Get && Owner::current().is_some();
        let controller = may_be_given_up.then(|| AbortController::new().ok()).flatten().map(SendWrapper::new);
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
pub(super) fn send(call: Call, abort: Abort) -> impl Future<Output = Result<Answer, AppError>> + Send {
    SendWrapper::new(async move {
        let request = request(call, abort.signal().as_ref())?;
        let answer: BrowserResponse = keep_alive::<AppError, AppError, AppError>(request).await?;
        let status = ClientRes::<AppError>::status(&answer);
        let body = ClientRes::<AppError>::try_into_bytes(answer).await?;
        let answer = Answer { status, body };
        // A service may answer 409 as well, and mean something else.
        if answer.own_refusal() == Some(AppError::OtherUser) {
            begin_anew();
        }
        Ok(answer)
    })
}

/// A request in the wrapping that [`keep_alive`] takes. It has no constructor for this: its inside is replaced.
fn request(call: Call, signal: Option<&AbortSignal>) -> Result<BrowserRequest, AppError> {
    let builder: RequestBuilder = match call.method {
        Method::Get => Request::get(&call.path),
        Method::Post => Request::post(&call.path),
        Method::Put => Request::put(&call.path),
        Method::Delete => Request::delete(&call.path),
    };
    let builder = builder.header("Accept", "application/json").abort_signal(signal);
    let built = match call.body {
        Some(body) => builder.header("Content-Type", "application/json").body(JsValue::from(text(&body))),
        None => builder.build(),
    };
    let mut request = <BrowserRequest as ClientReq<AppError>>::try_new_post("", "", "", String::new())?;
    *request = built.map_err(|_| AppError::Transport)?;
    Ok(request)
}

/// JSON, which we have written ourselves.
fn text(json: &[u8]) -> &str {
    std::str::from_utf8(json).unwrap_or_default()
}
