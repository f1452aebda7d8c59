//! The guard around all private pages.

use super::{address::use_address, error_view::ErrorView};
use crate::{
    browser::{leave_to_sign_in, use_session},
    model::{CurrentUser, EXPECTED_USER_FIELD},
};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct PrivateContext(Memo<CurrentUser>);

/// Shows a page only to a signed-in user.
///
/// The server redirects anonymous visitors before anything is rendered. This guard is for the browser: navigation to a
/// private page by a link, and a session that ends while the page is open.
#[must_use]
pub fn private(page: fn() -> AnyView) -> AnyView {
    let session = use_session();
    let address = use_address();

    // The page is not rebuilt when the user's data changes: it tracks that by `use_current_user`.
    let is_signed_in = Memo::new(move |_| session.current.with(|current| current.as_ref().map(Option::is_some).ok()));

    Effect::new(move |_| {
        if is_signed_in.get() == Some(false) {
            leave_to_sign_in(&address.get_untracked());
        }
    });

    let view = move || {
        // Read, not only tracked: a memo that is first read elsewhere counts as changed then.
        _ = is_signed_in.get();
        match session.current.get_untracked() {
            Ok(Some(user)) => {
                provide_current_user(user);
                untrack(page)
            }
            Ok(None) => ().into_any(),
            Err(error) => view! { <ErrorView error=error/> }.into_any(),
        }
    };
    view.into_any()
}

/// The user of this private page. It tracks changes, and keeps the last known state while there is no user.
///
/// # Panics
///
/// Outside of a private page, where there may be no user.
#[must_use]
pub fn use_current_user() -> Memo<CurrentUser> {
    let PrivateContext(user) = expect_context();
    user
}

/// The page's user, as a hidden field: every form of a private page has one, so that it is not carried out for another
/// user who has signed in since.
#[component]
pub fn ForThisUser() -> impl IntoView {
    let user = use_current_user();
    view! { <input type="hidden" name=EXPECTED_USER_FIELD value=move || user.with(|user| user.id.clone())/> }
}

fn provide_current_user(first: CurrentUser) {
    let session = use_session();
    let user = Memo::new(move |previous: Option<&CurrentUser>| {
        let now = session.current.get().ok().flatten();
        now.unwrap_or_else(|| previous.unwrap_or(&first).clone())
    });
    provide_context(PrivateContext(user));
}
