//! The one error type that crosses the wire.
//!
//! It names what happened, never why in the server's own words: causes are logged once, at the edge, with the
//! request's id. The text for it is in [`crate::wording`].

use crate::{
    encoding::Wire,
    validation::{Field, FieldError, FieldProblem},
};
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// When to come back to a server that could not answer: an outage of the store is mostly over in a moment.
const RETRY_UNAVAILABLE_SECS: u32 = 1;

/// What a server function answers when it cannot do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "snake_case")]
pub enum AppError {
    /// Nobody is signed in, or the session has ended.
    Unauthenticated,
    /// The e-mail address and the password do not belong together, or the account is disabled: deliberately the same.
    InvalidCredentials,
    /// The request came from another site (RFC 9110 §15.5.4).
    Forbidden,
    /// Some fields have to be filled in differently.
    Validation(Vec<FieldError>),
    /// The page that sent this shows somebody else than who is signed in by now. Nothing was done.
    OtherUser,
    /// There is no such thing.
    NotFound,
    /// It has been changed since it was seen.
    Conflict,
    /// There is room for so many and no more.
    Full { max: u32 },
    /// The body is longer than the server reads.
    TooLarge,
    /// The body is not form-encoded.
    UnsupportedMediaType,
    /// The body is not what this function takes.
    BadRequest,
    /// Too many attempts; the next one may come after this many seconds.
    RateLimited { retry_after_secs: u32 },
    /// The server cannot answer at the moment. Nobody is signed out by this.
    Unavailable,
    /// A fault of the server; its log holds the cause.
    Internal,
    /// The answer did not arrive or could not be read.
    Transport,
}

impl AppError {
    /// The HTTP status that tells the same (RFC 9110 §15).
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

    /// The error that is called so on the wire, if it has no details.
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

    /// When the same may be tried again, if that is all there is to do (RFC 9110 §10.2.3).
    #[must_use]
    pub const fn retry_after_secs(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_secs } => Some(*retry_after_secs),
            Self::Unavailable => Some(RETRY_UNAVAILABLE_SECS),
            _ => None,
        }
    }

    /// What is wrong with a field, if this is about fields.
    #[must_use]
    pub fn problem_of(&self, field: Field) -> Option<FieldProblem> {
        let Self::Validation(fields) = self else { return None };
        fields.iter().find(|error| error.field == field).map(|error| error.problem)
    }
}

impl FromServerFnError for AppError {
    type Encoder = Wire;

    /// Reduces what `server_fn` itself reports. Its texts stay behind: they may quote input or internals.
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
    fn whatever_has_no_details_is_known_by_its_code() {
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
