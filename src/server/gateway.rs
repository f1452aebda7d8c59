//! The services behind: what lies below the prefix of a route is passed on to its service, with a token in the place
//! of our cookies, and the answer is passed back. Both are streamed; only a short body is read first, so that a slow
//! client holds no slot of the service meanwhile.
//!
//! The layers in front are those of the pages: origin check, session layer, limits (each route's own). What is left to
//! do here, one file each: whose token (`caller`), which address (`address`), which headers (`headers`), how many at
//! once (`slots`), asking (`route`), and watching over what streams (`stream`, `tunnel`, `session_watch`).

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

/// The routes to the services behind, and what all of them need.
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
        // Of two prefixes that fit, the longer one counts.
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix().len()));
        let cookies = SessionCookies::new(public_url.is_https());
        Self { routes, sessions, tokens, cookies, forwarded: Forwarded::by(public_url) }
    }

    /// All routes, the longest prefix first.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Whether a service is found under this very prefix.
    #[must_use]
    pub fn offers(&self, prefix: &str) -> bool {
        self.routes.iter().any(|route| route.prefix() == prefix)
    }

    /// The answer of the service behind a route. The request has been through all layers, as one [`ThroughGateway`].
    pub async fn answer(&self, route: &Route, request: Request) -> Response {
        self.forward(route, request).await.unwrap_or_else(|error| error.answer(route.prefix()))
    }

    /// Passes a request on and its answer back.
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
        let answer = route.send(head.method, target, headers, body, &sent).await?;

        if answer.status() == StatusCode::UNAUTHORIZED && caller.bearer().is_some() {
            // Passing it on would have the browser refresh a session that is in order, and try again, for nothing.
            self.forget_token(route, caller);
            return Err(GatewayError::TokenRefused);
        }
        let closing = head.extensions.remove::<Closing>();
        let watch = caller.session().map(|session| SessionWatch::over(&self.sessions, session));
        let mut headers = headers::of_response(answer.headers(), self.cookies);
        if route.is_for_users() {
            headers::keep_from_shared_caches(&mut headers);
        }
        let mut response = if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(handshake) = handshake else { return Err(GatewayError::Unasked(answer.status())) };
            Handshake::announce(&mut headers);
            tunnel::join(handshake, answer, watch, closing, slot, route.idle_timeout());
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
        } else {
            let status = answer.status();
            let mut response = Response::new(Streamed::body(answer, watch, closing, slot, route.idle_timeout()));
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

    /// Tells a service about a request: in whose name it comes, from where, and what it is called.
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
