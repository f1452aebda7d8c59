//! On whose behalf an upstream is called: one verified credential for each request, never an unverified claim.

use super::GatewayError;
use crate::{
    model::EXPECTED_USER_HEADER,
    server::{
        auth::{
            cookies::PresentedCookies,
            visitor::{Visitor, VisitorSession},
        },
        config::TokenPolicy,
        domain::upstream_token::Bearer,
        service::sessions::{Authenticated, Sessions},
    },
};
use axum::http::{HeaderMap, HeaderValue, header};

/// The identity with which an upstream is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Anonymous,
    /// The client's own `Authorization`, which only the upstream interprets.
    Passthrough,
    User(VisitorSession),
    /// The application.
    Client,
}

impl Caller {
    /// The bearer of the token for the upstream.
    pub(super) const fn bearer(self) -> Option<Bearer> {
        match self {
            Self::Anonymous | Self::Passthrough => None,
            Self::User(VisitorSession { user_id, session_id, .. }) => Some(Bearer::User { user_id, session_id }),
            Self::Client => Some(Bearer::Client),
        }
    }

    /// The session that has to be live while the response streams.
    pub(super) const fn session(self) -> Option<VisitorSession> {
        match self {
            Self::User(session) => Some(session),
            Self::Anonymous | Self::Passthrough | Self::Client => None,
        }
    }
}

/// Identifies the caller by the cookies that the session layer has verified, or by an access token in `Authorization`
/// (RFC 6750 §2.1).
///
/// # Errors
///
/// [`GatewayError`] if there are two different credentials, an invalid one, or none where a user is required.
pub(super) async fn identify(
    policy: TokenPolicy,
    visitor: &Visitor,
    presented: &PresentedCookies,
    headers: &HeaderMap,
    sessions: &Sessions,
) -> Result<Caller, GatewayError> {
    match policy {
        TokenPolicy::None => return Ok(Caller::Passthrough),
        TokenPolicy::Client => return Ok(Caller::Client),
        TokenPolicy::User | TokenPolicy::UserOrAnonymous => {}
    }
    let session = match bearer_token(headers)? {
        None => visitor.session,
        Some(token) if presented.access.value() == Some(token) => visitor.session,
        Some(_) if !presented.access.is_absent() || !presented.refresh.is_absent() => {
            return Err(GatewayError::TwoCredentials);
        }
        Some(token) => Some(of_token(token, sessions).await?),
    };
    let expected = headers.get(EXPECTED_USER_HEADER).map(HeaderValue::as_bytes);
    match session {
        Some(session) if expected.is_some_and(|expected| session.is_not_of(expected)) => Err(GatewayError::OtherUser),
        None if policy == TokenPolicy::UserOrAnonymous && visitor.may_refresh => {
            anonymous_unless_redeemable(visitor, sessions).await
        }
        session => user_or_anonymous(policy, session, visitor),
    }
}

/// A script's refresh token is not redeemed here; but if it can never be redeemed, the caller is anonymous.
///
/// # Errors
///
/// [`GatewayError::Unauthenticated`] if it may be redeemed, [`GatewayError::Uncertain`] if that cannot be determined.
async fn anonymous_unless_redeemable(visitor: &Visitor, sessions: &Sessions) -> Result<Caller, GatewayError> {
    let Some(refresh_token) = visitor.refresh_token else { return Err(GatewayError::Unauthenticated) };
    match sessions.is_redeemable(refresh_token).await {
        Ok(false) => Ok(Caller::Anonymous),
        Ok(true) => Err(GatewayError::Unauthenticated),
        Err(error) => {
            tracing::debug!(%error, "cannot determine whether a refresh token may be redeemed");
            Err(GatewayError::Uncertain)
        }
    }
}

/// The caller of a page's direct call: the user that the page is rendered for. No other credential counts.
///
/// # Errors
///
/// As [`identify`].
pub(super) fn of_page(policy: TokenPolicy, visitor: &Visitor) -> Result<Caller, GatewayError> {
    match policy {
        TokenPolicy::None => Ok(Caller::Anonymous),
        TokenPolicy::Client => Ok(Caller::Client),
        TokenPolicy::User | TokenPolicy::UserOrAnonymous => user_or_anonymous(policy, visitor.session, visitor),
    }
}

/// The caller on a route for users.
fn user_or_anonymous(
    policy: TokenPolicy,
    session: Option<VisitorSession>,
    visitor: &Visitor,
) -> Result<Caller, GatewayError> {
    match session {
        Some(session) if !session.is_confirmed => Err(GatewayError::Uncertain),
        Some(session) => Ok(Caller::User(session)),
        // A visitor who may be signed in after a refresh is not treated as anonymous.
        None if policy == TokenPolicy::UserOrAnonymous && !visitor.may_refresh => Ok(Caller::Anonymous),
        None => Err(GatewayError::Unauthenticated),
    }
}

async fn of_token(token: &str, sessions: &Sessions) -> Result<VisitorSession, GatewayError> {
    match sessions.authenticate(token).await {
        Ok(Authenticated { token, is_confirmed, .. }) => {
            Ok(VisitorSession { user_id: token.user_id, session_id: token.session_id, is_confirmed })
        }
        Err(error) => {
            tracing::debug!(%error, "a bearer token is not valid");
            Err(GatewayError::InvalidToken)
        }
    }
}

/// The token in `Authorization: Bearer`, if the header is present.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, GatewayError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(GatewayError::TwoCredentials);
    }
    value.map(|value| bearer(value).ok_or(GatewayError::InvalidToken)).transpose()
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}
