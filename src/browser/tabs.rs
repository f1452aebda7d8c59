//! Messages between the tabs of one browser about the signed-in user.
//!
//! Each page announces the user it shows after loading, and a sign-out. The others compare. The messages hold only the
//! opaque user id, and none is trusted without a request to the server, except that private content disappears at once.

use super::DisplayedUser;
use std::fmt;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

const CHANNEL: &str = "tokenlife";

/// A message to the other tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A page was loaded that shows this user.
    Loaded { user: Option<String> },
    /// This user has just signed out.
    SignedOut { user: String },
    /// The server has finally refused the session.
    SessionOver,
}

/// What a page does on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    Ignore,
    /// Request the signed-in user.
    Check,
    /// Conceal the page at once and reload it.
    Reload,
}

impl DisplayedUser {
    /// Compares another tab's message with the user this page shows.
    #[must_use]
    pub fn react_to(&self, message: &Message) -> Reaction {
        match (self, message) {
            (Self::User(shown), Message::SignedOut { user }) if shown == user => Reaction::Reload,
            (Self::User(shown), Message::Loaded { user: Some(user) }) if shown == user => Reaction::Ignore,
            (Self::User(_), Message::Loaded { user: Some(_) }) => Reaction::Reload,
            (Self::User(_), _) | (_, Message::Loaded { user: Some(_) }) => Reaction::Check,
            _ => Reaction::Ignore,
        }
    }
}

impl Message {
    fn parse(text: &str) -> Option<Self> {
        let (kind, user) = text.split_once(' ').unwrap_or((text, ""));
        match (kind, user) {
            ("loaded", "") => Some(Self::Loaded { user: None }),
            ("loaded", user) => Some(Self::Loaded { user: Some(user.to_owned()) }),
            ("signed-out", user) if !user.is_empty() => Some(Self::SignedOut { user: user.to_owned() }),
            ("session-over", "") => Some(Self::SessionOver),
            _ => None,
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded { user: None } => f.write_str("loaded"),
            Self::Loaded { user: Some(user) } => write!(f, "loaded {user}"),
            Self::SignedOut { user } => write!(f, "signed-out {user}"),
            Self::SessionOver => f.write_str("session-over"),
        }
    }
}

thread_local! {
    /// One channel for the life of the page; `None` in a browser without it.
    static OPEN: Option<BroadcastChannel> = BroadcastChannel::new(CHANNEL).ok();
}

/// Sends a message to the other tabs.
pub(super) fn announce(message: &Message) {
    let text = JsValue::from_str(&message.to_string());
    OPEN.with(|channel| channel.as_ref().map(|channel| channel.post_message(&text)));
}

/// Calls back with the other tabs' messages, as long as the page lives.
pub(super) fn listen(listener: impl Fn(Message) + 'static) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(message) = event.data().as_string().as_deref().and_then(Message::parse) {
            listener(message);
        }
    });
    OPEN.with(|channel| {
        if let Some(channel) = channel {
            channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        }
    });
    on_message.forget();
}

/// Stops calling back.
pub(super) fn stop_listening() {
    OPEN.with(|channel| {
        if let Some(channel) = channel {
            channel.set_onmessage(None);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_shown(user: &str) -> DisplayedUser {
        DisplayedUser::User(user.to_owned())
    }

    fn loaded(user: &str) -> Message {
        Message::Loaded { user: Some(user.to_owned()) }
    }

    fn signed_out(user: &str) -> Message {
        Message::SignedOut { user: user.to_owned() }
    }

    #[test]
    fn a_message_survives_its_text() {
        for message in [Message::Loaded { user: None }, loaded("u1"), signed_out("u1"), Message::SessionOver] {
            assert_eq!(Message::parse(&message.to_string()), Some(message));
        }
        for noise in ["", "loaded-x", "signed-out", "session-over u1", "LOADED u1", "{}"] {
            assert_eq!(Message::parse(noise), None, "{noise:?}");
        }
    }

    #[test]
    fn private_content_disappears_at_once_when_its_user_has_signed_out() {
        assert_eq!(user_shown("alice").react_to(&signed_out("alice")), Reaction::Reload);
        assert_eq!(user_shown("alice").react_to(&loaded("bob")), Reaction::Reload);
    }

    #[test]
    fn a_doubtful_message_is_checked_with_the_server() {
        let anonymous = Message::Loaded { user: None };
        assert_eq!(user_shown("alice").react_to(&anonymous), Reaction::Check);
        assert_eq!(user_shown("alice").react_to(&Message::SessionOver), Reaction::Check);
        assert_eq!(user_shown("alice").react_to(&signed_out("bob")), Reaction::Check);
        assert_eq!(DisplayedUser::Anonymous.react_to(&loaded("alice")), Reaction::Check);
        assert_eq!(DisplayedUser::Unknown.react_to(&loaded("alice")), Reaction::Check);
    }

    #[test]
    fn agreement_causes_nothing() {
        assert_eq!(user_shown("alice").react_to(&loaded("alice")), Reaction::Ignore);
        assert_eq!(DisplayedUser::Anonymous.react_to(&Message::Loaded { user: None }), Reaction::Ignore);
        assert_eq!(DisplayedUser::Anonymous.react_to(&signed_out("alice")), Reaction::Ignore);
        assert_eq!(DisplayedUser::Anonymous.react_to(&Message::SessionOver), Reaction::Ignore);
    }
}
