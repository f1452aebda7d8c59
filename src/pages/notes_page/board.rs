//! What the page shows: the notes as the service has told them, and over them what is still on its way there.
//!
//! Nothing has to be rolled back: a change that was refused is only taken off again.

use crate::model::notes::{Note, NoteDraft, Notes};

/// A change that somebody has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Add(NoteDraft),
    /// `seen` is the version that was changed.
    Edit {
        id: String,
        content: NoteDraft,
        seen: i64,
    },
    Delete {
        id: String,
        seen: i64,
    },
}

/// A change and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underway {
    pub number: u32,
    pub change: Change,
}

/// A note on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub note: Note,
    /// The service has not confirmed it yet.
    pub is_underway: bool,
}

/// The cards, from top to bottom.
#[must_use]
pub fn cards(notes: &Notes, underway: &[Underway]) -> Vec<Card> {
    let mut cards: Vec<Card> = notes.notes.iter().map(|note| Card { note: note.clone(), is_underway: false }).collect();
    for Underway { number, change } in underway {
        match change {
            Change::Add(content) => {
                let note = Note { id: format!("new-{number}"), content: content.clone(), version: 0 };
                cards.insert(0, Card { note, is_underway: true });
            }
            Change::Edit { id, content, .. } => {
                for card in cards.iter_mut().filter(|card| card.note.id == *id) {
                    card.note.content.clone_from(content);
                    card.is_underway = true;
                }
            }
            Change::Delete { id, .. } => cards.retain(|card| card.note.id != *id),
        }
    }
    cards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str) -> NoteDraft {
        NoteDraft { title: title.into(), text: String::new() }
    }

    fn told() -> Notes {
        let note = |id: &str, version| Note { id: id.into(), content: draft(id), version };
        Notes { revision: 2, notes: vec![note("b", 2), note("a", 1)] }
    }

    fn shown(underway: &[Change]) -> Vec<(String, bool)> {
        let underway: Vec<Underway> =
            underway.iter().zip(1..).map(|(change, number)| Underway { number, change: change.clone() }).collect();
        cards(&told(), &underway).into_iter().map(|card| (card.note.content.title, card.is_underway)).collect()
    }

    fn titles(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
        expected.iter().map(|(title, is_underway)| ((*title).to_owned(), *is_underway)).collect()
    }

    #[test]
    fn what_is_on_its_way_is_shown_as_if_it_had_arrived() {
        let edit = |title: &str| Change::Edit { id: "a".into(), content: draft(title), seen: 1 };
        let delete = Change::Delete { id: "b".into(), seen: 2 };
        assert_eq!(shown(&[]), titles(&[("b", false), ("a", false)]));
        assert_eq!(shown(&[Change::Add(draft("c"))]), titles(&[("c", true), ("b", false), ("a", false)]));
        assert_eq!(shown(&[edit("d"), edit("e")]), titles(&[("b", false), ("e", true)]));
        assert_eq!(shown(&[delete, edit("d")]), titles(&[("d", true)]));
    }

    #[test]
    fn a_change_of_what_is_gone_meanwhile_shows_nothing() {
        let gone = Change::Edit { id: "z".into(), content: draft("z"), seen: 1 };
        assert_eq!(shown(&[gone]), shown(&[]));
    }
}
