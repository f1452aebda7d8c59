//! The state shared by all requests.

use super::{
    auth::cookies::SessionCookies,
    clock::Clock,
    edge::rate_limit::RateLimits,
    gateway::Gateway,
    keyring::Keyring,
    service::{
        accounts::Accounts,
        clients::{Clients, KnownClient},
        sessions::Sessions,
        tokens::Tokens,
    },
};
use crate::model::PublicSettings;
use axum::extract::FromRef;
use leptos::prelude::LeptosOptions;
use std::sync::Arc;

/// The application's parts, shared by all requests.
#[derive(Clone, Debug)]
pub struct AppState {
    pub options: LeptosOptions,
    pub clock: Arc<dyn Clock>,
    pub sessions: Arc<Sessions>,
    pub accounts: Arc<Accounts>,
    pub tokens: Arc<Tokens>,
    pub clients: Arc<Clients>,
    /// The OAuth client that stands for this application itself.
    pub web_client: KnownClient,
    pub limits: Arc<RateLimits>,
    pub cookies: SessionCookies,
    pub keyring: Arc<Keyring>,
    pub gateway: Arc<Gateway>,
    pub settings: PublicSettings,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.options.clone()
    }
}
