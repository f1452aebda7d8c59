//! Error responses to clients (RFC 6749 §5.2).

use crate::server::{
    edge::rate_limit::RetryAfter,
    error::chain,
    service::sessions::token_service::{InspectError, RevokeError},
    store::StoreError,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tracing::{error, warn};

/// The default `Retry-After`, in seconds.
const RETRY_AFTER: u32 = 5;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OAuthError {
    InvalidRequest(&'static str),
    InvalidClient,
    InvalidGrant,
    UnsupportedGrantType,
    InvalidScope,
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    TooManyFailures(RetryAfter),
    /// Temporary; the client may retry, because nothing was decided.
    Unavailable,
    Internal,
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    error_description: &'static str,
}

impl OAuthError {
    const fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        match self {
            Self::InvalidRequest(why) => (BAD, "invalid_request", *why),
            Self::InvalidClient => {
                (StatusCode::UNAUTHORIZED, "invalid_client", "the client could not be authenticated")
            }
            Self::InvalidGrant => (BAD, "invalid_grant", "the refresh token is not valid for this client"),
            Self::UnsupportedGrantType => {
                (BAD, "unsupported_grant_type", "supported are client_credentials and refresh_token")
            }
            Self::InvalidScope => (BAD, "invalid_scope", "no scopes are supported"),
            Self::UnsupportedTokenType => (BAD, "unsupported_token_type", "tokens of this kind cannot be revoked"),
            Self::TooManyFailures(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", "too many failed attempts")
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "not available at the moment")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "an internal error"),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let (status, error, error_description) = self.parts();
        let mut response = (status, Json(Body { error, error_description })).into_response();
        let headers = response.headers_mut();
        match self {
            Self::InvalidClient => {
                let challenge = HeaderValue::from_static("Basic realm=\"tokenlife\", charset=\"UTF-8\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::TooManyFailures(wait) => drop(headers.insert(header::RETRY_AFTER, wait.seconds().into())),
            Self::Unavailable => drop(headers.insert(header::RETRY_AFTER, RETRY_AFTER.into())),
            _ => {}
        }
        response
    }
}

impl From<StoreError> for OAuthError {
    fn from(cause: StoreError) -> Self {
        if let StoreError::Unavailable(_) = cause {
            warn!(error = chain(&cause), "the store is not available");
            Self::Unavailable
        } else {
            error!(error = chain(&cause), "the store failed");
            Self::Internal
        }
    }
}

impl From<InspectError> for OAuthError {
    fn from(cause: InspectError) -> Self {
        match cause {
            InspectError::NotHere | InspectError::NotNow => Self::Unavailable,
            InspectError::Store(cause) => cause.into(),
        }
    }
}

impl From<RevokeError> for OAuthError {
    fn from(cause: RevokeError) -> Self {
        match cause {
            RevokeError::NotYours => Self::InvalidRequest("the token was issued to another client"),
            RevokeError::Unsupported => Self::UnsupportedTokenType,
            RevokeError::Inspect(cause) => cause.into(),
        }
    }
}
