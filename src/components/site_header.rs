//! The top of every page: where one is, and who one is.

use super::{
    error_view::describe,
    form::{OnSuccess, use_form},
    return_to::use_return_to,
};
use crate::{paths, session::use_session};
use leptos::{either::EitherOf3, form::ActionForm, prelude::*};
use leptos_router::components::A;

/// The skip link, the name of the site and the navigation.
#[component]
pub fn SiteHeader() -> impl IntoView {
    let session = use_session();
    view! {
        <a class="skip-link" href="#main" rel="external">"Skip to content"</a>
        <header class="site-header">
            <A href=paths::HOME exact=true attr:class="brand">"tokenlife"</A>
            <nav aria-label="Main">
                <Transition>
                    {move || Suspend::new(async move {
                        match session.current.await {
                            Ok(Some(_)) => EitherOf3::A(view! { <SignedInLinks/> }),
                            Ok(None) => EitherOf3::B(view! { <AnonymousLinks/> }),
                            // Who is there cannot be known at the moment: neither way in nor way out would be right.
                            Err(_) => EitherOf3::C(()),
                        }
                    })}
                </Transition>
            </nav>
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
    view! {
        <A href=paths::ACCOUNT>"Account"</A>
        <SignOutForm/>
    }
}

/// Signs out. If that fails, the person is still signed in and has to be told.
#[component]
fn SignOutForm() -> impl IntoView {
    let logout = use_session().logout;
    let form = use_form(logout, OnSuccess::Leaves);
    view! {
        <ActionForm action=logout attr:class="sign-out">
            <button type="submit" class="link" disabled=move || form.is_busy()>"Sign out"</button>
        </ActionForm>
        {move || form.error().map(|error| view! { <p class="form-message" role="alert">{describe(&error)}</p> })}
    }
}
