//! Pages that become visible again: a tab that is selected, a laptop that wakes up.
//!
//! While they were hidden their token may have ended, and in browsers that freeze hidden tabs they may have missed the
//! other tabs' messages.

use super::{
    dom,
    policy::{ClientState, OnVisible},
    refresh,
};
use leptos::prelude::{document, set_timeout, window_event_listener_untyped};
use std::cell::Cell;

thread_local! {
    static RENEWALS_WHEN_HIDDEN: Cell<u32> = const { Cell::new(0) };
}

/// Calls back when the page should request the signed-in user.
///
/// Tabs that become visible at the same time do so one after the other, so that the first one renews the token for all
/// of them.
pub(super) fn watch(check: impl Fn() + Copy + 'static) {
    RENEWALS_WHEN_HIDDEN.set(refresh::renewals());
    window_event_listener_untyped("visibilitychange", move |_| {
        let state = refresh::read_state();
        if document().hidden() {
            RENEWALS_WHEN_HIDDEN.set(refresh::renewals());
            return;
        }
        match decide(&state) {
            OnVisible::Nothing => {}
            OnVisible::Check { after } => set_timeout(move || check_if_still_due(check), after),
        }
    });
}

fn check_if_still_due(check: impl Fn()) {
    if decide(&refresh::read_state()) != OnVisible::Nothing {
        check();
    }
}

fn decide(state: &ClientState) -> OnVisible {
    state.on_visible(refresh::renewals() != RENEWALS_WHEN_HIDDEN.get(), dom::random())
}
