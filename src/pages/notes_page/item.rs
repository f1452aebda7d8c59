//! The notes, each on a card of its own.

use super::{
    STATUS_ID, address,
    changed_note::ChangedNote,
    form::part_of,
    list::{Change, NoteItem},
    state::NotesState,
};
use crate::{
    components::{
        form::{FormMessage, FormState, focus, focus_unless_elsewhere, id_in},
        private_area::ForThisUser,
    },
    error::AppError,
    model::notes::Notes,
    paths,
    validation::Field,
    wording::describe_refused_deletion,
};
use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

const HEADING: &str = "heading";

/// All cards, or a text about their absence.
#[component]
pub fn NoteList(state: NotesState, notes: Memo<Option<Result<Notes, AppError>>>) -> impl IntoView {
    let items = Memo::new(move |there: Option<&Vec<NoteItem>>| {
        notes.with(|notes| {
            let notes = notes.as_ref().and_then(|notes| notes.as_ref().ok());
            state.items(notes, there.map_or(&[], Vec::as_slice))
        })
    });
    let ids = move || {
        keep_focus();
        items.with(|items| items.iter().map(|item| item.note.id.clone()).collect::<Vec<_>>())
    };
    let nothing = move || {
        let is_known = notes.with(|notes| matches!(notes, Some(Ok(_))));
        (is_known && items.with(Vec::is_empty)).then(|| {
            let searched = !state.search.with(String::is_empty);
            view! { <p>{if searched { "No notes match your search." } else { "There are no notes yet." }}</p> }
        })
    };
    view! {
        {nothing}
        <For each=ids key=Clone::clone let:id>
            <NoteItemView state=state items=items id=id/>
        </For>
    }
}

/// One note, to read or to edit. Its card stays the same element while the note changes, so that the user's typing is
/// not interrupted.
#[component]
fn NoteItemView(state: NotesState, items: Memo<Vec<NoteItem>>, id: String) -> impl IntoView {
    let note = StoredValue::new(id.clone());
    let item = Memo::new(move |_| {
        items.with(|items| note.with_value(|id| items.iter().find(|item| item.note.id == *id).cloned()))
    });
    let is_open = Memo::new(move |_| {
        let is_underway = item.with(|item| item.as_ref().is_some_and(|item| item.is_underway));
        !is_underway && note.with_value(|id| state.is_open(id))
    });
    // Another note may be open as well, with unsent text.
    let back = Signal::derive(move || {
        let other = state.opened().filter(|opened| note.with_value(|id| id != opened));
        address(&state.search.get(), other.as_deref())
    });
    let navigate = use_navigate();
    let close = Callback::new(move |()| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&back.get_untracked(), options);
    });
    let part = part_of(&id);
    let this_part = StoredValue::new(part.clone());
    Effect::new(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        // The pressed element is removed with the previous view. The focus on a refused form is moved by its sender.
        if was_open.is_some_and(|was_open| was_open != is_open) {
            let part = this_part.get_value();
            if !is_open {
                let heading = id_in(&part, HEADING);
                focus_unless_elsewhere(part, heading);
            } else if note.with_value(|id| untrack(|| state.refused_text(id)).is_none()) {
                request_animation_frame(move || focus(&id_in(&part, Field::Title.name())));
            }
        }
        is_open
    });
    let title = move || item.with(|item| item.as_ref().map(|item| item.note.content.title.clone()));
    let content = move || {
        if is_open.get() {
            view! { <ChangedNote state=state item=item id=note.get_value() back=back on_sent=close/> }.into_any()
        } else {
            view! { <ReadNote state=state item=item id=note.get_value()/> }.into_any()
        }
    };
    let is_underway = move || item.with(|item| item.as_ref().is_some_and(|item| item.is_underway).then_some("true"));
    view! { <section id=part class="card note" aria-busy=is_underway aria-label=title>{content}</section> }
}

#[component]
fn ReadNote(state: NotesState, item: Memo<Option<NoteItem>>, id: String) -> impl IntoView {
    let title = move || item.with(|item| item.as_ref().map(|item| item.note.content.title.clone()));
    let text = move || item.with(|item| item.as_ref().map(|item| item.note.content.text.clone()));
    let version = move || item.with(|item| item.as_ref().map_or(0, |item| item.note.version));
    let is_underway = move || item.with(|item| item.as_ref().is_some_and(|item| item.is_underway));
    let part = part_of(&id);
    let note = StoredValue::new(id);
    let error = Memo::new(move |_| {
        let refused = note.with_value(|id| state.refusal(Some(id)));
        refused.filter(|refused| refused.written().is_none()).map(|refused| refused.error)
    });
    let form = FormState::of_part(&part, error.into(), Signal::stored(false));
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        let message = form.message_id();
        state.send(Change::Delete { id: note.get_value(), seen: version() }, move |outcome| {
            if outcome.is_err() {
                focus_unless_elsewhere(STATUS_ID.to_owned(), message);
            }
        });
        request_animation_frame(|| focus(STATUS_ID));
    };
    let edit = Signal::derive(move || note.with_value(|id| address(&state.search.get(), Some(id))));
    let actions = move || {
        if is_underway() {
            return view! { <p>"Saving…"</p> }.into_any();
        }
        view! {
            <a class="button" href=edit data-noscroll=true>"Edit"</a>
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
        <h2 id=id_in(&part, HEADING) tabindex="-1">{title}</h2>
        <p class="note-text">{text}</p>
        <FormMessage form=form in_words=describe_refused_deletion/>
        <div class="actions">{actions}</div>
    }
}

/// Restores the focus of the element that has it now: a card that changes its place is removed from the page and
/// inserted again.
fn keep_focus() {
    if is_server() {
        return;
    }
    if let Some(active) = document().active_element() {
        queue_microtask(move || {
            let is_lost = document().active_element().is_none_or(|now| now.contains(Some(&active)));
            if is_lost && active.is_connected() {
                _ = active.unchecked_into::<HtmlElement>().focus();
            }
        });
    }
}
