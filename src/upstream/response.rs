//! The response of an upstream, and how it becomes a value or an error.

use crate::{encoding, error::AppError};
use leptos::server_fn::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A response, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamResponse {
    pub status: u16,
    pub body: Bytes,
}

/// Why an upstream call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallError {
    /// An error of this application, or one it has a variant for: no user is signed in, there is no such resource, the
    /// upstream does not respond.
    App(AppError),
    /// The upstream refused the request with this status and body.
    Refused { status: u16, detail: String },
}

impl CallError {
    /// The body of the upstream's refusal, in its own format; `None` if it is not of that format.
    #[must_use]
    pub fn detail<T: DeserializeOwned>(&self) -> Option<T> {
        match self {
            Self::App(_) => None,
            Self::Refused { detail, .. } => encoding::read(detail.as_bytes()).ok(),
        }
    }
}

impl From<AppError> for CallError {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl From<CallError> for AppError {
    /// For callers that do not read an upstream's refusals.
    fn from(error: CallError) -> Self {
        match error {
            CallError::App(error) => error,
            CallError::Refused { .. } => Self::BadRequest,
        }
    }
}

impl UpstreamResponse {
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, CallError> {
        match self.status {
            // An empty body is `()`.
            200..=299 if self.body.is_empty() => encoding::read(b"null"),
            200..=299 => encoding::read(&self.body),
            _ => return Err(self.error()),
        }
        .map_err(|_| CallError::App(AppError::Transport))
    }

    /// The error that this application sent instead of the upstream's response: the body names it.
    fn own_refusal(&self) -> Option<AppError> {
        if self.status < 400 { None } else { encoding::read(&self.body).ok() }
    }

    fn error(self) -> CallError {
        if let Some(error) = self.own_refusal() {
            return CallError::App(error);
        }
        let Self { status, body } = self;
        CallError::App(match status {
            401 => AppError::Unauthenticated,
            403 => AppError::Forbidden,
            404 | 410 => AppError::NotFound,
            400..=499 => return CallError::Refused { status, detail: String::from_utf8_lossy(&body).into_owned() },
            502..=504 => AppError::Unavailable,
            500..=599 => AppError::Internal,
            // Redirects are for navigation; a call does not follow them.
            _ => AppError::Transport,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: DeserializeOwned>(status: u16, body: &str) -> Result<T, CallError> {
        UpstreamResponse { status, body: Bytes::copy_from_slice(body.as_bytes()) }.read()
    }

    #[test]
    fn a_success_is_read() {
        assert_eq!(read::<Vec<u8>>(200, "[1, 2]"), Ok(vec![1, 2]));
        assert_eq!(read::<()>(204, ""), Ok(()));
        assert_eq!(read::<Option<u8>>(200, ""), Ok(None));
        for body in ["", "<!DOCTYPE html>", "{}", "[1, 2"] {
            assert_eq!(read::<Vec<u8>>(200, body), Err(CallError::App(AppError::Transport)), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_distinguished_from_a_failure() {
        for (status, body, expected) in [
            (401, "", AppError::Unauthenticated),
            (404, "no such note", AppError::NotFound),
            (503, "", AppError::Unavailable),
            (502, "<html>", AppError::Unavailable),
            (500, "", AppError::Internal),
            (302, "", AppError::Transport),
            (413, r#"{"code":"too_large"}"#, AppError::TooLarge),
            (
                429,
                r#"{"code":"rate_limited","detail":{"retry_after_secs":3}}"#,
                AppError::RateLimited { retry_after_secs: 3 },
            ),
        ] {
            assert_eq!(read::<()>(status, body), Err(CallError::App(expected)), "{status}");
        }
        let refused = read::<()>(409, r#"{"newest":7}"#).unwrap_err();
        assert_eq!(refused, CallError::Refused { status: 409, detail: r#"{"newest":7}"#.to_owned() });
        assert_eq!(refused.detail::<std::collections::HashMap<String, u8>>().unwrap()["newest"], 7);
        assert_eq!(refused.detail::<u8>(), None);
        assert_eq!(AppError::from(refused), AppError::BadRequest);
    }
}
