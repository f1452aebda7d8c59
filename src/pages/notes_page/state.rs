//! The state of the notes page: the loaded notes, and the changes that have been sent.

use super::{
    list::{Change, NoteItem, PendingChange, Refused, items},
    pending::{PendingWork, load, take_missed},
};
use crate::{
    api::notes,
    components::{
        loader::{Loaded, use_loader},
        page_data::use_form_echo,
    },
    error::AppError,
    model::{
        FormEcho,
        notes::{Note, NoteChange, NoteDraft, Notes},
    },
    paths, respond,
    validation::Field,
};
use leptos::{prelude::*, task::spawn_local};

/// The state of the page.
#[derive(Clone, Copy)]
pub struct NotesState {
    /// The search text.
    pub search: Memo<String>,
    /// The notes of the service's last response: those that match the search, and those in [`PendingWork`].
    pub notes: Loaded<Result<Notes, AppError>>,
    /// Whether the last call could not reach the service.
    pub is_unreachable: RwSignal<bool>,
    /// The text about what is being done or has just been done.
    pub doing: RwSignal<Option<&'static str>>,
    pending: PendingWork,
    /// The revision that the stream has announced, until the notes are reloaded.
    announced: RwSignal<Option<i64>>,
    is_reloading: RwSignal<bool>,
    changes_sent: StoredValue<u32>,
}

impl NotesState {
    /// The state for the notes that match the search. One of them may be `open` for editing.
    pub fn new(search: Memo<String>, open: Memo<Option<String>>) -> Self {
        let pending = PendingWork {
            open,
            in_flight: RwSignal::default(),
            refused: RwSignal::new([refused_forms(), take_missed()].concat()),
        };
        let notes = use_loader(
            move || search.get(),
            move |search| {
                let notes = load(&search, pending);
                async move {
                    let notes = notes.await;
                    if let Err(error) = &notes {
                        // Here and not where it is shown: by then the response's head may have been sent.
                        respond::set_status(error.status_code());
                    }
                    notes
                }
            },
        );
        let state = Self {
            search,
            notes,
            is_unreachable: RwSignal::new(false),
            doing: RwSignal::default(),
            pending,
            announced: RwSignal::default(),
            is_reloading: RwSignal::default(),
            changes_sent: StoredValue::default(),
        };
        state.reload_on_change();
        state
    }

    /// The cards on the page; `there` are the present ones.
    pub fn items(self, notes: Option<&Notes>, there: &[NoteItem]) -> Vec<NoteItem> {
        let open = self.pending.open.get();
        let opened = there.iter().map(|item| &item.note).filter(|note| open.as_ref() == Some(&note.id)).cloned();
        let refused = self.pending.refused.get();
        let kept: Vec<Note> = opened.chain(refused.iter().filter_map(Refused::written)).collect();
        self.pending.in_flight.with(|in_flight| items(notes, in_flight, &kept))
    }

    /// Whether a note is open for editing: by the address, or because a change of it was refused.
    pub fn is_open(self, note: &str) -> bool {
        self.pending.open.with(|open| open.as_deref() == Some(note)) || self.refused_text(note).is_some()
    }

    /// The note that the address opens for editing.
    pub fn opened(self) -> Option<String> {
        self.pending.open.get()
    }

    /// The refusal of a text for this note.
    pub fn refused_text(self, note: &str) -> Option<Refused> {
        self.refusal(Some(note)).filter(|refused| refused.written().is_some())
    }

    /// The refusal of a change of this note, or of a new one.
    pub fn refusal(self, note: Option<&str>) -> Option<Refused> {
        self.pending.refused.with(|all| all.iter().find(|refused| refused.change.note() == note).cloned())
    }

    /// Discards the refusal of a change of this note, or of a new one.
    pub fn forget_refusal(self, note: Option<&str>) {
        self.pending.refused.update(|all| all.retain(|refused| refused.change.note() != note));
    }

    /// Makes a change: on the page at once, at the service as soon as possible. `then` receives the outcome, possibly
    /// after the page has been left.
    pub fn send(self, change: Change, then: impl FnOnce(Result<(), &AppError>) + 'static) {
        let number = self.changes_sent.with_value(|sent| sent.wrapping_add(1));
        self.changes_sent.set_value(number);
        self.forget_refusal(change.note());
        let search = self.search.get_untracked();
        let (doing, done) = change.in_words();
        self.doing.set(Some(doing));
        self.pending.in_flight.update(|in_flight| in_flight.push(PendingChange { number, change: change.clone() }));
        spawn_local(async move {
            let outcome = send_change(&change).await;
            self.remove_in_flight(number);
            self.doing.set(outcome.is_ok().then_some(done));
            match outcome {
                Ok(stored) => {
                    self.is_unreachable.set(false);
                    self.apply(&change, stored);
                    if self.search.try_get_untracked() != Some(search) {
                        // It stayed on the page while it was in flight, and may not match the current search.
                        self.reload();
                    }
                    then(Ok(()));
                }
                Err(error) => {
                    then(Err(&error));
                    if error == AppError::NotFound {
                        self.apply(&change, None);
                    }
                    let is_outdated = matches!(error, AppError::Conflict | AppError::NotFound);
                    self.pending.record_refusal(Refused { change, error });
                    if is_outdated {
                        self.reload();
                    }
                }
            }
        });
    }

    /// Applies a change's result to the loaded notes; `None` removes its note.
    fn apply(self, change: &Change, stored: Option<Note>) {
        self.notes.update(|notes| {
            if let Some(Ok(notes)) = notes {
                match (stored, change.note()) {
                    (Some(note), _) => notes.put(note),
                    (None, Some(id)) => notes.remove(id),
                    (None, None) => {}
                }
            }
        });
    }

    /// Records the current revision, which the stream has announced.
    pub fn announce(self, revision: i64) {
        self.is_unreachable.set(false);
        self.announced.set(Some(revision));
    }

    fn remove_in_flight(self, number: u32) {
        self.pending.in_flight.update(|in_flight| in_flight.retain(|change| change.number != number));
    }

    /// Reloads after each new revision, but not between a change and its response, which may be that very revision.
    fn reload_on_change(self) {
        Effect::new(move |_| {
            let revision = self.notes.get().and_then(Result::ok).map(|notes| notes.revision);
            let is_new = self.announced.get().is_some_and(|announced| revision != Some(announced));
            if is_new && self.pending.in_flight.with(Vec::is_empty) && !self.is_reloading.get() {
                self.reload();
            }
        });
    }

    /// Reloads the notes.
    pub fn reload(self) {
        // Also called after a response, when the page may have been left: its signals are disposed, and reading one
        // would panic. Writing one does nothing.
        let Some(search) = self.search.try_get_untracked() else { return };
        self.is_reloading.set(true);
        self.announced.set(None);
        spawn_local(async move {
            let fresh = load(&search, self.pending).await;
            if self.search.try_get_untracked().as_ref() == Some(&search) {
                self.is_unreachable.set(fresh.is_err());
                if fresh.is_ok() {
                    // Old notes are better than an error: their forms may hold unsent text.
                    self.notes.set(Some(fresh));
                }
            }
            self.is_reloading.set(false);
        });
    }
}

/// Sends a change to the service. Returns the stored note, if there is one.
async fn send_change(change: &Change) -> Result<Option<Note>, AppError> {
    match change {
        Change::Add(content) | Change::AddAgain { content, .. } => notes::add(content).await.map(Some),
        Change::Edit { id, content, seen } => {
            let change = NoteChange { content: content.clone(), version: *seen };
            notes::change(id, &change).await.map(Some)
        }
        Change::Delete { id, seen } => notes::delete(id, *seen).await.map(|()| None),
    }
}

/// The refused forms that were sent without JavaScript.
fn refused_forms() -> Vec<Refused> {
    let forms: [Option<Refused>; 3] = [
        refused_form(paths::api::ADD_NOTE, |echo| Change::Add(content(echo))),
        refused_form(paths::api::CHANGE_NOTE, |echo| Change::Edit {
            id: sent(echo, "id"),
            content: content(echo),
            seen: version(echo),
        }),
        refused_form(paths::api::DELETE_NOTE, |echo| Change::Delete { id: sent(echo, "id"), seen: version(echo) }),
    ];
    forms.into_iter().flatten().collect()
}

fn refused_form(action: &'static str, change: fn(&FormEcho) -> Change) -> Option<Refused> {
    let echo = use_form_echo(action)?;
    Some(Refused { change: change(&echo), error: echo.error })
}

fn content(echo: &FormEcho) -> NoteDraft {
    NoteDraft { title: sent(echo, Field::Title.name()), text: sent(echo, Field::Text.name()) }
}

fn version(echo: &FormEcho) -> i64 {
    sent(echo, "version").parse().unwrap_or_default()
}

fn sent(echo: &FormEcho, name: &str) -> String {
    echo.sent(name).unwrap_or_default().to_owned()
}
