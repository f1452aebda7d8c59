//! Authentication of requests: the session cookies, the session layer, and the [`visitor::Visitor`] it determines.

pub mod cookies;
pub mod current_user;
pub mod session_layer;
pub mod visitor;
