//! Pages that come back into view: a tab that is chosen again, a laptop that wakes up.
//!
//! While they were away their token may have ended, and in browsers that freeze hidden tabs they may not have heard
//! what the others said.

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

/// Calls back when the server should be asked who is signed in.
///
/// Tabs that come into view at the same time do so one after the other, so that the first one renews the token for
/// all of them.
pub(super) fn watch(ask: impl Fn() + Copy + 'static) {
    RENEWALS_WHEN_HIDDEN.set(refresh::renewals());
    window_event_listener_untyped("visibilitychange", move |_| {
        let state = refresh::read_state();
        if document().hidden() {
            RENEWALS_WHEN_HIDDEN.set(refresh::renewals());
            return;
        }
        match decide(&state) {
            OnVisible::Nothing => {}
            OnVisible::Ask { after } => set_timeout(move || ask_if_still_wanted(ask), after),
        }
    });
}

fn ask_if_still_wanted(ask: impl Fn()) {
    if decide(&refresh::read_state()) != OnVisible::Nothing {
        ask();
    }
}

fn decide(state: &ClientState) -> OnVisible {
    state.on_visible(refresh::renewals() != RENEWALS_WHEN_HIDDEN.get(), dom::random())
}
