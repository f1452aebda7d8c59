//! The form for a new note, and what it shares with the form that edits one. Without JavaScript both are sent to the
//! server functions of `api::notes`.

use super::{list::Change, state::NotesState};
use crate::{
    components::{
        fields::{FieldFrame, described_by},
        form::{FormMessage, FormState, SubmitButton, focus_unless_elsewhere, id_in},
        private_area::ForThisUser,
        text_area::TextArea,
    },
    model::notes::NoteDraft,
    paths,
    validation::Field,
    wording::describe_notes_error,
};
use leptos::{ev::SubmitEvent, html, prelude::*};

const NEW_NOTE: &str = "new-note";

/// The element id of a note's card.
pub fn part_of(note: &str) -> String {
    format!("note-{note}")
}

/// The form for a new note.
#[component]
pub fn NewNote(state: NotesState) -> impl IntoView {
    let inputs = Inputs::new();
    let error = Memo::new(move |_| state.refusal(None).map(|refused| refused.error));
    let initial = match untrack(|| state.refusal(None)).map(|refused| refused.change) {
        Some(Change::Add(content)) => content,
        _ => NoteDraft::default(),
    };
    let is_busy = RwSignal::new(false);
    let form = FormState::of_part(NEW_NOTE, error.into(), is_busy.into());
    let add = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(written) = inputs.read() else { return };
        is_busy.set(true);
        state.send(Change::Add(written.clone()), move |outcome| {
            is_busy.set(false);
            if outcome.is_ok() && inputs.clear(&written) {
                focus_unless_elsewhere(NEW_NOTE.to_owned(), id_in(NEW_NOTE, Field::Title.name()));
            }
        });
    };
    let heading = id_in(NEW_NOTE, "heading");
    view! {
        <section id=NEW_NOTE class="card" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>"New note"</h2>
            <form method="post" action=paths::api::ADD_NOTE novalidate=true on:submit=add>
                <ForThisUser/>
                <FormMessage form=form in_words=describe_notes_error/>
                <NoteFields form=form initial=initial inputs=inputs/>
                <SubmitButton form=form>"Add"</SubmitButton>
            </form>
        </section>
    }
}

/// The two inputs of a note.
#[derive(Clone, Copy)]
pub struct Inputs {
    title: NodeRef<html::Input>,
    text: NodeRef<html::Textarea>,
}

impl Inputs {
    pub fn new() -> Self {
        Self { title: NodeRef::new(), text: NodeRef::new() }
    }

    /// Their values; `None` if the page has been left.
    pub fn read(self) -> Option<NoteDraft> {
        let title = self.title.try_get_untracked().flatten()?.value();
        let text = self.text.try_get_untracked().flatten()?.value();
        Some(NoteDraft { title, text })
    }

    /// Empties the inputs, unless they have changed since they were read. Returns whether it did.
    fn clear(self, read: &NoteDraft) -> bool {
        let is_unchanged = self.read().as_ref() == Some(read);
        if is_unchanged && let (Some(title), Some(text)) = (self.title.get_untracked(), self.text.get_untracked()) {
            title.set_value("");
            text.set_value("");
        }
        is_unchanged
    }
}

/// The fields of a note.
#[component]
pub fn NoteFields(
    form: FormState,
    initial: NoteDraft,
    inputs: Inputs,
    /// Whether the form has just been opened: then it takes the focus, although there is nothing to correct.
    #[prop(optional)]
    is_fresh: bool,
) -> impl IntoView {
    let field = Field::Title;
    view! {
        <FieldFrame form=form field=field>
            <input
                id=form.id_of(field)
                name=field.name()
                value=initial.title
                required=true
                autocomplete="off"
                autofocus=is_fresh || form.wants_focus(field)
                aria-invalid=move || form.problem_of(field).map(|_| "true")
                aria-describedby=move || described_by(form, field, false)
                node_ref=inputs.title
            />
        </FieldFrame>
        <TextArea form=form field=Field::Text initial=initial.text node_ref=inputs.text/>
    }
}
