//! What is wrong with the settings: one line each, saying where, what, and how to mend it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Write as _},
};

/// Why the settings cannot be used: one line for each problem found.
///
/// A line says where the problem is, what is wrong, and how to mend it, and never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .lines.join("\n"))]
pub struct ConfigError {
    lines: Vec<String>,
}

impl ConfigError {
    /// One problem.
    pub(super) fn new(place: impl Display, wrong: impl Display, remedy: impl Display) -> Self {
        Self { lines: vec![line(place, wrong, remedy)] }
    }

    /// The problems, each in one line, at least one.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Where the value in effect was written.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the settings file; `written` is what stands there, unless it may be secret.
    File { line: usize, written: Option<String> },
    /// In an environment variable.
    Variable { name: String, written: Option<String> },
}

/// A key of the settings file: its table, which one of them if there are several, and its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath {
    pub(super) table: &'static str,
    /// The place in an array of tables `[[app.<table>]]`.
    pub(super) item: Option<usize>,
    pub(super) key: &'static str,
}

impl KeyPath {
    /// The table itself, for what is missing in it.
    const fn of_table(self) -> Self {
        Self { key: "", ..self }
    }
}

impl From<(&'static str, &'static str)> for KeyPath {
    fn from((table, key): (&'static str, &'static str)) -> Self {
        Self { table, item: None, key }
    }
}

impl Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", header(self.table, self.item.is_some()), self.key)
    }
}

/// The line above the keys of a table.
pub(super) fn header(table: &str, is_item: bool) -> String {
    if is_item { format!("[[app.{table}]]") } else { format!("[app.{table}]") }
}

/// Collects problems, and knows where each value came from.
#[derive(Debug, Default)]
pub(super) struct Problems {
    file: String,
    places: BTreeMap<KeyPath, Place>,
    refused: BTreeSet<KeyPath>,
    lines: Vec<String>,
}

impl Problems {
    /// `file` is what to call the settings file.
    pub(super) fn of_file(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// Remembers where the value now in effect came from.
    pub(super) fn came_from(&mut self, key: KeyPath, place: Place) {
        self.places.insert(key, place);
    }

    /// Remembers where a table of an array begins.
    pub(super) fn begins_at(&mut self, table: &'static str, item: usize, line: usize) {
        self.came_from(KeyPath { table, item: Some(item), key: "" }, Place::File { line, written: None });
    }

    /// Refuses the value in effect for a key.
    pub(super) fn refuse(&mut self, key: impl Into<KeyPath>, wrong: impl Display, remedy: impl Display) {
        let key = key.into();
        let place = match self.places.get(&key).or_else(|| self.places.get(&key.of_table())) {
            Some(place) => self.name(key, place),
            None => key.to_string(),
        };
        self.lines.push(line(place, wrong, remedy));
        self.refused.insert(key);
    }

    /// Whether the value of this key has been refused; a comparison with it would only confuse.
    pub(super) fn is_refused(&self, key: impl Into<KeyPath>) -> bool {
        self.refused.contains(&key.into())
    }

    /// Refuses a value outside the range.
    pub(super) fn require_range<T: PartialOrd + Copy>(
        &mut self,
        key: impl Into<KeyPath>,
        value: T,
        range: &std::ops::RangeInclusive<T>,
        show: fn(T) -> String,
    ) {
        if !range.contains(&value) {
            let remedy = format!("write a value from {} to {}", show(*range.start()), show(*range.end()));
            self.refuse(key, "out of range", remedy);
        }
    }

    /// A problem on a line of the settings file that is about no known key.
    pub(super) fn report_line(
        &mut self,
        line_number: usize,
        what: impl Display,
        wrong: impl Display,
        remedy: impl Display,
    ) {
        let place = format!("{}:{line_number}: {what}", self.file);
        self.lines.push(line(place, wrong, remedy));
    }

    /// A problem with an environment variable.
    pub(super) fn report_variable(&mut self, name: &str, wrong: impl Display, remedy: impl Display) {
        self.lines.push(line(name, wrong, remedy));
    }

    /// Where the value of a key comes from: `Leptos.toml:12`, the name of a variable, or `default`.
    pub(super) fn source(&self, key: KeyPath) -> String {
        match self.places.get(&key) {
            Some(Place::File { line, .. }) => format!("{}:{line}", self.file),
            Some(Place::Variable { name, .. }) => name.clone(),
            None => "default".to_owned(),
        }
    }

    /// # Errors
    ///
    /// All problems collected, if there are any.
    pub(super) fn result(&self) -> Result<(), ConfigError> {
        if self.lines.is_empty() { Ok(()) } else { Err(ConfigError { lines: self.lines.clone() }) }
    }

    fn name(&self, key: KeyPath, place: &Place) -> String {
        let mut name = match place {
            Place::File { line, .. } => format!("{}:{line}: {key}", self.file),
            Place::Variable { name, .. } => name.clone(),
        };
        match place {
            Place::File { written: Some(written), .. } => {
                let _ = write!(name, " = {written}");
            }
            Place::Variable { written: Some(written), .. } => {
                let _ = write!(name, "={written}");
            }
            Place::File { written: None, .. } | Place::Variable { written: None, .. } => {}
        }
        name
    }
}

/// Puts a problem into words, on one line whatever the parts contain.
fn line(place: impl Display, wrong: impl Display, remedy: impl Display) -> String {
    let text = format!("{place}: {wrong}; {remedy}");
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
