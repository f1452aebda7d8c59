//! Who is asking: the cookies that say it, the layer that decides it, and the [`visitor::Visitor`] that it finds.

pub mod cookies;
pub mod current_user;
pub mod session_layer;
pub mod visitor;
