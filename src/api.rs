//! The server functions: public endpoints, thin, each with its own path, its own rule and a typed error.
//!
//! Their bodies exist on the server only. A body says who, what, report: it asks [`crate::server::request`] for the
//! visitor and the services, calls one of them, and reduces the outcome to the wire.

pub mod account;
pub mod session;
