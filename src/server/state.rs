//! What every request can reach.

use super::{
    auth::{cookies::SessionCookies, visitor::VisitorSession},
    edge::rate_limit::RateLimits,
    gateway::Gateway,
    keyring::Keyring,
    service::{
        accounts::Accounts,
        clients::{ClientCredentials, WEB},
        sessions::{RefreshError, Refreshed, Sessions},
    },
    wire,
};
use crate::{
    error::AppError,
    model::{CurrentUser, PublicSettings},
};
use axum::extract::FromRef;
use leptos::prelude::LeptosOptions;
use std::{net::IpAddr, sync::Arc};
use tracing::Instrument;

/// The application's parts, shared by all requests.
#[derive(Clone, Debug)]
pub struct AppState {
    pub options: LeptosOptions,
    pub sessions: Arc<Sessions>,
    pub accounts: Arc<Accounts>,
    pub limits: Arc<RateLimits>,
    pub cookies: SessionCookies,
    pub keyring: Arc<Keyring>,
    pub gateway: Arc<Gateway>,
    pub settings: PublicSettings,
}

impl AppState {
    /// Whose session this is. Nobody's, if it has ended a moment ago.
    ///
    /// # Errors
    ///
    /// [`AppError::Unavailable`] if the store cannot be asked.
    pub async fn current_user(&self, session: Option<VisitorSession>) -> Result<Option<CurrentUser>, AppError> {
        let Some(session) = session else { return Ok(None) };
        if !session.is_certain {
            // The store has just been asked, and could not say.
            return Err(AppError::Unavailable);
        }
        let found = self.sessions.find_live(session.session_id).await?;
        Ok(found.map(|(session, user)| wire::current_user(&session, &user)))
    }

    /// Redeems a refresh token that came from an address, as the client "web".
    ///
    /// The work is a task of its own: a browser that hangs up in the middle cannot lose a rotation that is being
    /// committed.
    ///
    /// # Errors
    ///
    /// [`RefreshError`].
    pub async fn redeem(&self, refresh_token: String, from: IpAddr) -> Result<Refreshed, RefreshError> {
        self.redeem_as(WEB.to_owned(), self.keyring.web_client_secret().to_owned(), refresh_token, from).await
    }

    /// The same as any client.
    ///
    /// # Errors
    ///
    /// [`RefreshError`].
    pub async fn redeem_as(
        &self,
        client_id: String,
        secret: String,
        refresh_token: String,
        from: IpAddr,
    ) -> Result<Refreshed, RefreshError> {
        let sessions = Arc::clone(&self.sessions);
        let work = async move {
            sessions.refresh(ClientCredentials { id: &client_id, secret: &secret }, &refresh_token, from).await
        };
        let task = tokio::spawn(work.in_current_span());
        // The task is never aborted, so not to be joined means that it panicked.
        task.await.unwrap_or(Err(RefreshError::Interrupted))
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.options.clone()
    }
}
