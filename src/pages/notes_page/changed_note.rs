//! The form that edits a note.

use super::{
    STATUS_ID,
    form::{Inputs, NoteFields, part_of},
    list::{Change, NoteItem, Opening},
    state::NotesState,
};
use crate::{
    components::{
        form::{FormMessage, FormState, SubmitButton, focus, focus_unless_elsewhere, id_in, place_to_correct},
        private_area::ForThisUser,
    },
    error::AppError,
    paths,
    wording::describe_notes_error,
};
use leptos::{ev::SubmitEvent, prelude::*};

const GONE: &str = "gone";

/// The form that edits a note. If the note is deleted elsewhere, it keeps the text, to be added as a new note.
#[component]
pub fn ChangedNote(
    state: NotesState,
    /// The note as it is now.
    item: Memo<Option<NoteItem>>,
    #[prop(into)] id: String,
    /// Where to go on cancel.
    back: Signal<String>,
    /// Called when the form has been sent.
    on_sent: Callback<()>,
) -> impl IntoView {
    let inputs = Inputs::new();
    let part = part_of(&id);
    // Untracked: the form stays as it is while the user types.
    let refused = untrack(|| state.refused_text(&id));
    let is_fresh = refused.is_none();
    let opening = Opening::of(item.get_untracked().map(|item| item.note).unwrap_or_default(), refused.as_ref());
    let (initial, has_conflict) = (opening.content.clone(), opening.has_conflict);
    let newest = move || item.with(|item| item.as_ref().map_or(0, |item| item.note.version));
    let seen = Signal::derive(move || opening.seen(newest()));
    // That a note is gone is known from the response to saving it, or from the stream while it is being edited.
    let was_gone = refused.as_ref().is_some_and(|refused| refused.error == AppError::NotFound);
    let is_gone = Memo::new(move |_| was_gone || item.with(|item| item.as_ref().is_some_and(|item| item.is_gone)));
    let error = Memo::new(move |_| {
        let error = refused.as_ref().map(|refused| refused.error.clone());
        error.filter(|error| *error != AppError::NotFound && !(is_gone.get() && *error == AppError::Conflict))
    });
    let form = FormState::of_part(&part, error.into(), Signal::stored(false));
    let gone_id = id_in(&part, GONE);
    let (note, part) = (StoredValue::new(id.clone()), StoredValue::new(part));
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(content) = inputs.read() else { return };
        let (id, seen) = (note.get_value(), seen.get_untracked());
        let part = part.get_value();
        // The form is removed, and the focus moves to the note, or if that is gone, to the status. A form that is shown
        // again takes the focus from there.
        let (change, from) = if is_gone.get_untracked() {
            request_animation_frame(|| focus(STATUS_ID));
            (Change::AddAgain { id, content, seen }, STATUS_ID.to_owned())
        } else {
            (Change::Edit { id, content, seen }, part.clone())
        };
        state.send(change, move |outcome| {
            if let Err(error) = outcome {
                let is_gone = *error == AppError::NotFound;
                focus_unless_elsewhere(from, if is_gone { id_in(&part, GONE) } else { place_to_correct(&part, error) });
            }
        });
        on_sent.run(());
    };
    let leave = move |_| {
        state.forget_refusal(Some(&note.get_value()));
        if is_gone.get_untracked() {
            // The card is removed, too, so the focus moves to the page.
            request_animation_frame(|| focus("main"));
        }
    };
    let as_it_is = move || {
        let newest = item.get().filter(|_| has_conflict && !is_gone.get());
        newest.map(|item| {
            view! {
                <div class="as-it-is">
                    <h3>{item.note.content.title}</h3>
                    <p class="note-text">{item.note.content.text}</p>
                </div>
            }
        })
    };
    let gone = move || {
        is_gone.get().then(|| {
            view! {
                <p id=gone_id.clone() class="form-message" role="alert" tabindex="-1" autofocus=was_gone>
                    "This note was deleted elsewhere in the meantime."
                </p>
            }
        })
    };
    view! {
        {as_it_is}
        <form
            method="post"
            action=move || if is_gone.get() { paths::api::ADD_NOTE } else { paths::api::CHANGE_NOTE }
            novalidate=true
            on:submit=save
        >
            <ForThisUser/>
            <input type="hidden" name="id" value=id/>
            <input type="hidden" name="version" value=seen/>
            {gone}
            <FormMessage form=form in_words=describe_notes_error/>
            <NoteFields form=form initial=initial inputs=inputs is_fresh=is_fresh/>
            <div class="actions">
                <SubmitButton form=form>
                    {move || if is_gone.get() { "Add as a new note" } else { "Save" }}
                </SubmitButton>
                <a class="button" href=back data-noscroll=true on:click=leave>
                    {move || if is_gone.get() { "Dismiss" } else { "Cancel" }}
                </a>
            </div>
        </form>
    }
}
