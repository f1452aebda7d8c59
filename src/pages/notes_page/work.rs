//! The notes that somebody is at work on.

use super::board::{Change, Refused, Underway};
use crate::{api::notes, error::AppError, model::notes::Notes};
use leptos::prelude::*;

/// What somebody is at: the notes in it stay on the page, whatever becomes of them elsewhere.
#[derive(Clone, Copy)]
pub struct Work {
    /// The note that the address opens for changes.
    pub open: Memo<Option<String>>,
    pub underway: RwSignal<Vec<Underway>>,
    pub refused: RwSignal<Vec<Refused>>,
}

impl Work {
    /// The notes it is about. Nothing when the page has been left.
    fn notes(self) -> Vec<String> {
        let mut ids = Vec::from_iter(self.open.try_get_untracked().flatten());
        let mut add = |change: &Change| ids.extend(change.note().map(str::to_owned));
        self.underway.try_with_untracked(|all| all.iter().for_each(|underway| add(&underway.change)));
        self.refused.try_with_untracked(|all| all.iter().for_each(|refused| add(&refused.change)));
        ids
    }
}

/// The notes that hold what is searched for, and besides them those that somebody is at work on: whether one of these
/// is gone, or holds it no more, only the whole list tells.
pub fn load(search: &str, work: Work) -> impl Future<Output = Result<Notes, AppError>> + Send + use<> {
    let found = notes::list(search);
    let all = (!search.is_empty()).then(|| notes::list(""));
    async move {
        let mut notes = found.await?;
        if let Some(all) = all
            && work.notes().iter().any(|id| !notes.holds(id))
        {
            let all = all.await?;
            let in_work = work.notes();
            for note in all.notes.into_iter().filter(|note| in_work.contains(&note.id)) {
                notes.put(note);
            }
        }
        Ok(notes)
    }
}
