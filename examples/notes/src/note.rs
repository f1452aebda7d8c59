//! A note, and what may be written into one.

use serde::{Deserialize, Serialize};

pub const MAX_TITLE_CHARS: u32 = 120;
pub const MAX_TEXT_CHARS: u32 = 4_000;

/// A note, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Note {
    /// Opaque and never reused.
    pub id: String,
    pub title: String,
    pub text: String,
    /// Grows with every change. Whoever changes a note names the version they have seen.
    pub version: i64,
    /// Of the last change, in Unix seconds.
    pub changed_at: i64,
}

/// What somebody wants to write into a note.
#[derive(Clone, Debug, Deserialize)]
pub struct Draft {
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

/// What may be written into a note: made by [`Draft::check`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub title: String,
    pub text: String,
}

/// A field and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    pub field: Field,
    pub problem: FieldProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Title,
    Text,
}

/// Why a field was refused. Lengths count Unicode code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldProblem {
    Required,
    TooLong { max: u32 },
    ControlCharacters,
}

impl Draft {
    /// Reads what was written; the answer names every field that has to change.
    pub fn check(&self) -> Result<Content, Vec<FieldError>> {
        // A form sends its line breaks as CR LF, a script as LF: a note is the same either way.
        let content = Content {
            title: self.title.trim().to_owned(),
            text: self.text.replace("\r\n", "\n").trim_end().to_owned(),
        };
        let problems: Vec<FieldError> =
            [(Field::Title, content.title_problem()), (Field::Text, content.text_problem())]
                .into_iter()
                .filter_map(|(field, problem)| Some(FieldError { field, problem: problem? }))
                .collect();
        if problems.is_empty() { Ok(content) } else { Err(problems) }
    }
}

impl Content {
    /// What search looks into. A title holds no line break, so nothing is found across the two.
    pub fn folded(&self) -> String {
        fold(&format!("{}\n{}", self.title, self.text))
    }

    fn title_problem(&self) -> Option<FieldProblem> {
        if self.title.is_empty() {
            return Some(FieldProblem::Required);
        }
        too_long(&self.title, MAX_TITLE_CHARS)
            .or_else(|| self.title.contains(char::is_control).then_some(FieldProblem::ControlCharacters))
    }

    fn text_problem(&self) -> Option<FieldProblem> {
        let is_strange = |c: char| c.is_control() && c != '\n' && c != '\t';
        too_long(&self.text, MAX_TEXT_CHARS)
            .or_else(|| self.text.contains(is_strange).then_some(FieldProblem::ControlCharacters))
    }
}

/// How texts are compared in a search.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn too_long(text: &str, max: u32) -> Option<FieldProblem> {
    (text.chars().count() > max as usize).then_some(FieldProblem::TooLong { max })
}
