//! The session, as the pages see it: who is signed in, and how the browser keeps the session alive.
//!
//! There is one signal, `current`, and one context around it. The server determines the user before it renders a page,
//! and sends it along; in the browser [`http_client::SessionClient`] keeps the session alive around each call, and the
//! rest of this module watches for the moments when the page's content is no longer valid.

mod bfcache;
pub(crate) mod dom;
mod drafts;
pub(crate) mod fetch;
pub mod http_client;
mod in_flight;
mod memory;
pub mod policy;
mod refresh;
mod sign_out;
mod single_flight;
pub mod tabs;
mod visibility;
mod web_lock;

use crate::{
    error::AppError,
    model::{Current, json},
    paths::{self, ReturnTo},
};
use drafts::Ending;
use fetch::Request;
use leptos::{prelude::*, server_fn::redirect::set_redirect_hook, task::spawn_local};
pub use sign_out::SignOut;
use tabs::{Message, Reaction};

/// The signed-in user, and signing out. Returned by [`use_session`].
#[derive(Clone, Copy, Debug)]
pub struct SessionContext {
    pub current: RwSignal<Current>,
    pub sign_out: SignOut,
}

/// The user that a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DisplayedUser {
    /// The server could not determine it.
    #[default]
    Unknown,
    Anonymous,
    /// The user with this id.
    User(String),
}

/// Provides the [`SessionContext`] of a page that was rendered for `current`, and, in the browser, watches it. Called
/// once, by the application.
pub fn provide_session(current: Current) {
    let session = SessionContext { current: RwSignal::new(current), sign_out: SignOut::new() };
    provide_context(session);
    watch(session);
}

/// The [`SessionContext`] of this page.
///
/// # Panics
///
/// Outside of the application, where it is not provided.
#[must_use]
pub fn use_session() -> SessionContext {
    expect_context()
}

/// Requests the signed-in user. The flag says whether there is none because the session is over: then the browser still
/// has its cookies. After signing out, in whichever tab, it has none.
async fn fetch_current() -> (Current, bool) {
    let response = http_client::keep_alive(&Request::call(paths::api::CURRENT), None).await;
    match response.and_then(|response| response.read()) {
        Ok(user) if user.is_something() => (json::user(&user).map(Some).ok_or(AppError::Transport), false),
        Ok(_) => (Ok(None), false),
        Err(AppError::Unauthenticated) => (Ok(None), true),
        Err(error) => (Err(error), false),
    }
}

/// Prepares the browser before anything is mounted: a server function that leads to another page makes the browser
/// load that page as a new document, so that nothing of the previous user stays in memory.
pub fn redirect_by_loading() {
    // Only the first hook is kept; the router would set its own.
    _ = set_redirect_hook(|location| dom::go_to(local_path(location)));
}

/// Leaves a private page for the sign-in page, which returns to `wanted`.
pub fn leave_to_sign_in(wanted: &str) {
    dom::leave_for(&paths::login_returning_to(&ReturnTo::parse(Some(wanted))));
}

/// Marks the page as hydrated.
pub fn mark_hydrated() {
    dom::mark_hydrated();
}

/// A `Location` if it is a path of this origin; the home page for anything else.
fn local_path(location: &str) -> &str {
    let local = location.starts_with('/') && !location.starts_with("//") && !location.contains('\\');
    if local { location } else { paths::HOME }
}

/// Keeps the page in line with the session as long as it lives. Effects run in the browser only.
fn watch(session: SessionContext) {
    let shown = StoredValue::new(DisplayedUser::default());

    Effect::new(move |_| {
        let now = session.current.with(DisplayedUser::of);
        let before = shown.get_value();
        if now == DisplayedUser::Unknown {
            return;
        }
        http_client::set_expected_user(now.user());
        refresh::accept(now != DisplayedUser::Anonymous);
        match (before, &now) {
            (DisplayedUser::Unknown, _) => tabs::announce(&Message::Loaded { user: now.user() }),
            (DisplayedUser::User(before), now) if now.user().as_ref() != Some(&before) => dom::reload(),
            _ => {}
        }
        shown.set_value(now);
    });

    Effect::new(move |_| refresh::leave(session.sign_out.is_leaving()));
    Effect::new(move |_| {
        if let (true, DisplayedUser::User(user)) = (session.sign_out.has_left(), shown.get_value()) {
            tabs::announce(&Message::SignedOut { user });
        }
    });

    Effect::new(move |_| {
        // The age of the access token counts from here, not from the first call.
        refresh::read_state();
        refresh::on_session_over(move || check(session));
        tabs::listen(move |message| match shown.with_value(|shown| shown.react_to(&message)) {
            Reaction::Ignore => {}
            Reaction::Check => check(session),
            Reaction::Reload => {
                // Later messages concern the next page.
                tabs::stop_listening();
                dom::reload();
            }
        });
        bfcache::watch(move || shown.with_value(|shown| matches!(shown, DisplayedUser::User(_))));
        visibility::watch(move || check(session));
        window_event_listener_untyped("online", |_| refresh::record_network());
    });
}

/// Requests the signed-in user, and shows it. Until the response arrives, the page stays as it is.
///
/// If the shown user's session is over and they have typed something into a form, the page is left by that form
/// ([`drafts`]).
fn check(session: SessionContext) {
    spawn_local(async move {
        let (now, is_over) = fetch_current().await;
        if now == Ok(None) {
            in_flight::all_ended().await;
        }
        let before = session.current.get_untracked();
        if now.is_err() {
            // The user that the page still shows counts as signed in: after a pause the next call refreshes again, even
            // if a refresh has been refused meanwhile.
            refresh::accept(matches!(before, Ok(Some(_))));
        }
        // A concealed page is being left because of another response.
        if now.is_err() || before == now || dom::is_concealed() {
            return;
        }
        if let (Ok(Some(user)), Ok(None)) = (&before, &now)
            && !session.sign_out.is_under_way()
        {
            // The cookies of an expired session are gone as well.
            let ending = match (dom::has_passed(&user.session.expires_at.rfc3339), is_over) {
                (true, _) => Some(Ending::Expired),
                (false, true) => Some(Ending::Ended),
                (false, false) => None,
            };
            if ending.is_some_and(drafts::hand_over) {
                tabs::stop_listening();
                return;
            }
        }
        session.current.set(now);
    });
}

impl DisplayedUser {
    fn of(current: &Current) -> Self {
        match current {
            Ok(Some(user)) => Self::User(user.id.clone()),
            Ok(None) => Self::Anonymous,
            Err(_) => Self::Unknown,
        }
    }

    fn user(&self) -> Option<String> {
        match self {
            Self::User(user) => Some(user.clone()),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}
