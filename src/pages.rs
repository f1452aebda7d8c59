//! The pages: one file each.

/// Makes a page of a function: one that the browser loads when it is first needed, in builds that are split. A
/// `private` one is shown only to somebody who is signed in.
macro_rules! lazy_page {
    ($page:ident, private $view:ident) => {
        lazy_page!($page, $view, crate::components::private_area::private($view));
    };
    ($page:ident, $view:ident) => {
        lazy_page!($page, $view, $view());
    };
    ($page:ident, $view:ident, $shown:expr) => {
        #[cfg(lazy_pages)]
        #[leptos_router::lazy_route]
        impl leptos_router::LazyRoute for $page {
            fn data() -> Self {
                Self
            }

            fn view(page: Self) -> AnyView {
                let $page = page;
                $shown
            }
        }

        #[cfg(not(lazy_pages))]
        impl leptos_router::LazyRoute for $page {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                $shown
            }
        }
    };
}

mod account_page;
mod home_page;
mod login_page;
mod not_found_page;
mod notes_page;
mod sessions_page;
mod sign_up_page;

pub use account_page::AccountPage;
pub use home_page::HomePage;
pub use login_page::LoginPage;
pub use not_found_page::NotFoundPage;
pub use notes_page::NotesPage;
pub use sessions_page::SessionsPage;
pub use sign_up_page::SignUpPage;
