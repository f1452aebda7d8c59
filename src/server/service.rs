//! The use cases: what a person, a browser or the command line can ask for.

pub mod accounts;
pub mod clients;
pub mod delivery;
pub mod ended;
pub mod hashing;
pub mod secret_versions;
pub mod sessions;
pub mod signing_keys;
pub mod token_service;
pub mod tokens;
pub mod upstream_tokens;

/// From where somebody is asking; kept with a session and shown to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub address: std::net::IpAddr,
    pub user_agent: String,
}
