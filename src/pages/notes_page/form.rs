//! The forms in which notes are written. Without JavaScript they are sent to the server functions of `api::notes`.

use super::{
    board::{Card, Change, Opening},
    desk::Desk,
};
use crate::{
    components::{
        error_view::{describe, describe_problem},
        private_area::ForThisUser,
        text_area::TextArea,
    },
    error::{AppError, Field},
    model::notes::NoteDraft,
    paths,
};
use leptos::{ev::SubmitEvent, html, prelude::*};

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
    let fields = Fields::new();
    let error = Signal::derive(move || desk.refusal(None).map(|refused| refused.error));
    let initial = match untrack(|| desk.refusal(None)).map(|refused| refused.change) {
        Some(Change::Add(content)) => content,
        _ => NoteDraft::default(),
    };
    let is_busy = RwSignal::new(false);
    let add = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(written) = fields.read() else { return };
        is_busy.set(true);
        desk.send(Change::Add(written.clone()), move |is_done| {
            is_busy.set(false);
            if is_done {
                fields.clear(&written);
            }
        });
    };
    view! {
        <section class="card" aria-labelledby="new-note">
            <h2 id="new-note">"New note"</h2>
            <form method="post" action=paths::api::ADD_NOTE novalidate=true on:submit=add>
                <ForThisUser/>
                <Trouble error=error/>
                <NoteFields key="new".to_owned() initial=initial error=error fields=fields/>
                <button type="submit" class="button primary" disabled=is_busy>"Add"</button>
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
    let fields = Fields::new();
    // Not followed: the form stays as it is while somebody types.
    let refused = untrack(|| desk.refusal(Some(&id))).filter(|refused| refused.written().is_some());
    let opening = Opening::of(card.get_untracked().map(|card| card.note).unwrap_or_default(), refused.as_ref());
    let (initial, was_overtaken) = (opening.content.clone(), opening.was_overtaken);
    let newest = move || card.with(|card| card.as_ref().map_or(0, |card| card.note.version));
    let seen = Signal::derive(move || opening.seen(newest()));
    // That a note is gone comes out by saving it, or is heard of while it is being typed in.
    let was_gone = refused.as_ref().is_some_and(|refused| refused.error == AppError::NotFound);
    let is_gone = Memo::new(move |_| was_gone || card.with(|card| card.as_ref().is_some_and(|card| card.is_gone)));
    let error = Signal::stored(refused.map(|refused| refused.error).filter(|error| *error != AppError::NotFound));
    let note = StoredValue::new(id.clone());
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(content) = fields.read() else { return };
        let (id, seen) = (note.get_value(), seen.get_untracked());
        let change = if is_gone.get_untracked() {
            Change::AddAgain { id, content, seen }
        } else {
            Change::Edit { id, content, seen }
        };
        desk.send(change, |_| ());
        on_sent.run(());
    };
    let leave = move |_| desk.forget_refusal(Some(&note.get_value()));
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
            view! { <p class="form-message" role="alert">"This note was deleted elsewhere in the meantime."</p> }
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
            <input type="hidden" name="id" value=id.clone()/>
            <input type="hidden" name="version" value=seen/>
            {gone}
            <Trouble error=error/>
            <NoteFields key=id initial=initial error=error fields=fields/>
            <div class="actions">
                <button type="submit" class="button primary">
                    {move || if is_gone.get() { "Add as a new note" } else { "Save" }}
                </button>
                <a class="button" href=back on:click=leave>
                    {move || if is_gone.get() { "Dismiss" } else { "Cancel" }}
                </a>
            </div>
        </form>
    }
}

/// What is wrong with a form as a whole.
#[component]
pub fn Trouble(error: Signal<Option<AppError>>) -> impl IntoView {
    move || {
        error.get().filter(|error| !matches!(error, AppError::Validation(_))).map(|error| {
            view! { <p class="form-message" role="alert">{describe_trouble(&error)}</p> }
        })
    }
}

/// The two inputs of a note, to be read from.
#[derive(Clone, Copy)]
struct Fields {
    title: NodeRef<html::Input>,
    text: NodeRef<html::Textarea>,
}

impl Fields {
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
    fn clear(self, read: &NoteDraft) {
        if self.read().as_ref() != Some(read) {
            return;
        }
        if let (Some(title), Some(text)) = (self.title.get_untracked(), self.text.get_untracked()) {
            title.set_value("");
            text.set_value("");
            _ = title.focus();
        }
    }
}

#[component]
fn NoteFields(
    /// Tells the inputs of this form from those of others on the page.
    key: String,
    initial: NoteDraft,
    error: Signal<Option<AppError>>,
    fields: Fields,
) -> impl IntoView {
    let problem = move |field| error.with(|error| error.as_ref()?.problem_of(field));
    let [title, text] = [Field::Title, Field::Text].map(|field| format!("{}-{key}", field.name()));
    let [title_error, text_error] = [&title, &text].map(|id| format!("{id}-error"));
    let explanation = move |field: Field, id: String| {
        move || {
            problem(field)
                .map(|problem| view! { <p id=id.clone() class="field-error">{describe_problem(field, problem)}</p> })
        }
    };
    let described_by = move |field: Field, id: String| Signal::derive(move || problem(field).map(|_| id.clone()));
    view! {
        <div class="field">
            <label for=title.clone()>"Title"</label>
            <input
                id=title
                name=Field::Title.name()
                value=initial.title
                required=true
                autocomplete="off"
                aria-invalid=move || problem(Field::Title).map(|_| "true")
                aria-describedby=described_by(Field::Title, title_error.clone())
                node_ref=fields.title
            />
            {explanation(Field::Title, title_error)}
        </div>
        <div class="field">
            <label for=text.clone()>"Text"</label>
            <TextArea
                id=text
                name=Field::Text.name()
                initial=initial.text
                is_invalid=Signal::derive(move || problem(Field::Text).is_some())
                described_by=described_by(Field::Text, text_error.clone())
                node_ref=fields.text
            />
            {explanation(Field::Text, text_error)}
        </div>
    }
}
