//! What pages call: the server functions, one module for each area, and upstream services ([`upstream`]).
//!
//! Server functions are public endpoints, thin, each with its own path, access rule and typed error. Their bodies exist
//! on the server only. A body takes the visitor and the services from [`crate::server::context`], calls one of them,
//! and reduces the outcome to the wire.

pub mod account;
pub mod form_post;
pub mod notes;
pub mod session;
pub mod upstream;

pub use crate::upstream::CallError;
pub use upstream::{delete, get, post, put};
