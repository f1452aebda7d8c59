//! What pages call: the server functions, one module each, and the services behind ([`services`]).
//!
//! Server functions are public endpoints, thin, each with its own path, its own rule and a typed error. Their bodies
//! exist on the server only. A body says who, what, report: it asks [`crate::server::context`] for the visitor and the
//! services, calls one of them, and reduces the outcome to the wire.

pub mod account;
pub mod form_post;
pub mod notes;
pub mod session;
pub mod upstream;

pub use crate::upstream::CallError;
pub use upstream::{delete, get, post, put};
