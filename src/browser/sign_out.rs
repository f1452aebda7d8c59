//! Signing out. A plain call instead of a server function's action: every page loads this, without the code of actions.

use super::{dom, fetch::Request};
use crate::{error::AppError, paths};
use leptos::{prelude::*, task::spawn_local};

/// Signing out on this page.
#[derive(Clone, Copy, Debug)]
pub struct SignOut(RwSignal<State>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    SignedIn,
    Leaving,
    /// The session has ended, and another page is being loaded.
    Left,
    Refused(AppError),
}

impl SignOut {
    pub(super) fn new() -> Self {
        Self(RwSignal::new(State::SignedIn))
    }

    /// Signs out, and goes to the home page.
    pub fn start(self) {
        self.0.set(State::Leaving);
        spawn_local(async move {
            let response = Request::call(paths::api::LOGOUT).send(None, None).await;
            match response.map_or(Err(AppError::Transport), |response| response.read()) {
                Ok(_) => {
                    self.0.set(State::Left);
                    dom::go_to(paths::HOME);
                }
                Err(error) => self.0.set(State::Refused(error)),
            }
        });
    }

    /// Why signing out failed, if it did.
    #[must_use]
    pub fn error(self) -> Option<AppError> {
        self.0.with(|state| match state {
            State::Refused(error) => Some(error.clone()),
            State::SignedIn | State::Leaving | State::Left => None,
        })
    }

    /// Whether the user is signing out, or has signed out.
    #[must_use]
    pub fn is_leaving(self) -> bool {
        self.0.with(|state| matches!(state, State::Leaving | State::Left))
    }

    /// [`Self::is_leaving`], untracked.
    pub(super) fn is_under_way(self) -> bool {
        untrack(|| self.is_leaving())
    }

    pub(super) fn has_left(self) -> bool {
        self.0.with(|state| *state == State::Left)
    }
}
