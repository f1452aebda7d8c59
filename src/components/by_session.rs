//! Views that depend on who is signed in.

use crate::{error::AppError, model::CurrentUser, session::use_session};
use leptos::prelude::*;

/// Shows `view` of what is known about the session as soon as something is known, and again when that changes.
///
/// It takes a plain function and a finished view, so that all places share one copy of the code behind it: every byte
/// here is loaded before any page comes alive.
#[component]
pub fn BySession(view: fn(Result<Option<CurrentUser>, AppError>) -> AnyView) -> impl IntoView {
    let session = use_session();
    view! { <Transition>{move || Suspend::new(async move { view(session.current.await) })}</Transition> }
}
