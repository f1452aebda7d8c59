//! Pages restored from the browser's back/forward cache: frozen when they were left, and perhaps no longer valid.

use super::dom;
use leptos::{ev, prelude::window_event_listener};
use std::cell::RefCell;

thread_local! {
    static COOKIE_WHEN_LEFT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Conceals a page that shows a user when it is left, and reveals it only if the session is still the same.
///
/// On leaving, not on return, because a restored page may be painted before any script runs.
pub(super) fn watch(shows_user: impl Fn() -> bool + Copy + 'static) {
    window_event_listener(ev::pagehide, move |event| {
        if event.persisted() {
            COOKIE_WHEN_LEFT.set(dom::token_life_cookie());
            if shows_user() {
                dom::conceal();
            }
        }
    });
    window_event_listener(ev::pageshow, move |event| {
        if event.persisted() {
            let before = COOKIE_WHEN_LEFT.take();
            let now = dom::token_life_cookie();
            if is_still_valid(before.as_deref(), now.as_deref(), shows_user()) {
                dom::reveal();
            } else {
                dom::reload();
            }
        }
    });
}

/// Whether a page may be shown as it was left: the readable cookie is the same, and agrees with what the page shows.
fn is_still_valid(cookie_before: Option<&str>, cookie_now: Option<&str>, shows_user: bool) -> bool {
    cookie_before == cookie_now && shows_user == cookie_now.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_again_only_if_nothing_has_changed() {
        const A: Option<&str> = Some("1.2");
        const B: Option<&str> = Some("3.4");
        assert!(is_still_valid(A, A, true), "still signed in");
        assert!(is_still_valid(None, None, false), "still anonymous");
        assert!(!is_still_valid(A, None, true), "signed out meanwhile");
        assert!(!is_still_valid(A, B, true), "renewed, or another user");
        assert!(!is_still_valid(None, None, true), "the token had ended before the page was left");
        assert!(!is_still_valid(None, A, false), "signed in meanwhile");
        assert!(!is_still_valid(A, A, false), "signed in on the way out of this page");
    }
}
