//! The header of every page: the navigation, and signing in or out.

use super::{by_session::BySession, page_data::use_offered, return_to::use_return_to};
use crate::{browser::use_session, paths, wording::describe};
use leptos::prelude::*;
use leptos_router::components::A;

/// The skip link, the name of the site and the navigation.
#[component]
pub fn SiteHeader() -> impl IntoView {
    let sign_out = use_session().sign_out;
    // If signing out fails, the user is still signed in and must see that.
    let problem =
        move || sign_out.error().map(|error| view! { <p class="form-message" role="alert">{describe(&error)}</p> });
    view! {
        <a class="skip-link" href="#main" rel="external">"Skip to content"</a>
        <header class="site-header">
            <A href=paths::HOME exact=true attr:class="brand">"tokenlife"</A>
            <nav aria-label="Main">
                <BySession view=|current| match current {
                    Ok(Some(_)) => view! { <SignedInLinks/> }.into_any(),
                    Ok(None) => view! { <AnonymousLinks/> }.into_any(),
                    // The user is unknown at the moment: neither links to sign in nor to sign out would be right.
                    Err(_) => ().into_any(),
                }/>
            </nav>
            {problem}
        </header>
    }
}

#[component]
fn AnonymousLinks() -> impl IntoView {
    let destination = use_return_to();
    let to = move |page| move || destination.with(|destination| paths::with_return_to(page, destination));
    view! {
        <A href=to(paths::LOGIN)>"Sign in"</A>
        <A href=to(paths::SIGN_UP)>"Create account"</A>
    }
}

#[component]
fn SignedInLinks() -> impl IntoView {
    let sign_out = use_session().sign_out;
    view! {
        {use_offered().notes.then(|| view! { <A href=paths::NOTES>"Notes"</A> })}
        <A href=paths::ACCOUNT>"Account"</A>
        // Not a `ServerForm`: it has no fields, and the code that reads fields would be loaded with every page.
        <form
            class="sign-out"
            method="post"
            action=paths::api::LOGOUT
            on:submit=move |event| {
                event.prevent_default();
                sign_out.start();
            }
        >
            <button type="submit" class="link" disabled=move || sign_out.is_leaving()>"Sign out"</button>
        </form>
    }
}
