//! One request to our own server, as data, so that it can be sent again; and its response, read to its end.

use super::dom;
use crate::{encoding::Value, error::AppError, model::json};
use futures::{Stream, stream};
use gloo_net::http::{Headers, Method, RequestBuilder};
use js_sys::Uint8Array;
use leptos::server_fn::{
    Bytes,
    error::{FromServerFnError, ServerFnErrorErr},
    redirect::REDIRECT_HEADER,
    request::{ClientReq, browser::BrowserFormData},
    response::ClientRes,
};
use send_wrapper::SendWrapper;
use std::{
    future::{self, Future},
    time::Duration,
};
use web_sys::{AbortController, AbortSignal, RequestRedirect};

/// The time limit for a whole response, if the caller sets none: the server responds long before. A network that takes
/// requests and delivers nothing would keep a form busy for as long as the browser waits.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A request to our own server. The browser adds the cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    /// A path, possibly with a query.
    url: String,
    accept: String,
    content: Option<Content>,
}

/// The body of a request and its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    kind: String,
    body: Bytes,
}

/// A response of our own server, read to its end.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    url: String,
    headers: SendWrapper<Headers>,
}

impl Request {
    /// A request that accepts JSON, with a JSON body if there is one.
    pub(crate) fn json(method: Method, url: String, body: Option<Bytes>) -> Self {
        let content = body.map(|body| Content { kind: JSON.to_owned(), body });
        Self { method, url, accept: JSON.to_owned(), content }
    }

    /// A call of a server function without arguments.
    pub(crate) fn call(path: &str) -> Self {
        let content = Content { kind: FORM.to_owned(), body: Bytes::new() };
        Self { method: Method::POST, url: path.to_owned(), accept: JSON.to_owned(), content: Some(content) }
    }

    /// Whether it may change something, and thus hold text that the user has typed.
    pub(crate) fn is_change(&self) -> bool {
        self.method != Method::GET
    }

    /// Sends it, with an optional extra header, until `signal` aborts it. `None` if no complete response arrived, or if
    /// it is a redirect, which a call does not follow.
    pub(crate) async fn send(&self, header: Option<(&str, &str)>, signal: Option<&AbortSignal>) -> Option<Response> {
        let mut builder = RequestBuilder::new(&self.url).method(self.method.clone()).header("Accept", &self.accept);
        if let Some((name, value)) = header {
            builder = builder.header(name, value);
        }
        let limit = if signal.is_none() { dom::abort_after(PATIENCE) } else { None };
        let limit = limit.as_ref().map(AbortController::signal);
        let builder = builder.redirect(RequestRedirect::Error).abort_signal(signal.or(limit.as_ref()));
        let request = match &self.content {
            Some(Content { kind, body }) => builder.header("Content-Type", kind).body(Uint8Array::from(&body[..])),
            None => builder.build(),
        };
        let response = request.ok()?.send().await.ok()?;
        let body = Bytes::from(response.binary().await.ok()?);
        let headers = SendWrapper::new(response.headers());
        Some(Response { status: response.status(), body, url: response.url(), headers })
    }
}

impl Response {
    /// The result of a server function.
    pub(crate) fn read(&self) -> Result<Value, AppError> {
        match self.status {
            200..=299 => self.json().ok_or(AppError::Transport),
            _ => Err(self.refusal().unwrap_or(AppError::Transport)),
        }
    }

    /// The error of this application, named in the body. An upstream may respond with the same status for another
    /// reason.
    pub(crate) fn refusal(&self) -> Option<AppError> {
        if self.status < 400 { None } else { json::error(&self.json()?) }
    }

    fn json(&self) -> Option<Value> {
        Value::parse(std::str::from_utf8(&self.body).ok()?)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)
    }
}

/// The request type of server functions. Files and streams are refused: they could not be sent again.
impl ClientReq<AppError> for Request {
    type FormData = BrowserFormData;

    fn try_new_req_query(
        path: &str,
        content_type: &str,
        accepts: &str,
        query: &str,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::try_new_req_bytes(&format!("{path}?{query}"), content_type, accepts, Bytes::new(), method)
            .map(|request| Self { content: None, ..request })
    }

    fn try_new_req_text(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: String,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::try_new_req_bytes(path, content_type, accepts, Bytes::from(body), method)
    }

    fn try_new_req_bytes(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: Bytes,
        method: Method,
    ) -> Result<Self, AppError> {
        let content = Some(Content { kind: content_type.to_owned(), body });
        Ok(Self { method, url: path.to_owned(), accept: accepts.to_owned(), content })
    }

    fn try_new_req_form_data(
        _path: &str,
        _accepts: &str,
        _content_type: &str,
        _body: BrowserFormData,
        _method: Method,
    ) -> Result<Self, AppError> {
        Err(cannot_be_sent_again())
    }

    fn try_new_req_multipart(
        _path: &str,
        _accepts: &str,
        _body: BrowserFormData,
        _method: Method,
    ) -> Result<Self, AppError> {
        Err(cannot_be_sent_again())
    }

    fn try_new_req_streaming(
        _path: &str,
        _accepts: &str,
        _content_type: &str,
        _body: impl Stream<Item = Bytes> + Send + 'static,
        _method: Method,
    ) -> Result<Self, AppError> {
        Err(cannot_be_sent_again())
    }
}

fn cannot_be_sent_again() -> AppError {
    AppError::from_server_fn_error(ServerFnErrorErr::Request("files and streams cannot be sent again".to_owned()))
}

impl ClientRes<AppError> for Response {
    fn try_into_string(self) -> impl Future<Output = Result<String, AppError>> + Send {
        future::ready(String::from_utf8(self.body.into()).map_err(|_| AppError::Transport))
    }

    fn try_into_bytes(self) -> impl Future<Output = Result<Bytes, AppError>> + Send {
        future::ready(Ok(self.body))
    }

    fn try_into_stream(self) -> Result<impl Stream<Item = Result<Bytes, Bytes>> + Send + Sync + 'static, AppError> {
        Ok(stream::iter([Ok(self.body)]))
    }

    fn status(&self) -> u16 {
        self.status
    }

    fn status_text(&self) -> String {
        // HTTP/2 has none (RFC 9113 §8.3.2).
        String::new()
    }

    fn location(&self) -> String {
        self.header("Location").unwrap_or_else(|| self.url.clone())
    }

    fn has_redirect(&self) -> bool {
        self.header(REDIRECT_HEADER).is_some()
    }
}
