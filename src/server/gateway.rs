//! The gateway to the upstreams: requests below the prefix of a route are forwarded to its upstream, with an access
//! token in place of this application's cookies, and the response is passed back. Both are streamed; only a short
//! request body is read first, so that a slow client holds no slot of the upstream meanwhile.
//!
//! The layers in front are those of the pages: origin check, session layer, limits (each route's own). The rest is
//! here, one file each: whose token (`caller`), the upstream's URL (`address`), headers (`headers`), concurrency
//! (`slots`), sending (`route`), and supervision of streams (`stream`, `tunnel`, `session_watch`).

mod address;
mod caller;
pub mod direct;
mod error;
mod headers;
pub mod prefix_conflict;
mod route;
mod session_watch;
mod slots;
mod stream;
mod tunnel;

pub use address::{AddressError, Mapping};
pub use error::GatewayError;
pub use route::Route;

use super::{
    auth::cookies::SessionCookies,
    config::{GatewayConfig, PublicUrl},
    edge::{client_address::ClientAddress, error_response::Proxied, request_id::RequestId, trace_context},
    service::{sessions::Sessions, upstream_tokens::UpstreamTokens},
    transport::Closing,
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use caller::Caller;
use headers::Forwarded;
use session_watch::SessionWatch;
use slots::Holder;
use std::{fmt, sync::Arc};
use stream::{Sent, Streamed};
use tunnel::Handshake;

/// The routes to the upstreams, and what they share.
pub struct Gateway {
    routes: Vec<Arc<Route>>,
    sessions: Arc<Sessions>,
    tokens: UpstreamTokens,
    cookies: SessionCookies,
    forwarded: Forwarded,
}

impl Gateway {
    #[must_use]
    pub fn new(
        config: &GatewayConfig,
        public_url: &PublicUrl,
        sessions: Arc<Sessions>,
        tokens: UpstreamTokens,
    ) -> Self {
        let all = &config.routes;
        let mut routes: Vec<_> = all.iter().filter_map(|route| Route::new(route, all)).map(Arc::new).collect();
        // Of two matching prefixes, the longer one wins.
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix().len()));
        let cookies = SessionCookies::new(public_url.is_https());
        Self { routes, sessions, tokens, cookies, forwarded: Forwarded::by(public_url) }
    }

    /// All routes, the longest prefix first.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Whether a route has exactly this prefix.
    #[must_use]
    pub fn offers(&self, prefix: &str) -> bool {
        self.routes.iter().any(|route| route.prefix() == prefix)
    }

    /// The response of a route's upstream. The request has passed all layers in front of it.
    pub async fn answer(&self, route: &Route, request: Request) -> Response {
        self.forward(route, request).await.unwrap_or_else(|error| error.into_response_logged(route.prefix()))
    }

    /// Forwards a request and passes the response back.
    async fn forward(&self, route: &Route, request: Request) -> Result<Response, GatewayError> {
        let (mut head, body) = request.into_parts();
        if !route.allows(&head.method) {
            return Err(GatewayError::Method(route.allowed_methods()));
        }
        let target = route.target(&head.uri)?;
        let caller = self.caller(route, &head).await?;
        let share = route.slots().share(Holder::of(caller, &head.extensions)).await?;
        let body = stream::read_if_short(body).await?;
        let slot = route.slots().slot(share).await?;

        let handshake = Handshake::of(&mut head);
        let mut headers = headers::of_request(&head.headers);
        self.describe(route, &head, caller, &mut headers);
        if handshake.is_some() {
            Handshake::announce(&mut headers);
        }
        let (body, sent) = Sent::track(body);
        let received = route.send(head.method, target, headers, body, &sent).await?;

        if received.status() == StatusCode::UNAUTHORIZED && caller.bearer().is_some() {
            // Passed on, it would make the browser refresh a valid session and retry in vain.
            self.forget_token(route, caller);
            return Err(GatewayError::TokenRefused);
        }
        let closing = head.extensions.remove::<Closing>();
        let watch = caller.session().map(|session| SessionWatch::over(&self.sessions, session));
        let mut headers = headers::of_response(received.headers(), self.cookies);
        if route.is_for_users() {
            headers::keep_from_shared_caches(&mut headers);
        }
        let mut response = if received.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(handshake) = handshake else { return Err(GatewayError::Unrequested(received.status())) };
            Handshake::announce(&mut headers);
            tunnel::join(handshake, received, watch, closing, slot, route.idle_timeout());
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
        } else {
            let status = received.status();
            let mut response = Response::new(Streamed::body(received, watch, closing, slot, route.idle_timeout()));
            *response.status_mut() = status;
            response
        };
        *response.headers_mut() = headers;
        response.extensions_mut().insert(Proxied);
        Ok(response)
    }

    async fn caller(&self, route: &Route, head: &Parts) -> Result<Caller, GatewayError> {
        let presented = self.cookies.read(&head.headers);
        let visitor = head.extensions.get().cloned().unwrap_or_default();
        caller::identify(route.token_policy(), &visitor, &presented, &head.headers, &self.sessions).await
    }

    /// Adds the headers that describe a request to an upstream: whose it is, where it comes from, and its request id.
    fn describe(&self, route: &Route, request: &Parts, caller: Caller, headers: &mut HeaderMap) {
        let Parts { headers: incoming, extensions, .. } = request;
        if let Some(cookies) = self.cookies.of_others(incoming) {
            headers.insert(header::COOKIE, cookies);
        }
        if let Some(authorization) = self.authorization(route, caller) {
            headers.insert(header::AUTHORIZATION, authorization);
        } else if caller == Caller::Passthrough
            && let Some(own) = incoming.get(header::AUTHORIZATION)
        {
            headers.insert(header::AUTHORIZATION, own.clone());
        }
        if let Some(client) = extensions.get::<ClientAddress>() {
            self.forwarded.describe(client.0, route.stripped_prefix(), headers);
        }
        if let Some(id) = extensions.get::<RequestId>() {
            trace_context::describe(id, incoming, headers);
        }
    }

    fn authorization(&self, route: &Route, caller: Caller) -> Option<HeaderValue> {
        let token = self.tokens.token(route.audience(), caller.bearer()?);
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.as_str())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn forget_token(&self, route: &Route, caller: Caller) {
        if let Some(bearer) = caller.bearer() {
            self.tokens.forget(route.audience(), bearer);
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("routes", &self.routes).finish_non_exhaustive()
    }
}
