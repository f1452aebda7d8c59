//! Hears of changes that were made elsewhere, as long as the page is looked at.

use super::state::NotesState;
use crate::{browser::dom, paths};
use futures::{StreamExt as _, future::abortable};
use gloo_net::eventsource::futures::EventSource;
use leptos::{ev, prelude::*, task::spawn_local};
use std::time::Duration;

/// The pause after the stream could not be opened: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Has the desk hear of changes.
///
/// A browser keeps six connections to a server that speaks HTTP/1.1, and a stream is one of them: tabs that nobody looks
/// at let go of theirs. The first event tells whatever was missed.
pub fn listen(state: NotesState) {
    let is_seen = RwSignal::new(true);
    Effect::new(move |_| {
        let look = move || is_seen.set(!document().hidden());
        look();
        let listening = window_event_listener(ev::visibilitychange, move |_| look());
        on_cleanup(move || listening.remove());
    });
    Effect::new(move |_| {
        if is_seen.get() {
            let (following, stop) = abortable(follow(state));
            spawn_local(async move { _ = following.await });
            on_cleanup(move || stop.abort());
        }
    });
}

/// Follows the stream for ever. The browser opens it again by itself whenever it ends; only what it was refused is left
/// to us.
async fn follow(state: NotesState) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(mut source) = EventSource::new(paths::NOTES_CHANGES)
            && let Ok(mut revisions) = source.subscribe("revision")
        {
            while let Some(Ok((_, event))) = revisions.next().await {
                if let Some(revision) = event.data().as_string().and_then(|data| data.parse().ok()) {
                    state.hear(revision);
                    pause = FIRST_PAUSE;
                }
            }
        }
        // Why, a stream does not tell: the service is out of reach, the session is over, there is one stream too many.
        // A call finds out and does what is to be done, and keeps the page up to date as long as there is no stream.
        state.look();
        dom::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
