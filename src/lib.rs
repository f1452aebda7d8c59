//! tokenlife: a Leptos application with sign-in done right.
//!
//! Two zones, one wall: everything outside [`server`] compiles to WASM and runs in the browser as well; everything
//! inside never does. `docs/architecture.md` has the map.

pub mod api;
pub mod app;
pub mod browser;
pub mod components;
pub mod encoding;
pub mod error;
pub mod model;
pub mod pages;
pub mod paths;
pub mod respond;
#[cfg(feature = "ssr")]
pub mod server;
pub mod sign_in_method;
pub mod upstream;
pub mod validation;
pub mod wording;

/// Hydrates the page; called by the script that the page loads.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    if cfg!(debug_assertions) {
        std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    }
    browser::redirect_by_loading();
    wasm_bindgen_futures::spawn_local(async {
        leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), app::App).await.forget();
        browser::mark_hydrated();
    });
}
