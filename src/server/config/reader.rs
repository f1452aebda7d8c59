//! Lays the file and the environment over the defaults, and refuses what is not a setting.

use super::{
    environment::Environment,
    file::SettingsFile,
    keys::{KeyWalker, Section, Tables, Value, Written},
    problems::{KeyPath, Place, Problems, header},
};

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "TOKENLIFE__";

/// The variable that overrides a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    format!("{PREFIX}{}__{}", section.to_ascii_uppercase(), key.to_ascii_uppercase())
}

/// Goes through the sections and takes over what was written for each key.
pub(super) struct Reader<'a> {
    file: &'a SettingsFile,
    environment: &'a Environment,
    problems: Problems,
    section: &'static str,
    /// Which table of the array is being read.
    item: Option<usize>,
    known: Vec<(&'static str, Vec<&'static str>)>,
    secrets: Vec<(&'static str, &'static str)>,
    variables: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a SettingsFile, environment: &'a Environment) -> Self {
        let problems = Problems::of_file(&file.name);
        Self {
            file,
            environment,
            problems,
            section: "",
            item: None,
            known: Vec::new(),
            secrets: Vec::new(),
            variables: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, section: &mut dyn Section) {
        self.enter(section.name(), None);
        section.keys(self);
    }

    fn enter(&mut self, section: &'static str, item: Option<usize>) {
        (self.section, self.item) = (section, item);
        if !self.known.iter().any(|(known, _)| *known == section) {
            self.known.push((section, Vec::new()));
        }
    }

    fn path(&self, key: &'static str) -> KeyPath {
        KeyPath { table: self.section, item: self.item, key }
    }

    /// Refuses keys and variables that no section knows, so that a slip of the pen is not silent.
    pub(super) fn finish(mut self) -> Problems {
        self.refuse_unknown_keys();
        self.refuse_unknown_variables();
        self.problems
    }

    fn take_from_variable(&mut self, name: &'static str, variable: &str, value: &mut dyn Value, secret: bool) {
        let Some(text) = self.environment.get(variable) else { return };
        let written = text.map(|text| Written::Variable(text.to_owned()));
        let echo = match &written {
            Ok(written) if !secret && !value.may_hold_a_secret() => written.echo(),
            _ => None,
        };
        self.problems.came_from(self.path(name), Place::Variable { name: variable.to_owned(), written: echo });
        let taken = written.map_err(|_| "not UTF-8 text".to_owned()).and_then(|written| value.set(&written));
        self.note(name, value, taken);
    }

    fn note(&mut self, name: &'static str, value: &dyn Value, taken: Result<(), String>) {
        if let Err(wrong) = taken {
            self.problems.refuse(self.path(name), wrong, format_args!("write {}", value.example()));
        }
    }

    fn remember(&mut self, name: &'static str) -> String {
        let variable = variable(self.section, name);
        self.variables.push(variable.clone());
        variable
    }

    fn refuse_unknown_keys(&mut self) {
        for (section, line) in &self.file.sections {
            if !self.known.iter().any(|(known, _)| known == section) {
                let remedy = self.sections_in_words();
                self.problems.report_line(*line, format_args!("[app.{section}]"), "unknown section", remedy);
            }
        }
        for (array, lines) in &self.file.arrays {
            if !self.known.iter().any(|(known, _)| known == array) {
                let (what, remedy) = (header(array, true), self.sections_in_words());
                self.problems.report_line(lines.first().copied().unwrap_or(1), what, "unknown section", remedy);
            }
        }
        for entry in &self.file.entries {
            let Some((section, keys)) = self.known.iter().find(|(known, _)| *known == entry.section) else { continue };
            if !keys.contains(&entry.key.as_str()) && !self.secrets.contains(&(section, entry.key.as_str())) {
                let what = format!("{} {}", header(section, entry.item.is_some()), entry.key);
                let remedy = match keys.as_slice() {
                    [] => self.sections_in_words(),
                    keys => format!("the keys of this section are {}", keys.join(", ")),
                };
                self.problems.report_line(entry.line, what, "unknown key", remedy);
            }
        }
    }

    fn refuse_unknown_variables(&mut self) {
        let bare = |name: &str| name.replace('_', "").to_ascii_uppercase();
        for name in self.environment.names().filter(|name| !self.variables.iter().any(|known| known == name)) {
            let meant = self.variables.iter().find(|known| bare(known) == bare(name));
            let in_our_name = name.to_ascii_uppercase().starts_with(PREFIX);
            if let Some(meant) = meant {
                self.problems.report_variable(name, "not a setting", format_args!("write {meant}"));
            } else if in_our_name {
                let remedy = self.variables_in_words(name);
                self.problems.report_variable(name, "no such setting", remedy);
            }
        }
    }

    fn sections_in_words(&self) -> String {
        let is_array = |section: &str| section.contains('.');
        // A section with nothing but arrays of tables has no keys of its own.
        let written = self.known.iter().filter(|(section, keys)| is_array(section) || !keys.is_empty());
        let names: Vec<String> = written.map(|(section, _)| header(section, is_array(section))).collect();
        format!("the sections are {}", names.join(", "))
    }

    fn variables_in_words(&self, name: &str) -> String {
        let upper = name.to_ascii_uppercase();
        let section = upper.strip_prefix(PREFIX).and_then(|rest| rest.split("__").next()).unwrap_or_default();
        let prefix = format!("{PREFIX}{section}__");
        let siblings: Vec<&str> =
            self.variables.iter().filter(|known| known.starts_with(&prefix)).map(String::as_str).collect();
        if siblings.is_empty() { self.sections_in_words() } else { format!("there are {}", siblings.join(", ")) }
    }
}

impl KeyWalker for Reader<'_> {
    fn key(&mut self, name: &'static str, value: &mut dyn Value) {
        if let Some((_, keys)) = self.known.iter_mut().find(|(known, _)| *known == self.section)
            && !keys.contains(&name)
        {
            keys.push(name);
        }
        if let Some(entry) = self.file.get(self.path(name)) {
            let written = if value.may_hold_a_secret() { None } else { entry.written.echo() };
            self.problems.came_from(self.path(name), Place::File { line: entry.line, written });
            let taken = value.set(&entry.written);
            self.note(name, value, taken);
        }
        if self.item.is_some() {
            return;
        }
        let own_variable = self.remember(name);
        self.take_from_variable(name, &own_variable, value, false);
        // The habit of the trade. An empty one counts as not set, as everywhere else.
        if (self.section, name) == ("log", "filter") && self.environment.get_lenient("RUST_LOG").is_some() {
            self.take_from_variable(name, "RUST_LOG", value, false);
        }
    }

    fn secret(&mut self, name: &'static str, value: &mut dyn Value) {
        let own_variable = self.remember(name);
        self.secrets.push((self.section, name));
        if let Some(entry) = self.file.get(self.path(name)) {
            let what = format!("[app.{}] {name}", self.section);
            let remedy = format!("set the variable {own_variable}, or the key {name}_file to the path of a file");
            self.problems.report_line(entry.line, what, "a secret does not belong in this file", remedy);
        }
        self.take_from_variable(name, &own_variable, value, true);
    }

    fn tables(&mut self, name: &'static str, tables: &mut dyn Tables) {
        let file = self.file;
        let lines = file.tables(name);
        tables.make(lines.len());
        self.enter(name, None);
        for (item, line) in lines.iter().enumerate() {
            self.enter(name, Some(item));
            self.problems.begins_at(name, item, *line);
            tables.keys(item, self);
        }
    }
}
