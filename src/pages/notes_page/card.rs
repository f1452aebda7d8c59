//! The notes, each on a card of its own.

use super::{
    address,
    board::{Card, Change},
    desk::Desk,
    form::{ChangedNote, Trouble},
};
use crate::{components::private_area::ForThisUser, paths};
use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// All cards, or a word about their absence.
#[component]
pub fn Cards(desk: Desk) -> impl IntoView {
    let cards = Memo::new(move |there: Option<&Vec<Card>>| desk.cards(there.map_or(&[], Vec::as_slice)));
    let ids = move || cards.with(|cards| cards.iter().map(|card| card.note.id.clone()).collect::<Vec<_>>());
    let nothing = move || {
        let is_known = desk.notes.with(|notes| matches!(notes, Some(Ok(_))));
        (is_known && cards.with(Vec::is_empty)).then(|| {
            let searched = !desk.search.with(String::is_empty);
            view! { <p>{if searched { "No note holds this." } else { "There are no notes yet." }}</p> }
        })
    };
    view! {
        {nothing}
        <For each=ids key=Clone::clone let:id>
            <NoteCard desk=desk cards=cards id=id/>
        </For>
    }
}

/// One note, to be read or to be changed. It stays the same card while the note changes, so that nothing is taken away
/// from whoever is typing in it.
#[component]
fn NoteCard(desk: Desk, cards: Memo<Vec<Card>>, id: String) -> impl IntoView {
    let note = StoredValue::new(id.clone());
    let card = Memo::new(move |_| {
        cards.with(|cards| note.with_value(|id| cards.iter().find(|card| card.note.id == *id).cloned()))
    });
    let is_open = Memo::new(move |_| {
        let is_underway = card.with(|card| card.as_ref().is_some_and(|card| card.is_underway));
        !is_underway && note.with_value(|id| desk.is_open(id))
    });
    let back = Signal::derive(move || address(&desk.search.get(), None));
    let navigate = use_navigate();
    let close = Callback::new(move |()| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&back.get_untracked(), options);
    });
    let title = move || card.with(|card| card.as_ref().map(|card| card.note.content.title.clone()));
    let content = move || {
        if is_open.get() {
            view! { <ChangedNote desk=desk card=card id=note.get_value() back=back on_sent=close/> }.into_any()
        } else {
            view! { <ReadNote desk=desk card=card id=note.get_value()/> }.into_any()
        }
    };
    let is_underway = move || card.with(|card| card.as_ref().is_some_and(|card| card.is_underway).then_some("true"));
    view! { <section class="card note" aria-busy=is_underway aria-label=title>{content}</section> }
}

#[component]
fn ReadNote(desk: Desk, card: Memo<Option<Card>>, id: String) -> impl IntoView {
    let title = move || card.with(|card| card.as_ref().map(|card| card.note.content.title.clone()));
    let text = move || card.with(|card| card.as_ref().map(|card| card.note.content.text.clone()));
    let version = move || card.with(|card| card.as_ref().map_or(0, |card| card.note.version));
    let is_underway = move || card.with(|card| card.as_ref().is_some_and(|card| card.is_underway));
    let note = StoredValue::new(id.clone());
    let error = Signal::derive(move || note.with_value(|id| desk.refusal(Some(id))).map(|refused| refused.error));
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        desk.send(Change::Delete { id: note.get_value(), seen: version() }, |_| ());
    };
    let edit = Signal::derive(move || note.with_value(|id| address(&desk.search.get(), Some(id))));
    let ways = move || {
        if is_underway() {
            return view! { <p role="status">"Saving…"</p> }.into_any();
        }
        view! {
            <a class="button" href=edit>"Edit"</a>
            <form method="post" action=paths::api::DELETE_NOTE on:submit=delete>
                <ForThisUser/>
                <input type="hidden" name="id" value=note.get_value()/>
                <input type="hidden" name="version" value=version/>
                <button type="submit" class="button">"Delete"</button>
            </form>
        }
        .into_any()
    };
    view! {
        <h2>{title}</h2>
        <p class="note-text">{text}</p>
        <Trouble error=error/>
        <div class="actions">{ways}</div>
    }
}
