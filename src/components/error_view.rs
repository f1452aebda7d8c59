//! What a page shows in place of content that could not be loaded.

use super::address::use_address;
use crate::{error::AppError, respond, wording::describe};
use leptos::prelude::*;
use leptos_meta::Title;

/// The error in words, with a link that loads the page again. Sets the status of the response.
#[component]
#[expect(clippy::needless_pass_by_value, reason = "`view!` hands over the properties of a component")]
pub fn ErrorView(error: AppError) -> impl IntoView {
    respond::set_status(error.status_code());
    view! {
        <Title text="Something went wrong"/>
        <h1>"Something went wrong"</h1>
        <p>{describe(&error)}</p>
        <p><TryAgain/></p>
    }
}

/// A link that reloads this page, with and without JavaScript.
#[component]
pub fn TryAgain() -> impl IntoView {
    let here = use_address();
    view! { <a class="button" href=here rel="external">"Try again"</a> }
}
