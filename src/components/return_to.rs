//! Where signing in leads: the page somebody wanted to see, carried along in the query.

use crate::paths::ReturnTo;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The query parameter, and the parameter of the server functions.
const RETURN_TO: &str = "return_to";

/// The destination in this page's query. Anything doubtful there is the account page.
#[must_use]
pub fn use_return_to() -> Memo<ReturnTo> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| ReturnTo::parse(query.get_str(RETURN_TO))))
}

/// The destination as an invisible field of a form.
#[component]
pub fn ReturnToField() -> impl IntoView {
    let destination = use_return_to();
    let value = move || destination.with(|destination| destination.as_str().to_owned());
    view! { <input type="hidden" name=RETURN_TO value=value/> }
}
