use crate::{paths, respond};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page for an address without a page.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    respond::set_status(404);
    view! {
        <Title text="Page not found"/>
        <h1>"Page not found"</h1>
        <p>"There is nothing under this address. It may have been moved, or mistyped."</p>
        <p><a class="button" href=paths::HOME>"Go to the home page"</a></p>
    }
}
