//! What the page shows: the notes of the service's last response, and over them the changes in flight.
//!
//! Nothing has to be rolled back: a refused change is only removed from those in flight.

use crate::{
    error::AppError,
    model::notes::{Note, NoteDraft, Notes},
};

/// A change made by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Add(NoteDraft),
    /// `seen` is the version that was changed.
    Edit {
        id: String,
        content: NoteDraft,
        seen: i64,
    },
    /// A note that was to be edited, but is gone, is added as a new one.
    AddAgain {
        id: String,
        content: NoteDraft,
        seen: i64,
    },
    Delete {
        id: String,
        seen: i64,
    },
}

impl Change {
    /// The id of the changed note; `None` for a new one.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Add(_) => None,
            Self::Edit { id, .. } | Self::AddAgain { id, .. } | Self::Delete { id, .. } => Some(id),
        }
    }

    /// The status texts: while it is in flight, and when it is stored.
    #[must_use]
    pub const fn in_words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Add(_) | Self::AddAgain { .. } => ("Adding…", "Added."),
            Self::Edit { .. } => ("Saving…", "Saved."),
            Self::Delete { .. } => ("Deleting…", "Deleted."),
        }
    }
}

/// A refused change and its error. Its text is kept: its form shows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub change: Change,
    pub error: AppError,
}

impl Refused {
    /// The note with the refused text, at the version it was based on.
    #[must_use]
    pub fn written(&self) -> Option<Note> {
        match &self.change {
            Change::Edit { id, content, seen } | Change::AddAgain { id, content, seen } => {
                Some(Note { id: id.clone(), content: content.clone(), version: *seen })
            }
            Change::Add(_) | Change::Delete { .. } => None,
        }
    }
}

/// A change and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    pub number: u32,
    pub change: Change,
}

/// A note on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteItem {
    pub note: Note,
    /// The service has not confirmed it yet.
    pub is_underway: bool,
    /// The service no longer has it.
    pub is_gone: bool,
}

impl NoteItem {
    const fn of(note: Note) -> Self {
        Self { note, is_underway: false, is_gone: false }
    }
}

/// The initial state of a note's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub content: NoteDraft,
    /// Whether saving failed because the note had been changed elsewhere.
    pub has_conflict: bool,
    seen: i64,
}

impl Opening {
    /// From the current note, or from a refused change of it.
    #[must_use]
    pub fn of(note: Note, refused: Option<&Refused>) -> Self {
        let written = refused.and_then(Refused::written);
        let has_conflict = written.is_some() && refused.is_some_and(|refused| refused.error == AppError::Conflict);
        let Note { content, version, .. } = written.unwrap_or(note);
        Self { content, has_conflict, seen: version }
    }

    /// The version that saving replaces, when the note is at version `newest`.
    ///
    /// After a conflict the form shows the current note, and saving replaces that. Otherwise the user has seen the
    /// version that the form was opened with.
    #[must_use]
    pub const fn seen(&self, newest: i64) -> i64 {
        if self.has_conflict { newest } else { self.seen }
    }
}

/// The cards, from top to bottom. The `kept` notes have one even if they are gone, or if no notes could be loaded.
#[must_use]
pub fn items(notes: Option<&Notes>, in_flight: &[PendingChange], kept: &[Note]) -> Vec<NoteItem> {
    let mut items: Vec<NoteItem> =
        notes.into_iter().flat_map(|notes| &notes.notes).cloned().map(NoteItem::of).collect();
    for note in kept {
        if items.iter().all(|item| item.note.id != note.id) {
            // In its old place: a card that moves loses the focus, which interrupts typing.
            let place = items.partition_point(|item| item.note.version > note.version);
            items.insert(place, NoteItem { is_gone: notes.is_some(), ..NoteItem::of(note.clone()) });
        }
    }
    for PendingChange { number, change } in in_flight {
        match change {
            Change::Add(content) | Change::AddAgain { content, .. } => {
                let note = Note { id: format!("new-{number}"), content: content.clone(), version: 0 };
                items.insert(0, NoteItem { is_underway: true, ..NoteItem::of(note) });
            }
            Change::Edit { id, content, .. } => {
                for item in items.iter_mut().filter(|item| item.note.id == *id) {
                    item.note.content.clone_from(content);
                    item.is_underway = true;
                }
            }
            Change::Delete { id, .. } => items.retain(|item| item.note.id != *id),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str) -> NoteDraft {
        NoteDraft { title: title.into(), text: String::new() }
    }

    fn stored() -> Notes {
        let note = |id: &str, version| Note { id: id.into(), content: draft(id), version };
        Notes { revision: 2, notes: vec![note("b", 2), note("a", 1)] }
    }

    fn shown(in_flight: &[Change]) -> Vec<(String, bool)> {
        let in_flight: Vec<PendingChange> = in_flight
            .iter()
            .zip(1..)
            .map(|(change, number)| PendingChange { number, change: change.clone() })
            .collect();
        items(Some(&stored()), &in_flight, &[])
            .into_iter()
            .map(|item| (item.note.content.title, item.is_underway))
            .collect()
    }

    fn titles(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
        expected.iter().map(|(title, is_underway)| ((*title).to_owned(), *is_underway)).collect()
    }

    #[test]
    fn changes_in_flight_are_shown_as_if_they_were_stored() {
        let edit = |title: &str| Change::Edit { id: "a".into(), content: draft(title), seen: 1 };
        let delete = Change::Delete { id: "b".into(), seen: 2 };
        assert_eq!(shown(&[]), titles(&[("b", false), ("a", false)]));
        assert_eq!(shown(&[Change::Add(draft("c"))]), titles(&[("c", true), ("b", false), ("a", false)]));
        assert_eq!(shown(&[edit("d"), edit("e")]), titles(&[("b", false), ("e", true)]));
        assert_eq!(shown(&[delete, edit("d")]), titles(&[("d", true)]));
    }

    #[test]
    fn a_note_that_is_gone_keeps_its_card_and_its_place() {
        let kept = |id: &str, version| Note { id: id.into(), content: draft("typed"), version };
        let shown = |kept: &[Note], in_flight: &[PendingChange]| {
            let items = items(Some(&stored()), in_flight, kept).into_iter();
            items.map(|item| (item.note.content.title, item.is_gone)).collect::<Vec<_>>()
        };
        let typed = ("typed".to_owned(), true);
        let [b, a] = [("b".to_owned(), false), ("a".to_owned(), false)];
        assert_eq!(shown(&[kept("z", 3)], &[]), [typed.clone(), b.clone(), a.clone()]);
        assert_eq!(shown(&[kept("z", 0)], &[]), [b.clone(), a.clone(), typed.clone()]);
        assert_eq!(shown(&[kept("z", 0), kept("z", 1)], &[]), [b.clone(), a.clone(), typed], "one card for both");
        assert_eq!(shown(&[kept("a", 0)], &[]), [b.clone(), a.clone()], "it is not gone");
        let again = Change::AddAgain { id: "z".into(), content: draft("again"), seen: 0 };
        let again = PendingChange { number: 1, change: again };
        assert_eq!(shown(&[], &[again]), [("again".to_owned(), false), b, a], "it is a new one");
    }

    #[test]
    fn typed_text_is_kept_even_if_no_notes_can_be_loaded() {
        let kept = Note { id: "a".into(), content: draft("typed"), version: 1 };
        assert_eq!(items(None, &[], std::slice::from_ref(&kept)), [NoteItem::of(kept)]);
    }

    #[test]
    fn a_form_replaces_what_was_seen_when_it_was_opened() {
        let note = Note { id: "a".into(), content: draft("as opened"), version: 5 };
        let opening = Opening::of(note.clone(), None);
        assert_eq!(opening.content, note.content);
        assert_eq!((opening.has_conflict, opening.seen(5), opening.seen(6)), (false, 5, 5));
    }

    #[test]
    fn a_refused_change_still_replaces_what_was_seen_and_nothing_newer() {
        let note = Note { id: "a".into(), content: draft("changed elsewhere"), version: 6 };
        let change = Change::Edit { id: "a".into(), content: draft("typed"), seen: 5 };
        for error in [AppError::Validation(Vec::new()), AppError::Unavailable, AppError::Transport] {
            let opening = Opening::of(note.clone(), Some(&Refused { change: change.clone(), error }));
            assert_eq!(opening.content, draft("typed"));
            assert_eq!((opening.has_conflict, opening.seen(6)), (false, 5));
        }
    }

    #[test]
    fn after_a_conflict_the_newest_version_is_replaced() {
        let note = Note { id: "a".into(), content: draft("changed elsewhere"), version: 6 };
        let change = Change::Edit { id: "a".into(), content: draft("typed"), seen: 5 };
        let opening = Opening::of(note, Some(&Refused { change, error: AppError::Conflict }));
        assert_eq!(opening.content, draft("typed"));
        assert_eq!((opening.has_conflict, opening.seen(6), opening.seen(7)), (true, 6, 7));
    }

    #[test]
    fn a_refused_deletion_does_not_affect_the_form() {
        let note = Note { id: "a".into(), content: draft("a"), version: 6 };
        let refused = Refused { change: Change::Delete { id: "a".into(), seen: 5 }, error: AppError::Conflict };
        assert_eq!(Opening::of(note.clone(), Some(&refused)), Opening::of(note, None));
    }

    #[test]
    fn a_change_of_a_deleted_note_shows_nothing() {
        let gone = Change::Edit { id: "z".into(), content: draft("z"), seen: 1 };
        assert_eq!(shown(&[gone]), shown(&[]));
    }
}
