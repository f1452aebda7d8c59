//! Where the page works on the notes: what is known of them, and what has been sent off.

use super::{
    list::{Change, NoteItem, PendingChange, Refused, items},
    pending::{PendingWork, load, missed},
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
    /// What is searched for.
    pub search: Memo<String>,
    /// The notes as the service has told them: those that hold what is searched for, and those in [`PendingWork`].
    pub notes: Loaded<Result<Notes, AppError>>,
    /// Whether the service could not be reached when it was tried last.
    pub is_out_of_reach: RwSignal<bool>,
    /// What has just been done, or is being done.
    pub doing: RwSignal<Option<&'static str>>,
    pending: PendingWork,
    /// The revision that the service has spoken of, as long as it has not been looked at.
    heard: RwSignal<Option<i64>>,
    is_looking: RwSignal<bool>,
    changes_sent: StoredValue<u32>,
}

impl NotesState {
    /// A desk for the notes that hold what is searched for. One of them may be `open` for changes.
    pub fn new(search: Memo<String>, open: Memo<Option<String>>) -> Self {
        let pending = PendingWork {
            open,
            in_flight: RwSignal::default(),
            refused: RwSignal::new([refused_forms(), missed()].concat()),
        };
        let notes = use_loader(
            move || search.get(),
            move |search| {
                let notes = load(&search, pending);
                async move {
                    let notes = notes.await;
                    if let Err(error) = &notes {
                        // Here and not where it is shown: by then the head of the page may have been sent.
                        respond::set_status(error.status_code());
                    }
                    notes
                }
            },
        );
        let state = Self {
            search,
            notes,
            is_out_of_reach: RwSignal::new(false),
            doing: RwSignal::default(),
            pending,
            heard: RwSignal::default(),
            is_looking: RwSignal::default(),
            changes_sent: StoredValue::default(),
        };
        state.follow();
        state
    }

    /// The cards on the page, after those that have been `there`.
    pub fn items(self, notes: Option<&Notes>, there: &[NoteItem]) -> Vec<NoteItem> {
        let open = self.pending.open.get();
        let opened = there.iter().map(|item| &item.note).filter(|note| open.as_ref() == Some(&note.id)).cloned();
        let refused = self.pending.refused.get();
        let kept: Vec<Note> = opened.chain(refused.iter().filter_map(Refused::written)).collect();
        self.pending.in_flight.with(|in_flight| items(notes, in_flight, &kept))
    }

    /// Whether a note is open for changes: because the address says so, or because one was refused.
    pub fn is_open(self, note: &str) -> bool {
        self.pending.open.with(|open| open.as_deref() == Some(note)) || self.refused_text(note).is_some()
    }

    /// The note that the address opens for changes.
    pub fn opened(self) -> Option<String> {
        self.pending.open.get()
    }

    /// The refusal of what was written into this note.
    pub fn refused_text(self, note: &str) -> Option<Refused> {
        self.refusal(Some(note)).filter(|refused| refused.written().is_some())
    }

    /// The refusal of a change of this note, or of a new one.
    pub fn refusal(self, note: Option<&str>) -> Option<Refused> {
        self.pending.refused.with(|all| all.iter().find(|refused| refused.change.note() == note).cloned())
    }

    /// Forgets what was refused.
    pub fn forget_refusal(self, note: Option<&str>) {
        self.pending.refused.update(|all| all.retain(|refused| refused.change.note() != note));
    }

    /// Makes a change: on the page at once, at the service as soon as possible. `then` hears what became of it, perhaps
    /// when the page has been left.
    pub fn send(self, change: Change, then: impl FnOnce(Result<(), &AppError>) + 'static) {
        let number = self.changes_sent.with_value(|sent| sent.wrapping_add(1));
        self.changes_sent.set_value(number);
        self.forget_refusal(change.note());
        let search = self.search.get_untracked();
        let (doing, done) = change.in_words();
        self.doing.set(Some(doing));
        self.pending.in_flight.update(|in_flight| in_flight.push(PendingChange { number, change: change.clone() }));
        spawn_local(async move {
            let outcome = deliver(&change).await;
            self.take_off(number);
            self.doing.set(outcome.is_ok().then_some(done));
            match outcome {
                Ok(stored) => {
                    self.is_out_of_reach.set(false);
                    self.take_in(&change, stored);
                    if self.search.try_get_untracked() != Some(search) {
                        // It stayed on the page while it was under way, and may not belong to what is searched for now.
                        self.look();
                    }
                    then(Ok(()));
                }
                Err(error) => {
                    then(Err(&error));
                    if error == AppError::NotFound {
                        self.take_in(&change, None);
                    }
                    let is_outdated = matches!(error, AppError::Conflict | AppError::NotFound);
                    self.pending.take_back(Refused { change, error });
                    if is_outdated {
                        self.look();
                    }
                }
            }
        });
    }

    /// Takes in what a change has made of its note: nothing, if it is gone.
    fn take_in(self, change: &Change, stored: Option<Note>) {
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

    /// Takes in at which revision the notes stand now.
    pub fn hear(self, revision: i64) {
        self.is_out_of_reach.set(false);
        self.heard.set(Some(revision));
    }

    fn take_off(self, number: u32) {
        self.pending.in_flight.update(|in_flight| in_flight.retain(|change| change.number != number));
    }

    /// Looks again whenever there is news, but not between a change and its answer, which may be that very news.
    fn follow(self) {
        Effect::new(move |_| {
            let revision = self.notes.get().and_then(Result::ok).map(|notes| notes.revision);
            let is_news = self.heard.get().is_some_and(|heard| revision != Some(heard));
            if is_news && self.pending.in_flight.with(Vec::is_empty) && !self.is_looking.get() {
                self.look();
            }
        });
    }

    /// Looks at the notes as they are now.
    pub fn look(self) {
        // It is also called after an answer, and by then the page may have been left: its signals are gone, and to read
        // one would be a panic. To write one does nothing.
        let Some(search) = self.search.try_get_untracked() else { return };
        self.is_looking.set(true);
        self.heard.set(None);
        spawn_local(async move {
            let fresh = load(&search, self.pending).await;
            if self.search.try_get_untracked().as_ref() == Some(&search) {
                self.is_out_of_reach.set(fresh.is_err());
                if fresh.is_ok() {
                    // What is there is better than an error: the forms in it may hold what somebody has typed.
                    self.notes.set(Some(fresh));
                }
            }
            self.is_looking.set(false);
        });
    }
}

/// Brings a change to the service. What comes back is the note as it was stored, if there is one.
async fn deliver(change: &Change) -> Result<Option<Note>, AppError> {
    match change {
        Change::Add(content) | Change::AddAgain { content, .. } => notes::add(content).await.map(Some),
        Change::Edit { id, content, seen } => {
            let change = NoteChange { content: content.clone(), version: *seen };
            notes::change(id, &change).await.map(Some)
        }
        Change::Delete { id, seen } => notes::delete(id, *seen).await.map(|()| None),
    }
}

/// What was sent without JavaScript and refused.
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
