//! The notes with pending work of the user.

use super::list::{Change, PendingChange, Refused};
use crate::{api::notes, error::AppError, model::notes::Notes};
use leptos::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// Changes refused after the page had been left. Written in the browser only, and gone with the document.
    static MISSED: RefCell<Vec<Refused>> = const { RefCell::new(Vec::new()) };
}

/// The user's pending work: its notes stay on the page, even if they are changed or deleted elsewhere.
#[derive(Clone, Copy)]
pub struct PendingWork {
    /// The note that the address opens for editing.
    pub open: Memo<Option<String>>,
    pub in_flight: RwSignal<Vec<PendingChange>>,
    pub refused: RwSignal<Vec<Refused>>,
}

impl PendingWork {
    /// Records a refusal. If the page has been left, it is kept for the next visit.
    pub fn record_refusal(self, refused: Refused) {
        if self.refused.try_update(|all| all.push(refused.clone())).is_none() {
            MISSED.with_borrow_mut(|missed| missed.push(refused));
        }
    }

    /// The ids of its notes. Empty when the page has been left.
    fn notes(self) -> Vec<String> {
        let mut ids = Vec::from_iter(self.open.try_get_untracked().flatten());
        let mut add = |change: &Change| ids.extend(change.note().map(str::to_owned));
        self.in_flight.try_with_untracked(|all| all.iter().for_each(|in_flight| add(&in_flight.change)));
        self.refused.try_with_untracked(|all| all.iter().for_each(|refused| add(&refused.change)));
        ids
    }
}

/// Takes the changes that were refused while the page was left.
pub fn take_missed() -> Vec<Refused> {
    MISSED.take()
}

/// The notes that match the search, and those with pending work: only the whole list shows whether one of these is gone
/// or no longer matches.
pub fn load(search: &str, pending: PendingWork) -> impl Future<Output = Result<Notes, AppError>> + Send + use<> {
    let found = notes::list(search);
    let all = (!search.is_empty()).then(|| notes::list(""));
    async move {
        let mut notes = found.await?;
        if let Some(all) = all
            && pending.notes().iter().any(|id| !notes.holds(id))
        {
            let all = all.await?;
            let in_work = pending.notes();
            for note in all.notes.into_iter().filter(|note| in_work.contains(&note.id)) {
                notes.put(note);
            }
        }
        Ok(notes)
    }
}
