//! Notes, in the format of the upstream service.

use serde::{Deserialize, Serialize};

/// The editable part of a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteDraft {
    pub title: String,
    pub text: String,
}

/// A note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub id: String,
    #[serde(flatten)]
    pub content: NoteDraft,
    /// Grows with every change. A change names the version it is based on.
    pub version: i64,
}

/// A change of a note, based on a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteChange {
    #[serde(flatten)]
    pub content: NoteDraft,
    pub version: i64,
}

/// A user's notes, the one changed last first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Counts the changes of all of them.
    pub revision: i64,
    pub notes: Vec<Note>,
}

impl Notes {
    /// Whether a note is among them.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        self.notes.iter().any(|note| note.id == id)
    }

    /// Adds or replaces a note as the service has just stored it.
    pub fn put(&mut self, note: Note) {
        self.count(note.version);
        // An older response may arrive late.
        if self.notes.iter().any(|known| known.id == note.id && known.version > note.version) {
            return;
        }
        self.notes.retain(|known| known.id != note.id);
        let place = self.notes.partition_point(|known| known.version > note.version);
        self.notes.insert(place, note);
    }

    /// Removes a deleted note.
    pub fn remove(&mut self, id: &str) {
        self.notes.retain(|known| known.id != id);
    }

    /// Only the next revision is counted: changes made elsewhere in between still have to be fetched.
    fn count(&mut self, version: i64) {
        if version == self.revision.saturating_add(1) {
            self.revision = version;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(id: &str, version: i64) -> Note {
        Note { id: id.into(), content: NoteDraft::default(), version }
    }

    fn ids(notes: &Notes) -> Vec<(&str, i64)> {
        notes.notes.iter().map(|note| (note.id.as_str(), note.version)).collect()
    }

    #[test]
    fn the_note_changed_last_comes_first() {
        let mut notes = Notes { revision: 2, notes: vec![note("b", 2), note("a", 1)] };
        notes.put(note("a", 3));
        assert_eq!((ids(&notes), notes.revision), (vec![("a", 3), ("b", 2)], 3));
        notes.put(note("c", 4));
        notes.remove("b");
        assert_eq!((ids(&notes), notes.revision), (vec![("c", 4), ("a", 3)], 4));
    }

    #[test]
    fn a_late_response_overwrites_nothing() {
        let mut notes = Notes { revision: 5, notes: vec![note("a", 5)] };
        notes.put(note("a", 4));
        assert_eq!((ids(&notes), notes.revision), (vec![("a", 5)], 5));
    }

    #[test]
    fn changes_in_between_still_have_to_be_fetched() {
        let mut notes = Notes { revision: 5, notes: Vec::new() };
        notes.put(note("a", 7));
        assert_eq!(notes.revision, 5);
    }

    #[test]
    fn a_note_crosses_the_wire_in_one_piece() {
        let change = NoteChange { content: NoteDraft { title: "a".into(), text: "b".into() }, version: 7 };
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"title":"a","text":"b","version":7}"#);
    }
}
