//! The one error type that crosses the wire.
//!
//! It names what happened without the server's cause: causes are logged once, at the edge, with the request's id. The
//! text for it is in [`crate::wording`].

use crate::{
    encoding::Wire,
    validation::{Field, FieldError, FieldProblem},
};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// `Retry-After` of [`AppError::Unavailable`]: most outages of the store are over in a moment.
const RETRY_UNAVAILABLE_SECS: u32 = 1;

/// The error of a server function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "snake_case")]
pub enum AppError {
    /// No user is signed in, or the session has ended.
    Unauthenticated,
    /// The e-mail address and the password do not belong together, or the account is disabled: deliberately the same.
    InvalidCredentials,
    /// The request came from another site (RFC 9110 §15.5.4).
    Forbidden,
    /// Some fields were refused.
    Validation(Vec<FieldError>),
    /// The page that sent the request shows another user than the one signed in now. Nothing was done.
    OtherUser,
    /// There is no such resource.
    NotFound,
    /// The resource has been changed since the version the client has seen.
    Conflict,
    /// The limit of `max` entries is reached.
    Full { max: u32 },
    /// The body is longer than the limit.
    TooLarge,
    /// The body is not form-encoded.
    UnsupportedMediaType,
    /// The body does not hold the function's arguments.
    BadRequest,
    /// Too many attempts; the next one is accepted after this many seconds.
    RateLimited { retry_after_secs: u32 },
    /// The server cannot process the request at the moment. The session stays.
    Unavailable,
    /// An error of the server; its log holds the cause.
    Internal,
    /// The response did not arrive or could not be read.
    Transport,
}

impl AppError {
    /// The HTTP status of the response (RFC 9110 §15).
    #[must_use]
    pub const fn status_code(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated | Self::InvalidCredentials => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::Full { .. } | Self::OtherUser => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Validation(_) => 422,
            Self::RateLimited { .. } => 429,
            Self::Internal | Self::Transport => 500,
            Self::Unavailable => 503,
        }
    }

    /// The error with this code on the wire, if it is one without details.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "unauthenticated" => Self::Unauthenticated,
            "invalid_credentials" => Self::InvalidCredentials,
            "forbidden" => Self::Forbidden,
            "other_user" => Self::OtherUser,
            "not_found" => Self::NotFound,
            "conflict" => Self::Conflict,
            "too_large" => Self::TooLarge,
            "unsupported_media_type" => Self::UnsupportedMediaType,
            "bad_request" => Self::BadRequest,
            "unavailable" => Self::Unavailable,
            "internal" => Self::Internal,
            "transport" => Self::Transport,
            _ => return None,
        })
    }

    /// Seconds until the request may be retried unchanged (RFC 9110 §10.2.3); `None` if a retry would not help.
    #[must_use]
    pub const fn retry_after_secs(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_secs } => Some(*retry_after_secs),
            Self::Unavailable => Some(RETRY_UNAVAILABLE_SECS),
            _ => None,
        }
    }

    /// The problem of a field; `None` if it has none or the error is not a validation error.
    #[must_use]
    pub fn problem_of(&self, field: Field) -> Option<FieldProblem> {
        let Self::Validation(fields) = self else { return None };
        fields.iter().find(|error| error.field == field).map(|error| error.problem)
    }
}

impl FromServerFnError for AppError {
    type Encoder = Wire;

    /// Reduces what `server_fn` itself reports. Its texts are dropped: they may quote input or internals.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => Self::BadRequest,
            ServerFnErrorErr::Request(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Response(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => Self::Transport,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_) => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_details_is_read_from_its_code() {
        let errors = [
            AppError::Unauthenticated,
            AppError::InvalidCredentials,
            AppError::Forbidden,
            AppError::Validation(Vec::new()),
            AppError::OtherUser,
            AppError::NotFound,
            AppError::Conflict,
            AppError::Full { max: 1 },
            AppError::TooLarge,
            AppError::UnsupportedMediaType,
            AppError::BadRequest,
            AppError::RateLimited { retry_after_secs: 1 },
            AppError::Unavailable,
            AppError::Internal,
            AppError::Transport,
        ];
        for error in errors {
            let wire = serde_json::to_value(&error).expect("JSON");
            let code = wire["code"].as_str().expect("a code");
            let expected = wire["detail"].is_null().then_some(error);
            assert_eq!(AppError::of_code(code), expected, "{wire}");
        }
        assert_eq!(AppError::of_code("Unavailable"), None);
    }
}
