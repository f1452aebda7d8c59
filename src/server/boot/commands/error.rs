//! Why a command was not carried out.

use super::in_utc;
use crate::{
    server::{
        boot::start::StartError,
        clock::Timestamp,
        config::ConfigError,
        error::chain,
        service::{accounts::AccountError, clients::ClientError, secret_versions::SecretError, signing_keys::KeyError},
        store::StoreError,
    },
    validation::FieldError,
    wording,
};
use std::{io, path::PathBuf};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The application cannot be assembled from the settings.
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{}", chain(.0))]
    Store(#[from] StoreError),
    #[error("{0:?} is not an e-mail address")]
    NotAnEmail(String),
    #[error("{}", wording::describe_fields(.0))]
    Refused(Vec<FieldError>),
    #[error(transparent)]
    Account(AccountError),
    #[error("there is no account with the address {0:?}")]
    UnknownAccount(String),
    #[error(transparent)]
    Client(ClientError),
    /// The master secret comes from the environment, so no command can rewrite it; `secrets` describes it.
    #[error(
        "the master secret is in a variable ({secrets}): write the versions there, `2:… 1:…`, each as \
         `openssl rand -base64 32` prints it; the first one makes what is new"
    )]
    SecretInVariable { secrets: String },
    #[error("there is no room for another version")]
    NoRoomForVersion,
    #[error("{} holds no version {version}", .file.display())]
    UnknownVersion { file: PathBuf, version: u8 },
    #[error("version {0} makes what is new; run `tokenlife secret rotate` first")]
    PrimaryVersion(u8),
    #[error("no server makes under version {0} yet; start them again first")]
    UnusedVersion(u8),
    #[error(
        "version {version} is needed until {}; with --force, who has not been back since it was replaced has to sign in \
         again",
        in_utc(*.until)
    )]
    NeededVersion { version: u8, until: Timestamp },
    /// Standard input could not be read, or standard output not written.
    #[error("the server failed: {0}")]
    Io(#[from] io::Error),
}

impl CommandError {
    /// The text for standard error: one line for each problem found.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Start(error) => error.lines(),
            other => vec![other.to_string()],
        }
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        StartError::from(error).into()
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        StartError::from(error).into()
    }
}

impl From<SecretError> for CommandError {
    fn from(error: SecretError) -> Self {
        StartError::from(error).into()
    }
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            AccountError::Refused(fields) => Self::Refused(fields),
            AccountError::NoSuchUser | AccountError::Hashing(_) => Self::Account(error),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Store(error) => error.into(),
            other => Self::Client(other),
        }
    }
}
