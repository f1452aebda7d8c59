//! Everything that runs on the server only, from the command line to the last request.

pub mod auth;
pub mod boot;
pub mod clock;
pub mod config;
pub mod context;
pub mod domain;
pub mod edge;
pub mod error;
pub mod gateway;
pub mod keyring;
pub mod oauth;
pub mod random;
mod redacted;
pub mod service;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod transport;
pub mod web;
pub mod wire;
