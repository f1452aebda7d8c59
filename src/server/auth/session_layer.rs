//! Determines the user once per request, before anything is rendered, for pages and server functions alike.
//!
//! A valid access token is enough and needs no database query, unless this server has missed changes: sessions may then
//! have ended unnoticed. If the store is unavailable too, the request continues with an unconfirmed session: a page
//! without a user's data is served as usual, everything else is unavailable. Without a valid access token, a valid
//! refresh token is redeemed here, the request continues as the user's, and the three cookies are set in the head of
//! its response, streamed or not.
//!
//! Three kinds of requests redeem nothing. Scripts calling a server function refresh by themselves, once for all calls
//! in flight, and retry. `HEAD` and prefetches must change nothing. Subresources have no use for it, unless an upstream
//! serves them.

use super::{
    cookies::{Presented, PresentedCookies, SessionCookies},
    visitor::{Change, Visitor, VisitorSession},
};
use crate::{
    error::AppError,
    model::TokenLife,
    paths::{self, ReturnTo},
    server::{
        domain::refresh_token::PresentedRefreshToken,
        edge::{client_address::ClientAddress, websocket::is_websocket_upgrade},
        service::{
            clients::KnownClient,
            sessions::{Authenticated, IssuedSession, Sessions},
        },
        telemetry::SECURITY,
    },
};
use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use std::{net::IpAddr, sync::Arc};
use tracing::{debug, info};

/// The layer, around the application or around one upstream of the gateway.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    pub sessions: Arc<Sessions>,
    pub cookies: SessionCookies,
    /// The client that redeems refresh tokens here.
    pub client: KnownClient,
    /// Whether the requests are forwarded to an upstream.
    pub is_for_upstream: bool,
}

/// A request's visitor, and what is needed to write the response's cookies.
#[derive(Debug)]
pub struct Identified {
    visitor: Visitor,
    presented: PresentedCookies,
    kind: RequestKind,
}

impl SessionLayer {
    /// Determines the visitor of a request.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] if a refresh token has to be redeemed while the store is unavailable;
    /// [`AppError::Internal`] if redeeming fails otherwise.
    pub fn identify<'a>(
        &'a self,
        request: &Request,
    ) -> impl Future<Output = Result<Identified, AppError>> + Send + use<'a> {
        let presented = self.cookies.read(request.headers());
        let kind = RequestKind::of(request, self.is_for_upstream);
        let from = ClientAddress::of(request.extensions());
        async move {
            let visitor = self.find_visitor(&presented, kind, from).await?;
            Ok(Identified { visitor, presented, kind })
        }
    }

    /// Serves the request as the visitor's, and writes the change of the cookies to the response.
    pub async fn answer<F: Future<Output = Response>>(
        &self,
        identified: Identified,
        mut request: Request,
        next: impl FnOnce(Request) -> F,
    ) -> Response {
        let Identified { visitor, presented, kind } = identified;
        let change = visitor.cookies.clone();
        let turned_away = if self.is_for_upstream { None } else { turn_away(&request, &visitor, kind) };
        let mut response = if let Some(response) = turned_away {
            response
        } else {
            request.extensions_mut().insert(visitor);
            next(request).await
        };
        self.write_cookies(change.take(), &presented, kind, response.headers_mut());
        response
    }

    async fn find_visitor(
        &self,
        presented: &PresentedCookies,
        kind: RequestKind,
        from: IpAddr,
    ) -> Result<Visitor, AppError> {
        log_ambiguity(presented);
        let access = match presented.access.value() {
            Some(token) => Some(self.sessions.authenticate(token).await),
            None => None,
        };
        let refresh_token = presented.refresh.value().map(|token| self.sessions.present_refresh(token));
        let family = refresh_token.and_then(PresentedRefreshToken::session_id);
        let visitor = Visitor { refresh_token, ..Visitor::default() };
        match access {
            Some(Ok(Authenticated { token, .. })) if family.is_some_and(|family| family != token.session_id) => {
                info!(target: SECURITY, event = "mixed_tokens", access = %token.session_id, refresh = family.map(|id| id.to_string()));
                clear_useless(&visitor, kind, Change::ClearPresented);
                let proven_sessions = family.into_iter().chain([token.session_id]).collect();
                return Ok(Visitor { proven_sessions, refresh_token: None, ..visitor });
            }
            Some(Ok(found)) => return Ok(signed_in_by(&found, presented, visitor)),
            Some(Err(error)) => {
                debug!(%error, "the access token is not valid");
                if refresh_token.is_none() && !error.is_final() {
                    // Another server may accept it. Here it counts as absent, and the cookie stays.
                    return Ok(visitor);
                }
            }
            None => {}
        }
        self.redeem(presented, kind, from, Visitor { proven_sessions: Vec::from_iter(family), ..visitor }).await
    }

    /// Without a valid access token: redeems the refresh token, if this kind of request does.
    async fn redeem(
        &self,
        presented: &PresentedCookies,
        kind: RequestKind,
        from: IpAddr,
        visitor: Visitor,
    ) -> Result<Visitor, AppError> {
        let Some(refresh_token) = visitor.refresh_token else {
            if !presented.is_empty() {
                clear_useless(&visitor, kind, Change::ClearPresented);
            }
            return Ok(visitor);
        };
        if !matches!(kind, RequestKind::Document | RequestKind::Unscripted) {
            return Ok(Visitor { may_refresh: true, ..visitor });
        }
        match self.sessions.refresh(&self.client, refresh_token, from).await {
            Ok(refreshed) => {
                let IssuedSession { user_id, session_id, .. } = refreshed;
                let session = VisitorSession { user_id, session_id, is_confirmed: true };
                visitor.cookies.set(Change::Issue(Box::new(refreshed)));
                Ok(Visitor { session: Some(session), ..visitor })
            }
            Err(error) => {
                let change = if error.is_foreign() { Change::ClearPresented } else { Change::ClearBesidesRefresh };
                match error.reduce() {
                    AppError::Unauthenticated => {
                        clear_useless(&visitor, kind, change);
                        Ok(visitor)
                    }
                    error => Err(error),
                }
            }
        }
    }

    fn write_cookies(&self, change: Change, presented: &PresentedCookies, kind: RequestKind, headers: &mut HeaderMap) {
        let cookies = self.cookies;
        let mut lines = match change {
            Change::Issue(refreshed) => cookies.issue(&refreshed.tokens),
            Change::RenewLife { life, seconds_left } if kind != RequestKind::Passive => {
                cookies.renew_life(life, seconds_left)
            }
            Change::ClearAll => cookies.clear(),
            Change::ClearPresented => cookies.clear_presented(presented),
            Change::ClearBesidesRefresh => cookies.clear_besides_refresh(presented),
            Change::RenewLife { .. } | Change::None => Vec::new(),
        };
        if kind == RequestKind::Document {
            lines.extend(cookies.clear_outdated(&presented.outdated));
        }
        for line in lines {
            headers.append(header::SET_COOKIE, line);
        }
    }
}

/// The kind of a request, as far as redeeming a refresh token is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    /// A page, a plain form, or a client other than a browser: redeems here.
    Document,
    /// A script that calls a server function: it redeems by itself.
    Script,
    /// One of the server functions that handle the tokens themselves.
    TokenEndpoint,
    /// A websocket, an event stream or an image of an upstream: no script is there that could refresh. Redeems here,
    /// but deletes nothing.
    Unscripted,
    /// Changes nothing: `HEAD`, a prefetch, a subresource.
    Passive,
}

impl RequestKind {
    fn of(request: &Request, is_for_upstream: bool) -> Self {
        let path = request.uri().path();
        let header = |name: &str| request.headers().get(name).map_or(&b""[..], |value| value.as_bytes());
        if paths::endpoint(path).is_some_and(|endpoint| endpoint.handles_tokens) {
            return Self::TokenEndpoint;
        }
        let is_prefetch =
            ["sec-purpose", "purpose", "x-moz"].into_iter().any(|name| header(name).starts_with(b"prefetch"));
        if request.method() == Method::HEAD || is_prefetch {
            return Self::Passive;
        }
        let is_stream = is_websocket_upgrade(request.headers()) || header("accept") == b"text/event-stream";
        match (header("sec-fetch-dest"), path.starts_with("/api/")) {
            (b"empty", _) if is_for_upstream && is_stream => Self::Unscripted,
            (b"empty", is_api) if is_for_upstream || is_api => Self::Script,
            (b"" | b"document" | b"empty", _) => Self::Document,
            _ if is_for_upstream => Self::Unscripted,
            _ => Self::Passive,
        }
    }
}

fn signed_in_by(found: &Authenticated, presented: &PresentedCookies, visitor: Visitor) -> Visitor {
    let Authenticated { token, at: now, is_confirmed } = *found;
    let life = TokenLife { issued_at: token.issued_at.as_seconds(), expires_at: token.expires_at.as_seconds() };
    if presented.life.value().and_then(TokenLife::parse) != Some(life) {
        let seconds_left = life.expires_at - now.as_seconds();
        visitor.cookies.set(Change::RenewLife { life, seconds_left });
    }
    let session = VisitorSession { user_id: token.user_id, session_id: token.session_id, is_confirmed };
    let fresh_life = (is_confirmed && token.is_fresh(now)).then_some(life);
    Visitor { session: Some(session), proven_sessions: vec![token.session_id], fresh_life, ..visitor }
}

/// Deletes useless cookies, on pages only: a response to a script may arrive late.
fn clear_useless(visitor: &Visitor, kind: RequestKind, change: Change) {
    if kind == RequestKind::Document {
        visitor.cookies.set(change);
    }
}

/// The response to a request for a page that must not be rendered for an anonymous visitor.
fn turn_away(request: &Request, visitor: &Visitor, kind: RequestKind) -> Option<Response> {
    let uri = request.uri();
    let (is_get, is_private) = (request.method() == Method::GET, paths::is_private(uri.path()));
    let is_page = is_get || request.method() == Method::HEAD;
    if visitor.session.is_some() || !is_page {
        return None;
    }
    if visitor.may_refresh && kind == RequestKind::Passive && (is_get || is_private) {
        // The browser may have the page, but not by a request that must change nothing. A page prerendered now would
        // be shown later, as an anonymous visitor's to a signed-in user.
        return Some(StatusCode::NO_CONTENT.into_response());
    }
    if !is_private {
        return None;
    }
    let wanted = uri.path_and_query().map(axum::http::uri::PathAndQuery::as_str);
    Some(Redirect::to(&paths::login_returning_to(&ReturnTo::parse(wanted))).into_response())
}

fn log_ambiguity(presented: &PresentedCookies) {
    for (name, cookie) in [("access", &presented.access), ("refresh", &presented.refresh)] {
        if *cookie == Presented::Ambiguous {
            info!(target: SECURITY, event = "ambiguous_cookie", token = name, "two different values were sent; neither is accepted");
        }
    }
}
