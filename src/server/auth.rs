//! The visitor of a request: the cookies that identify them, the layer that reads those, and what it finds.

pub mod cookies;
pub mod current_user;
pub mod session_layer;
pub mod visitor;
