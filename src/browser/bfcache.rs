//! Pages that come back from the browser's back/forward cache: frozen when they were left, and perhaps no longer true.

use super::dom;
use leptos::{ev, prelude::window_event_listener};
use std::cell::RefCell;

thread_local! {
    static COOKIE_WHEN_LEFT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Hides a page that shows somebody when it is left, and shows it again only if the session is still the same.
///
/// It is hidden on leaving, not on return, because a returning page may be painted before any script runs.
pub(super) fn watch(shows_somebody: impl Fn() -> bool + Copy + 'static) {
    window_event_listener(ev::pagehide, move |event| {
        if event.persisted() {
            COOKIE_WHEN_LEFT.set(dom::token_life_cookie());
            if shows_somebody() {
                dom::conceal();
            }
        }
    });
    window_event_listener(ev::pageshow, move |event| {
        if event.persisted() {
            let before = COOKIE_WHEN_LEFT.take();
            let now = dom::token_life_cookie();
            if is_still_true(before.as_deref(), now.as_deref(), shows_somebody()) {
                dom::reveal();
            } else {
                dom::reload();
            }
        }
    });
}

/// Whether a page may be shown as it was left: the readable cookie is the same, and agrees with what the page shows.
fn is_still_true(cookie_before: Option<&str>, cookie_now: Option<&str>, shows_somebody: bool) -> bool {
    cookie_before == cookie_now && shows_somebody == cookie_now.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_again_only_if_nothing_has_changed() {
        const A: Option<&str> = Some("1.2");
        const B: Option<&str> = Some("3.4");
        assert!(is_still_true(A, A, true), "still signed in");
        assert!(is_still_true(None, None, false), "still anonymous");
        assert!(!is_still_true(A, None, true), "signed out meanwhile");
        assert!(!is_still_true(A, B, true), "renewed, or somebody else");
        assert!(!is_still_true(None, None, true), "the token had ended before the page was left");
        assert!(!is_still_true(None, A, false), "signed in meanwhile");
        assert!(!is_still_true(A, A, false), "signed in on the way out of this page");
    }
}
