//! Actors and their stage.

pub mod answer;
pub mod browser;
pub mod test_app;

pub use answer::Answer;
pub use browser::Browser;
pub use test_app::TestApp;
