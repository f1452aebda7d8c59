//! The actors and environment of the tests.

pub mod answer;
pub mod browser;
pub mod database;
pub mod forger;
pub mod full_queue;
pub mod html;
pub mod oauth_client;
pub mod server;
pub mod test_app;
pub mod watched_store;

pub use answer::Answer;
pub use browser::Browser;
pub use database::Database;
pub use full_queue::FullQueue;
pub use test_app::TestApp;
pub use watched_store::Condition;
