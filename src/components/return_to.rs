//! The page to return to after signing in, carried in the query.

use crate::paths::{RETURN_TO, ReturnTo};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The destination in this page's query; the account page for one that is refused.
#[must_use]
pub fn use_return_to() -> Memo<ReturnTo> {
    // Not the router's parsed query: it decodes twice, which turns an encoded `&` into a separator.
    let query = use_location().search;
    Memo::new(move |_| query.with(|query| ReturnTo::of_query(query)))
}

/// The destination as a hidden field of a form.
#[component]
pub fn ReturnToField() -> impl IntoView {
    let destination = use_return_to();
    let value = move || destination.with(|destination| destination.as_str().to_owned());
    view! { <input type="hidden" name=RETURN_TO value=value/> }
}
