//! The pages: one file each.

/// Makes a page of a function: in split builds, one whose code the browser loads when it is first needed. A `private`
/// one is shown only to a signed-in user.
macro_rules! lazy_page {
    ($page:ident, private $view:ident) => {
        lazy_page!($page, $view, crate::components::private_area::private($view));
    };
    ($page:ident, $view:ident) => {
        lazy_page!($page, $view, $view());
    };
    ($page:ident, $view:ident, $shown:expr) => {
        #[cfg(lazy_pages)]
        #[leptos::wasm_split::wasm_split($view, wasm_split_path = leptos::wasm_split, fallible)]
        fn load() -> Result<AnyView, leptos::wasm_split::SplitLoaderError> {
            Ok($shown)
        }

        // As the macro `lazy_route` writes it, except for pages that cannot be loaded: there it would panic, which
        // stops the whole application in the browser.
        #[cfg(lazy_pages)]
        impl leptos_router::LazyRoute for $page {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                if is_server() {
                    // The name of the split file, for the head of the page.
                    leptos::prefetch_lazy_fn_on_server(stringify!($view));
                }
                crate::components::page_load::show_when_loaded(Box::pin(load())).await
            }
        }

        #[cfg(not(lazy_pages))]
        impl leptos_router::LazyRoute for $page {
            fn data() -> Self {
                Self
            }

            async fn view(_: Self) -> AnyView {
                crate::components::page_load::focus_page();
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
