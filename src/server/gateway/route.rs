//! A route to an upstream: which requests it takes, and its connections.

use super::{
    GatewayError,
    address::{AddressError, Mapping},
    slots::Slots,
    stream::Sent,
};
use crate::server::{
    config::{RouteConfig, TokenPolicy},
    transport::Workers,
};
use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, Method, Request, Response, Uri},
};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{fmt, sync::Arc, time::Duration};
use thread_local::ThreadLocal;

/// How long an idle connection is kept: less than servers commonly keep it (Node: 5 s), or requests would be sent on
/// connections that are being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// The longest head of a response, and how much is read from an upstream ahead of the client, in bytes.
const BUFFER: usize = 64 * 1024;

/// A route to an upstream.
pub struct Route {
    mapping: Mapping,
    methods: Vec<Method>,
    allowed: HeaderValue,
    token: TokenPolicy,
    audience: Arc<str>,
    response_timeout: Duration,
    idle_timeout: Duration,
    max_body_bytes: usize,
    slots: Slots,
    connect_timeout: Duration,
    max_connections: usize,
    /// One client for each thread, because connections belong to the runtime that has opened them.
    clients: ThreadLocal<Client<HttpConnector, Body>>,
}

impl Route {
    /// One of `all` routes. `None` without an upstream, which the settings have excluded.
    pub(super) fn new(config: &RouteConfig, all: &[RouteConfig]) -> Option<Self> {
        let upstream = config.upstream.clone()?;
        let allowed = config.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let mapping = Mapping::new(&config.prefix, config.strip_prefix, upstream);
        Some(Self {
            mapping: mapping.beside(all.iter().map(|other| &*other.prefix)),
            methods: config.methods.clone(),
            allowed: HeaderValue::try_from(allowed).ok()?,
            token: config.token,
            audience: config.audience().into(),
            response_timeout: config.response_timeout,
            idle_timeout: config.idle_timeout,
            max_body_bytes: config.max_body_bytes,
            slots: Slots::new(config.max_connections, config.connect_timeout),
            connect_timeout: config.connect_timeout,
            max_connections: config.max_connections,
            clients: ThreadLocal::new(),
        })
    }

    fn client(&self) -> &Client<HttpConnector, Body> {
        self.clients.get_or(|| {
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            connector.set_connect_timeout(Some(self.connect_timeout));
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_CONNECTION)
                .pool_max_idle_per_host(self.max_connections.div_ceil(Workers::count()))
                .http1_max_buf_size(BUFFER)
                .build(connector)
        })
    }

    /// The prefix of all its paths.
    #[must_use]
    pub const fn prefix(&self) -> &str {
        self.mapping.prefix()
    }

    /// Whether a path, as sent, belongs to this route.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.mapping.covers(path)
    }

    /// How long a response may take to begin.
    #[must_use]
    pub const fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// The longest request body, in bytes.
    #[must_use]
    pub const fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    pub(super) const fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    pub(super) const fn token_policy(&self) -> TokenPolicy {
        self.token
    }

    /// Whether its responses may depend on the user.
    pub(super) const fn is_for_users(&self) -> bool {
        matches!(self.token, TokenPolicy::User | TokenPolicy::UserOrAnonymous)
    }

    pub(super) const fn audience(&self) -> &Arc<str> {
        &self.audience
    }

    pub(super) const fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(super) fn stripped_prefix(&self) -> Option<&str> {
        self.mapping.stripped_prefix()
    }

    pub(super) fn allows(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    pub(super) fn allowed_methods(&self) -> HeaderValue {
        self.allowed.clone()
    }

    pub(super) fn target(&self, uri: &Uri) -> Result<Uri, AddressError> {
        self.mapping.target(uri)
    }

    /// Sends a request to the upstream.
    ///
    /// A request that had no effect is sent once more: by hyper if nothing was written, and here if no response came
    /// and the method is safe. The upstream may have closed the connection at that moment.
    pub(super) async fn send(
        &self,
        method: Method,
        target: Uri,
        headers: HeaderMap,
        body: Body,
        sent: &Sent,
    ) -> Result<Response<Incoming>, GatewayError> {
        let may_repeat = body.is_end_stream() && matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let spare = may_repeat.then(|| request(method.clone(), target.clone(), headers.clone(), Body::empty()));
        let failed = |error| if sent.is_incomplete() { GatewayError::RequestBrokeOff } else { GatewayError::of(error) };
        match self.client().request(request(method, target, headers, body)).await {
            Ok(response) => Ok(response),
            Err(error) => match spare.filter(|_| closed_without_response(&error)) {
                Some(spare) => self.client().request(spare).await.map_err(failed),
                None => Err(failed(error)),
            },
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("mapping", &self.mapping).field("token", &self.token).finish_non_exhaustive()
    }
}

fn request(method: Method, target: Uri, headers: HeaderMap, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, target, headers);
    request
}

/// Whether the upstream closed the connection without a response.
fn closed_without_response(error: &legacy::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<hyper::Error>());
    cause.is_some_and(|cause| cause.is_incomplete_message() || cause.is_closed() || cause.is_canceled())
}
