//! What pages call: the server functions, one module each, and the services behind ([`services`]).
//!
//! Server functions are public endpoints, thin, each with its own path, its own rule and a typed error. Their bodies
//! exist on the server only. A body says who, what, report: it asks [`crate::server::request`] for the visitor and the
//! services, calls one of them, and reduces the outcome to the wire.

pub mod account;
pub mod form_post;
pub mod notes;
pub mod services;
pub mod session;

pub use services::{CallError, delete, get, post, put};
