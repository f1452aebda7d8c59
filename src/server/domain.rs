//! The domain rules as pure functions: no I/O, no async; time and randomness are arguments.

pub mod access_token;
pub mod device;
pub mod email;
mod id;
pub mod key_schedule;
pub mod password_policy;
pub mod public_id;
pub mod refresh_token;
pub mod rotation;
pub mod session;
pub mod upstream_token;
pub mod user;
