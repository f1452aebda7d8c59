//! Maps internal errors to those on the wire: logged once, here, then reduced.

use super::{
    service::{
        accounts::{AccountError, SignInError},
        hashing::HashingError,
        sessions::RefreshError,
    },
    store::StoreError,
    telemetry::SECURITY,
};
use crate::error::AppError;
use std::error::Error;
use tracing::{error, info, warn};

impl From<StoreError> for AppError {
    fn from(cause: StoreError) -> Self {
        match cause {
            StoreError::Unavailable(_) => {
                warn!(error = chain(&cause), "the store is not available");
                Self::Unavailable
            }
            StoreError::Conflict(_) | StoreError::Backend(_) | StoreError::Corrupt(_) | StoreError::Migration(_) => {
                error!(error = chain(&cause), "the store failed");
                Self::Internal
            }
        }
    }
}

impl From<HashingError> for AppError {
    fn from(cause: HashingError) -> Self {
        match cause {
            HashingError::Busy => {
                warn!("{cause}");
                Self::Unavailable
            }
            HashingError::Unusable => {
                error!("{cause}");
                Self::Internal
            }
        }
    }
}

impl From<SignInError> for AppError {
    fn from(cause: SignInError) -> Self {
        match cause {
            SignInError::Incomplete(fields) => Self::Validation(fields),
            SignInError::InvalidCredentials => Self::InvalidCredentials,
            SignInError::Hashing(cause) => cause.into(),
            SignInError::Store(cause) => cause.into(),
        }
    }
}

impl From<AccountError> for AppError {
    fn from(cause: AccountError) -> Self {
        match cause {
            AccountError::Refused(fields) => Self::Validation(fields),
            AccountError::NoSuchUser => Self::Unauthenticated,
            AccountError::Hashing(cause) => cause.into(),
            AccountError::Store(cause) => cause.into(),
        }
    }
}

impl RefreshError {
    /// Reduces the error to the wire. Only a final verdict reports that no user is signed in; a refusal that may not
    /// recur (a very late request, a key that this server does not have yet) asks for a retry.
    #[must_use]
    pub fn reduce(self) -> AppError {
        let is_final = self.is_final();
        match self {
            Self::Store(cause) => cause.into(),
            // A reuse has been logged where it was detected, with the details for an investigation.
            Self::Reused => AppError::Unauthenticated,
            cause => {
                info!(target: SECURITY, event = "refresh_refused", reason = %cause, is_final);
                if is_final { AppError::Unauthenticated } else { AppError::Unavailable }
            }
        }
    }
}

/// An error with its causes, on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
