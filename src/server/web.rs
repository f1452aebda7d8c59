//! What is served: the URL map ([`router`]), pages, server functions, files, health checks.

pub mod assets;
pub mod health;
pub mod pages;
pub mod router;
pub mod server_functions;
mod whole_pages;
