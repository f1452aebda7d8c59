//! The forms in which notes are written. Without JavaScript they are sent to the server functions of `api::notes`.

use super::{
    STATUS_ID,
    board::{Card, Change, Opening},
    desk::Desk,
};
use crate::{
    components::{
        error_view::describe,
        fields::{FieldFrame, described_by},
        form::{FormMessage, FormState, SubmitButton, focus, id_in, lead, place_to_mend},
        private_area::ForThisUser,
        text_area::TextArea,
    },
    error::{AppError, Field},
    model::notes::NoteDraft,
    paths,
};
use leptos::{ev::SubmitEvent, html, prelude::*};

const NEW_NOTE: &str = "new-note";
const GONE: &str = "gone";

/// The id of the part of the page that a note has.
pub fn part_of(note: &str) -> String {
    format!("note-{note}")
}

/// What went wrong with a note, in words.
pub fn describe_trouble(error: &AppError) -> String {
    match error {
        AppError::Unavailable | AppError::Internal | AppError::Transport => {
            "The notes cannot be reached at the moment. Nothing is lost; please try again shortly.".into()
        }
        AppError::Conflict => {
            "This note was changed elsewhere in the meantime. Look at it as it is now, then save yours or leave it."
                .into()
        }
        other => describe(other),
    }
}

/// The form for a new note.
#[component]
pub fn NewNote(desk: Desk) -> impl IntoView {
    let inputs = Inputs::new();
    let error = Memo::new(move |_| desk.refusal(None).map(|refused| refused.error));
    let initial = match untrack(|| desk.refusal(None)).map(|refused| refused.change) {
        Some(Change::Add(content)) => content,
        _ => NoteDraft::default(),
    };
    let is_busy = RwSignal::new(false);
    let form = FormState::of_part(NEW_NOTE, error.into(), is_busy.into());
    let add = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(written) = inputs.read() else { return };
        is_busy.set(true);
        desk.send(Change::Add(written.clone()), move |outcome| {
            is_busy.set(false);
            if outcome.is_ok() && inputs.clear(&written) {
                lead(NEW_NOTE.to_owned(), id_in(NEW_NOTE, Field::Title.name()));
            }
        });
    };
    let heading = id_in(NEW_NOTE, "heading");
    view! {
        <section id=NEW_NOTE class="card" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>"New note"</h2>
            <form method="post" action=paths::api::ADD_NOTE novalidate=true on:submit=add>
                <ForThisUser/>
                <FormMessage form=form in_words=describe_trouble/>
                <NoteFields form=form initial=initial inputs=inputs/>
                <SubmitButton form=form>"Add"</SubmitButton>
            </form>
        </section>
    }
}

/// The form in which a note is changed. If the note is gone, it keeps what was typed, to be added as another one.
#[component]
pub fn ChangedNote(
    desk: Desk,
    /// The note as it is now.
    card: Memo<Option<Card>>,
    #[prop(into)] id: String,
    /// Where to go when nothing is to be changed.
    back: Signal<String>,
    /// What to do when the form has been sent.
    on_sent: Callback<()>,
) -> impl IntoView {
    let inputs = Inputs::new();
    let part = part_of(&id);
    // Not followed: the form stays as it is while somebody types.
    let refused = untrack(|| desk.refused_text(&id));
    let is_new = refused.is_none();
    let opening = Opening::of(card.get_untracked().map(|card| card.note).unwrap_or_default(), refused.as_ref());
    let (initial, was_overtaken) = (opening.content.clone(), opening.was_overtaken);
    let newest = move || card.with(|card| card.as_ref().map_or(0, |card| card.note.version));
    let seen = Signal::derive(move || opening.seen(newest()));
    // That a note is gone comes out by saving it, or is heard of while it is being typed in.
    let was_gone = refused.as_ref().is_some_and(|refused| refused.error == AppError::NotFound);
    let is_gone = Memo::new(move |_| was_gone || card.with(|card| card.as_ref().is_some_and(|card| card.is_gone)));
    let error = refused.map(|refused| refused.error).filter(|error| *error != AppError::NotFound);
    let form = FormState::of_part(&part, Signal::stored(error), Signal::stored(false));
    let gone_id = id_in(&part, GONE);
    let (note, part) = (StoredValue::new(id.clone()), StoredValue::new(part));
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(content) = inputs.read() else { return };
        let (id, seen) = (note.get_value(), seen.get_untracked());
        let part = part.get_value();
        // The form goes. When it comes back, the focus comes too, from where it has gone: to the note, or if there is
        // none any more, to the word about what is being done.
        let (change, whereabouts) = if is_gone.get_untracked() {
            request_animation_frame(|| focus(STATUS_ID));
            (Change::AddAgain { id, content, seen }, STATUS_ID.to_owned())
        } else {
            (Change::Edit { id, content, seen }, part.clone())
        };
        desk.send(change, move |outcome| {
            if let Err(error) = outcome {
                let is_gone = *error == AppError::NotFound;
                lead(whereabouts, if is_gone { id_in(&part, GONE) } else { place_to_mend(&part, error) });
            }
        });
        on_sent.run(());
    };
    let leave = move |_| {
        desk.forget_refusal(Some(&note.get_value()));
        if is_gone.get_untracked() {
            // The card goes, too, so the focus goes to what is left.
            request_animation_frame(|| focus("main"));
        }
    };
    let as_it_is = move || {
        let newest = card.get().filter(|_| was_overtaken && !is_gone.get());
        newest.map(|card| {
            view! {
                <div class="as-it-is">
                    <h3>{card.note.content.title}</h3>
                    <p class="note-text">{card.note.content.text}</p>
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
            <FormMessage form=form in_words=describe_trouble/>
            <NoteFields form=form initial=initial inputs=inputs is_new=is_new/>
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

/// The two inputs of a note, to be read from.
#[derive(Clone, Copy)]
struct Inputs {
    title: NodeRef<html::Input>,
    text: NodeRef<html::Textarea>,
}

impl Inputs {
    fn new() -> Self {
        Self { title: NodeRef::new(), text: NodeRef::new() }
    }

    /// What stands in them, as long as they are there: the page may have been left.
    fn read(self) -> Option<NoteDraft> {
        let title = self.title.try_get_untracked().flatten()?.value();
        let text = self.text.try_get_untracked().flatten()?.value();
        Some(NoteDraft { title, text })
    }

    /// Empties the inputs, unless something else has been typed since they were read.
    fn clear(self, read: &NoteDraft) -> bool {
        let is_unchanged = self.read().as_ref() == Some(read);
        if is_unchanged && let (Some(title), Some(text)) = (self.title.get_untracked(), self.text.get_untracked()) {
            title.set_value("");
            text.set_value("");
        }
        is_unchanged
    }
}

#[component]
fn NoteFields(
    form: FormState,
    initial: NoteDraft,
    inputs: Inputs,
    /// Whether the form has just been asked for: then it takes the focus.
    #[prop(optional)]
    is_new: bool,
) -> impl IntoView {
    let field = Field::Title;
    view! {
        <FieldFrame form=form field=field label="Title">
            <input
                id=form.id_of(field)
                name=field.name()
                value=initial.title
                required=true
                autocomplete="off"
                autofocus=is_new || form.wants_focus(field)
                aria-invalid=move || form.problem_of(field).map(|_| "true")
                aria-describedby=move || described_by(form, field, false)
                node_ref=inputs.title
            />
        </FieldFrame>
        <TextArea form=form field=Field::Text label="Text" initial=initial.text node_ref=inputs.text/>
    }
}
