//! Subscribes to changes made elsewhere, as long as the page is visible.

use super::state::NotesState;
use crate::{browser::dom, paths};
use futures::{StreamExt as _, future::abortable};
use gloo_net::eventsource::futures::EventSource;
use leptos::{ev, prelude::*, task::spawn_local};
use std::time::Duration;

/// The pause after the stream could not be opened: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Reports changes to the state of the page.
///
/// A browser keeps six connections to a server that speaks HTTP/1.1, and a stream is one of them, so hidden tabs close
/// theirs. The first event of a stream names the current revision, so no change is missed.
pub fn subscribe(state: NotesState) {
    let is_visible = RwSignal::new(true);
    Effect::new(move |_| {
        let update = move || is_visible.set(!document().hidden());
        update();
        let listening = window_event_listener(ev::visibilitychange, move |_| update());
        on_cleanup(move || listening.remove());
    });
    Effect::new(move |_| {
        if is_visible.get() {
            let (stream, stop) = abortable(run_stream(state));
            spawn_local(async move { _ = stream.await });
            on_cleanup(move || stop.abort());
        }
    });
}

/// Reads the stream for ever. The browser reconnects by itself when it ends; only a refused one is opened again here.
async fn run_stream(state: NotesState) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(mut source) = EventSource::new(paths::NOTES_CHANGES)
            && let Ok(mut revisions) = source.subscribe("revision")
        {
            while let Some(Ok((_, event))) = revisions.next().await {
                if let Some(revision) = event.data().as_string().and_then(|data| data.parse().ok()) {
                    state.announce(revision);
                    pause = FIRST_PAUSE;
                }
            }
        }
        // A stream reports no cause: the service is unreachable, the session is over, there is one stream too many. A
        // call handles each of these, and keeps the page up to date as long as there is no stream.
        state.reload();
        dom::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
