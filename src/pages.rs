//! The pages: one file each.

mod account_page;
mod home_page;
mod login_page;
mod not_found_page;
mod sign_up_page;

pub use account_page::AccountPage;
pub use home_page::HomePage;
pub use login_page::LoginPage;
pub use not_found_page::NotFoundPage;
pub use sign_up_page::SignUpPage;
