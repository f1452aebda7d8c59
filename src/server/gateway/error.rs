//! What keeps a request from a service behind, or its answer from the client.

use super::address::AddressError;
use crate::{
    error::AppError,
    server::{edge::error_response::ErrorResponse, error::chain},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper_util::client::legacy;
use std::error::Error as _;
use tracing::{debug, info, warn};

/// Why a request was not answered by its service.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the method is not passed on")]
    Method(HeaderValue),
    /// Two different credentials: it would be anybody's guess who is asking.
    #[error("the request has two different credentials")]
    TwoCredentials,
    /// Anonymous is signed in, or the session has to be refreshed first.
    #[error("nobody is signed in")]
    Unauthenticated,
    /// The page that sent this shows somebody else than who is signed in by now.
    #[error("the request is meant for somebody else")]
    OtherUser,
    /// Whether the session goes on cannot be found out at the moment.
    #[error("it is not known whether the session goes on")]
    Uncertain,
    #[error("the token in Authorization is worth nothing")]
    InvalidToken,
    /// As many requests are with the service as it may get at once.
    #[error("the service has all the requests it may get at once")]
    Busy,
    /// One person, or one address, has as many requests with the service as they may have at once.
    #[error("the client has all the requests that it may have at once")]
    OverShare,
    #[error("the service could not be connected to in time")]
    ConnectTimeout(#[source] legacy::Error),
    #[error("the service cannot be connected to")]
    Unreachable(#[source] legacy::Error),
    #[error("the service did not answer")]
    Broken(#[source] legacy::Error),
    #[error("the service did not answer in time")]
    ResponseTimeout,
    #[error("the service's answer cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body of the request broke off on its way to us.
    #[error("the request broke off")]
    RequestBrokeOff,
    #[error("the service answered with {0}, which nobody asked for")]
    Unasked(StatusCode),
    /// The service does not accept our token: its settings, or ours, are wrong.
    #[error("the service does not accept the token it got")]
    TokenRefused,
}

impl GatewayError {
    /// What a failed exchange with a service was.
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

    /// The status that tells the same (RFC 9110 §15).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Address(_) | Self::TwoCredentials | Self::RequestBrokeOff => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::OtherUser => StatusCode::CONFLICT,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy | Self::OverShare | Self::Uncertain => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout(_) | Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(_) | Self::Broken(_) | Self::Unasked(_) | Self::Unreadable(_) | Self::TokenRefused => {
                StatusCode::BAD_GATEWAY
            }
        }
    }

    /// What it is called on the wire.
    #[must_use]
    pub fn error_response(&self) -> ErrorResponse {
        match self {
            Self::OtherUser => AppError::OtherUser.into(),
            other => ErrorResponse::from_status(other.status()),
        }
    }

    /// Tells the client, and the log why.
    pub(super) fn answer(self, prefix: &str) -> Response {
        self.log(prefix);
        let mut response = self.error_response().into_response();
        let said = match self {
            Self::Method(allowed) => Some((header::ALLOW, allowed)),
            // RFC 6750 §3: an error is named only for a token that was sent.
            Self::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::InvalidToken => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\"")))
            }
            _ => None,
        };
        if let Some((name, value)) = said {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Logs the cause: a fault of the service's is worth a look, a client's is not.
    pub(crate) fn log(&self, prefix: &str) {
        match self {
            Self::Busy
            | Self::ConnectTimeout(_)
            | Self::ResponseTimeout
            | Self::Unreadable(_)
            | Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Unasked(_)
            | Self::TokenRefused => warn!(service = prefix, error = chain(self), "a service behind failed"),
            Self::OverShare => info!(service = prefix, error = %self, "not passed on"),
            Self::TwoCredentials => {
                info!(target: "tokenlife::security", event = "two_credentials", service = prefix);
            }
            Self::Address(_)
            | Self::Method(_)
            | Self::Unauthenticated
            | Self::OtherUser
            | Self::Uncertain
            | Self::InvalidToken
            | Self::RequestBrokeOff => debug!(service = prefix, error = %self, "not passed on"),
        }
    }
}
