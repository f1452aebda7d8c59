//! The use cases: what a user, a browser or the command line can request.

pub mod accounts;
pub mod clients;
pub mod delivery;
pub mod ended;
pub mod hashing;
mod outage;
pub mod secret_versions;
pub mod sessions;
pub mod signing_keys;

pub mod tokens;
pub mod upstream_tokens;

use super::domain;

/// The browser that a user signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInContext {
    /// Stored with the session and shown to its owner; so is the user agent.
    pub address: std::net::IpAddr,
    pub user_agent: String,
    /// The sessions of this browser so far; the new one takes their place.
    pub replaces: Vec<domain::session::SessionId>,
}
