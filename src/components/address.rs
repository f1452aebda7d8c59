//! The address of the page, as the router knows it.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// Path and query of the page that is shown or being loaded; the browser's address bar may be a step behind.
#[must_use]
pub fn use_address() -> Signal<String> {
    let location = use_location();
    Signal::derive(move || {
        let query = location.search.get();
        let separator = if query.is_empty() { "" } else { "?" };
        location.pathname.get() + separator + &query
    })
}
