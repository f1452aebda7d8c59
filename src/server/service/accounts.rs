//! Accounts: sign-up, sign-in, changes.

use super::{
    SignInContext,
    hashing::{Comparison, Hasher, HashingError},
    sessions::{IssuedSession, Sessions},
};
use crate::{
    model::PasswordRating,
    server::{
        clock::Clock,
        domain::{
            email::{Email, EmailKey},
            password_policy::{Assessment, NormalPassword, PasswordPolicy, PlainPassword},
            user::{DisplayName, User, UserId},
        },
        random,
        store::{Conflict, StoreError, UserStore},
        telemetry::SECURITY,
    },
    sign_in_method::SignInMethod,
    validation::{Field, FieldError, FieldProblem},
};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

/// Creates, authenticates and changes accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub store: Arc<dyn UserStore>,
    pub clock: Arc<dyn Clock>,
    pub sessions: Arc<Sessions>,
    pub hasher: Hasher,
    pub policy: PasswordPolicy,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// A required field is empty.
    #[error("a field is missing")]
    Incomplete(Vec<FieldError>),
    /// The address is unknown, the password wrong or the account disabled: indistinguishable to the client, in timing
    /// too.
    #[error("the credentials are wrong")]
    InvalidCredentials,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an account could not be created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The problem of each refused field.
    #[error("some fields were refused")]
    Refused(Vec<FieldError>),
    /// The account does not exist or has been disabled.
    #[error("the account does not exist")]
    NoSuchUser,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Checks the e-mail address and the password, and begins a session.
    ///
    /// # Errors
    ///
    /// [`SignInError`] if a field is empty, the credentials are wrong, or they cannot be checked now.
    pub async fn sign_in(
        &self,
        context: &SignInContext,
        email: &str,
        password: PlainPassword,
    ) -> Result<IssuedSession, SignInError> {
        let missing: Vec<FieldError> =
            [(Field::Email, email.trim().is_empty()), (Field::Password, password.is_empty())]
                .into_iter()
                .filter_map(|(field, missing)| missing.then_some(FieldError { field, problem: FieldProblem::Required }))
                .collect();
        if !missing.is_empty() {
            return Err(SignInError::Incomplete(missing));
        }
        let user = match EmailKey::of(email) {
            Some(key) => self.store.find_user_by_email(&key).await?,
            None => None,
        };
        let user = self.verify(user, password).await?;
        let begun = match &user {
            Some(user) => self.sessions.begin(user.id, SignInMethod::Password, context).await?,
            None => None,
        };
        begun.ok_or_else(|| {
            info!(target: SECURITY, event = "sign_in_failed", user = user.map(|user| user.id.to_string()), address = %context.address);
            SignInError::InvalidCredentials
        })
    }

    /// The user, if the password is right and the account is not disabled. Takes as long if there is no user.
    async fn verify(&self, user: Option<User>, password: PlainPassword) -> Result<Option<User>, SignInError> {
        let Some(password) = password.normal() else { return Ok(None) };
        let stored = user.as_ref().map(|user| user.password.clone());
        let comparison = self.hasher.compare(password.clone(), stored).await?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
        match comparison {
            Comparison::Mismatch => Ok(None),
            Comparison::Match { outdated } => {
                if outdated {
                    self.rehash(&user, password).await;
                }
                Ok(Some(user))
            }
        }
    }

    /// Replaces a hash made under weaker parameters. A failure is harmless: the next sign-in tries again.
    async fn rehash(&self, user: &User, password: NormalPassword) {
        let Ok(new) = self.hasher.hash(password).await else { return };
        match self.store.replace_password_hash(user.id, &user.password, &new).await {
            Ok(_) => info!(user = %user.id, "password hash updated to the current parameters"),
            Err(error) => {
                warn!(user = %user.id, error = &error as &dyn std::error::Error, "could not update a password hash to the current parameters");
            }
        }
    }

    /// Creates an account and begins a session for it.
    ///
    /// # Errors
    ///
    /// [`AccountError::Refused`] names every refused field at once.
    pub async fn sign_up(
        &self,
        context: &SignInContext,
        email: &str,
        display_name: &str,
        password: PlainPassword,
    ) -> Result<IssuedSession, AccountError> {
        let user = self.add_user(email, display_name, password).await?;
        let begun = self.sessions.begin(user, SignInMethod::Password, context).await?;
        begun.ok_or(AccountError::NoSuchUser)
    }

    /// Creates an account.
    ///
    /// # Errors
    ///
    /// As [`Accounts::sign_up`].
    pub async fn add_user(
        &self,
        email: &str,
        display_name: &str,
        password: PlainPassword,
    ) -> Result<UserId, AccountError> {
        let assessment = self.assess(password, email, display_name).await;
        let (email, display_name, password) =
            match (Email::parse(email), DisplayName::parse(display_name), assessment.accepted) {
                (Ok(email), Ok(name), Ok(password)) => (email, name, password),
                (email, name, password) => {
                    let problems = [
                        (Field::Email, email.err()),
                        (Field::DisplayName, name.err()),
                        (Field::Password, password.err()),
                    ];
                    let refused = problems
                        .into_iter()
                        .filter_map(|(field, problem)| problem.map(|problem| FieldError { field, problem }));
                    return Err(AccountError::Refused(refused.collect()));
                }
            };
        if self.store.find_user_by_email(email.key()).await?.is_some() {
            return Err(email_taken());
        }
        let password = self.hasher.hash(password).await?;
        let now = self.clock.now();
        let id = UserId::from_uuid(random::id(now));
        let user = User { id, email, display_name, password, created_at: now, disabled_at: None };
        match self.store.add_user(&user).await {
            Err(StoreError::Conflict(Conflict::Email)) => return Err(email_taken()),
            other => other?,
        }
        info!(target: SECURITY, event = "account_created", user = %id);
        Ok(id)
    }

    /// Changes the display name; returns it as stored.
    ///
    /// # Errors
    ///
    /// [`AccountError::Refused`] if the name is not acceptable, [`AccountError::NoSuchUser`] if there is no such
    /// account.
    pub async fn change_display_name(&self, user: UserId, display_name: &str) -> Result<String, AccountError> {
        let name = DisplayName::parse(display_name)
            .map_err(|problem| AccountError::Refused(vec![FieldError { field: Field::DisplayName, problem }]))?;
        if !self.store.change_display_name(user, &name).await? {
            return Err(AccountError::NoSuchUser);
        }
        Ok(name.as_str().to_owned())
    }

    /// Rates a password for the strength meter.
    pub async fn rate_password(&self, password: PlainPassword, email: &str, display_name: &str) -> PasswordRating {
        let assessment = self.assess(password, email, display_name).await;
        PasswordRating { score: assessment.score, problem: assessment.accepted.err() }
    }

    /// Applies the password policy on a blocking thread: the estimate takes milliseconds of CPU time.
    async fn assess(&self, password: PlainPassword, email: &str, display_name: &str) -> Assessment {
        let (policy, email, display_name) = (self.policy, email.to_owned(), display_name.to_owned());
        let assessed = spawn_blocking(move || policy.assess(&password, &email, &display_name)).await;
        // A join error means that the estimate panicked; a password that cannot be assessed is not accepted.
        assessed.unwrap_or(Assessment { score: 0, accepted: Err(FieldProblem::GuessablePassword) })
    }

    /// Disables an account and ends its sessions. `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn disable(&self, email: &EmailKey) -> Result<bool, StoreError> {
        self.store.disable_user(email, self.clock.now()).await
    }
}

fn email_taken() -> AccountError {
    AccountError::Refused(vec![FieldError { field: Field::Email, problem: FieldProblem::Taken }])
}
