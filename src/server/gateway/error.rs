//! Why a request is not forwarded to an upstream, or its response not to the client.

use super::address::AddressError;
use crate::{
    error::AppError,
    server::{edge::error_response::ErrorResponse, error::chain, telemetry::SECURITY},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::client::legacy;
use std::error::Error as _;
use tracing::{debug, info, warn};

/// Why a request did not get the response of its upstream.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the method is not forwarded")]
    Method(HeaderValue),
    /// Two different credentials: it is ambiguous which user the request is for.
    #[error("the request has two different credentials")]
    TwoCredentials,
    /// No user is signed in, or the session has to be refreshed first.
    #[error("no user is signed in")]
    Unauthenticated,
    /// The page that sent the request shows another user than the one who is signed in now.
    #[error("the request is meant for another user")]
    OtherUser,
    /// Whether the session is still live cannot be determined at the moment.
    #[error("it is not known whether the session is still live")]
    Uncertain,
    #[error("the token in Authorization is not valid")]
    InvalidToken,
    /// The upstream has as many concurrent requests as it may get.
    #[error("the upstream has as many concurrent requests as it may get")]
    Busy,
    /// One user, or one client address, has as many concurrent requests at the upstream as allowed.
    #[error("the client has as many concurrent requests as it may have")]
    OverShare,
    #[error("the upstream could not be connected to in time")]
    ConnectTimeout(#[source] legacy::Error),
    #[error("the upstream cannot be connected to")]
    Unreachable(#[source] legacy::Error),
    #[error("the upstream did not respond")]
    Broken(#[source] legacy::Error),
    #[error("the upstream did not respond in time")]
    ResponseTimeout,
    #[error("the upstream's response cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body of the request was not received completely.
    #[error("the request body was incomplete")]
    RequestBrokeOff,
    #[error("the upstream responded with {0}, which was not requested")]
    Unrequested(StatusCode),
    /// The upstream does not accept this application's token: its settings, or those here, are wrong.
    #[error("the upstream does not accept the token it got")]
    TokenRefused,
}

impl GatewayError {
    /// Classifies a failed exchange with an upstream.
    pub(super) fn of(error: legacy::Error) -> Self {
        if !error.is_connect() {
            return Self::Broken(error);
        }
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
                return Self::ConnectTimeout(error);
            }
            cause = inner.source();
        }
        Self::Unreachable(error)
    }

    /// The corresponding status (RFC 9110 §15).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Address(_) | Self::TwoCredentials | Self::RequestBrokeOff => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::OtherUser => StatusCode::CONFLICT,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy | Self::OverShare | Self::Uncertain => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout(_) | Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Unrequested(_)
            | Self::Unreadable(_)
            | Self::TokenRefused => StatusCode::BAD_GATEWAY,
        }
    }

    /// The error on the wire.
    #[must_use]
    pub fn error_response(&self) -> ErrorResponse {
        match self {
            Self::OtherUser => AppError::OtherUser.into(),
            other => ErrorResponse::from_status(other.status()),
        }
    }

    /// The response to the client; logs the cause.
    pub(super) fn into_response_logged(self, prefix: &str) -> Response {
        self.log(prefix);
        let mut response = self.error_response().into_response();
        let extra = match self {
            Self::Method(allowed) => Some((header::ALLOW, allowed)),
            // RFC 6750 §3: an error is named only for a token that was sent.
            Self::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::InvalidToken => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")))
            }
            _ => None,
        };
        if let Some((name, value)) = extra {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Logs the cause: a fault of the upstream as a warning, one of the client for debugging only.
    pub(crate) fn log(&self, prefix: &str) {
        match self {
            Self::Busy
            | Self::ConnectTimeout(_)
            | Self::ResponseTimeout
            | Self::Unreadable(_)
            | Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Unrequested(_)
            | Self::TokenRefused => warn!(service = prefix, error = chain(self), "an upstream failed"),
            Self::OverShare => info!(service = prefix, error = %self, "not forwarded"),
            Self::TwoCredentials => {
                info!(target: SECURITY, event = "two_credentials", service = prefix);
            }
            Self::Address(_)
            | Self::Method(_)
            | Self::Unauthenticated
            | Self::OtherUser
            | Self::Uncertain
            | Self::InvalidToken
            | Self::RequestBrokeOff => debug!(service = prefix, error = %self, "not forwarded"),
        }
    }
}
