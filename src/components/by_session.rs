//! Views that depend on who is signed in.

use crate::{browser::use_session, model::Current};
use leptos::prelude::*;

/// Shows `view` of the signed-in user, and again when that changes.
///
/// It takes a plain function and a finished view, so that all uses share one copy of the code: every byte here is
/// loaded before any page is hydrated.
#[component]
pub fn BySession(view: fn(Current) -> AnyView) -> impl IntoView {
    let session = use_session();
    move || view(session.current.get())
}
