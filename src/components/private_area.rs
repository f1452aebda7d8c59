//! What stands around all pages that are only for somebody who is signed in.

use super::{address::use_address, error_view::ErrorView};
use crate::{
    browser::{leave_to_sign_in, use_session},
    model::{CurrentUser, EXPECTED_USER_FIELD},
};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct PrivateContext(Memo<CurrentUser>);

/// Shows a page only to somebody who is signed in.
///
/// The server answers everybody else before anything is rendered. This guard is for what happens in the browser: going
/// to a private page by a link, and a session that ends while the page is open.
#[must_use]
pub fn private(page: fn() -> AnyView) -> AnyView {
    let session = use_session();
    let address = use_address();

    // A page is not built anew when something about the person changes: it follows that by `use_current_user`.
    let is_signed_in = Memo::new(move |_| session.current.with(|current| current.as_ref().map(Option::is_some).ok()));

    Effect::new(move |_| {
        if is_signed_in.get() == Some(false) {
            leave_to_sign_in(&address.get_untracked());
        }
    });

    let view = move || {
        // Read, not only tracked: a memo that others are the first to read counts as changed then.
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

/// The person this private page is for. It follows changes, and keeps the last known state while there is none.
///
/// # Panics
///
/// Outside of the private area, where there may be nobody.
#[must_use]
pub fn use_current_user() -> Memo<CurrentUser> {
    let PrivateContext(user) = expect_context();
    user
}

/// Whose page this is, as an invisible field: every form of a private page has one, so that it is not carried out for
/// somebody else who has signed in since.
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
