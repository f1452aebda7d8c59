//! The settings file as it was written: its keys with their lines, before anybody judges them.

use super::{
    environment::Environment,
    keys::Written,
    problems::{ConfigError, KeyPath, Problems},
};
use std::{fs, io::ErrorKind, net::SocketAddr, path::Path};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// The keys that `leptos_config` reads when the server runs; cargo-leptos reads more of them, from `Cargo.toml`.
const LEPTOS_KEYS: [&str; 14] = [
    "output-name",
    "site-root",
    "site-pkg-dir",
    "site-addr",
    "reload-port",
    "env",
    "hash-file",
    "hash-files",
    "not-found-path",
    "reload-external-port",
    "reload-ws-protocol",
    "server-fn-prefix",
    "disable-server-fn-hash",
    "server-fn-mod-path",
];

/// What stands in the settings file.
#[derive(Debug)]
pub(super) struct SettingsFile {
    /// What to call it in messages: the path as it was given.
    pub(super) name: String,
    /// The tables below `[app]`, with their lines.
    pub(super) sections: Vec<(String, usize)>,
    /// The arrays of tables `[[app.<section>.<name>]]`, each with the lines where its tables begin.
    pub(super) arrays: Vec<(String, Vec<usize>)>,
    pub(super) entries: Vec<Entry>,
    site_addr: Option<String>,
}

/// One line `key = value` below `[app.<section>]`, or below one of the tables `[[app.<section>]]`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) section: String,
    /// Which of the tables, if there are several.
    pub(super) item: Option<usize>,
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) written: Written,
}

impl SettingsFile {
    /// Reads the file and takes it apart.
    ///
    /// # Errors
    ///
    /// The file is missing or cannot be read, is not TOML, or has tables that do not belong there.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&path.display().to_string(), &read_text(path)?)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let line_at = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        let mut problems = Problems::of_file(name);
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = error.span().map_or(1, |span| line_at(span.start));
            problems.report_line(line, "not TOML", error.message(), "see https://toml.io for how it is written");
        }
        problems.result()?;

        let mut file = Self {
            name: name.to_owned(),
            sections: Vec::new(),
            arrays: Vec::new(),
            entries: Vec::new(),
            site_addr: None,
        };
        for (key, value) in document.get_ref() {
            let line = line_at(key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("app", DeValue::Table(app)) => file.take_sections(app, &line_at, &mut problems),
                ("package", DeValue::Table(package)) => file.take_site(package, &line_at, &mut problems),
                (other, _) => {
                    let remedy = "the tables are [package.metadata.leptos] and those below [app]";
                    problems.report_line(line, format_args!("[{other}]"), "unknown", remedy);
                }
            }
        }
        problems.result().map(|()| file)
    }

    /// What the file says about a key.
    pub(super) fn get(&self, KeyPath { table, item, key }: KeyPath) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.section == table && entry.item == item && entry.key == key)
    }

    /// The lines where the tables of an array begin.
    pub(super) fn tables(&self, name: &str) -> &[usize] {
        self.arrays.iter().find(|(array, _)| array == name).map_or(&[], |(_, lines)| lines)
    }

    /// Where the server listens, if that is said anywhere and can be read. `LEPTOS_SITE_ADDR` goes before the file.
    pub(super) fn site_addr(&self, environment: &Environment) -> Option<SocketAddr> {
        environment.get_lenient("LEPTOS_SITE_ADDR").or(self.site_addr.as_deref())?.parse().ok()
    }

    fn take_sections(&mut self, app: &DeTable<'_>, line_at: &impl Fn(usize) -> usize, problems: &mut Problems) {
        for (section, keys) in app {
            let line = line_at(section.span().start);
            let section = section.get_ref().as_ref();
            let DeValue::Table(keys) = keys.get_ref() else {
                let remedy = "write it below the header of its section, such as [app.http]";
                problems.report_line(line, format_args!("[app] {section}"), "a setting outside of a section", remedy);
                continue;
            };
            self.sections.push((section.to_owned(), line));
            for (key, value) in keys {
                if let Some(tables) = tables_of(value.get_ref()) {
                    let name = format!("{section}.{}", key.get_ref());
                    for (item, (_, table)) in tables.iter().enumerate() {
                        self.entries
                            .extend(table.iter().map(|(key, value)| entry(&name, Some(item), key, value, line_at)));
                    }
                    self.arrays.push((name, tables.iter().map(|(start, _)| line_at(*start)).collect()));
                } else {
                    self.entries.push(entry(section, None, key, value, line_at));
                }
            }
        }
    }

    /// Looks at `[package.metadata.leptos]`: Leptos itself reads it, but would not notice a misspelt key.
    fn take_site(&mut self, package: &DeTable<'_>, line_at: &impl Fn(usize) -> usize, problems: &mut Problems) {
        let mut table = package;
        for name in ["metadata", "leptos"] {
            let mut inner = None;
            for (key, value) in table {
                match value.get_ref() {
                    DeValue::Table(found) if key.get_ref() == name => inner = Some(found),
                    _ => problems.report_line(
                        line_at(key.span().start),
                        format_args!("[package] {}", key.get_ref()),
                        "unknown",
                        "of Cargo's tables only [package.metadata.leptos] belongs in this file",
                    ),
                }
            }
            let Some(found) = inner else { return };
            table = found;
        }
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if !LEPTOS_KEYS.contains(&name) {
                let what = format!("[package.metadata.leptos] {name}");
                let remedy = format!("the keys read at run time are {}", LEPTOS_KEYS.join(", "));
                problems.report_line(line_at(key.span().start), what, "unknown key", remedy);
            }
            if name == "site-addr" {
                self.site_addr = value.get_ref().as_str().map(str::to_owned);
            }
        }
    }
}

/// The text of the settings file.
///
/// # Errors
///
/// The file is missing or cannot be read.
fn read_text(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| {
        let (wrong, remedy) = match error.kind() {
            ErrorKind::NotFound => ("not found".to_owned(), "run in the project folder or pass --config <FILE>"),
            ErrorKind::InvalidData => ("not UTF-8 text".to_owned(), "save it as UTF-8"),
            _ => (format!("cannot be read ({error})"), "pass --config with a file this user may read"),
        };
        ConfigError::new(path.display(), wrong, remedy)
    })
}

/// The tables of an array of nothing but tables, each with the place where it begins.
fn tables_of<'a, 'i>(value: &'a DeValue<'i>) -> Option<Vec<(usize, &'a DeTable<'i>)>> {
    let DeValue::Array(parts) = value else { return None };
    let tables = parts.iter().map(|part| Some((part.span().start, part.get_ref().as_table()?)));
    tables.collect::<Option<Vec<_>>>().filter(|tables| !tables.is_empty())
}

fn entry(
    section: &str,
    item: Option<usize>,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    line_at: &impl Fn(usize) -> usize,
) -> Entry {
    Entry {
        section: section.to_owned(),
        item,
        key: key.get_ref().as_ref().to_owned(),
        line: line_at(key.span().start),
        written: written(value.get_ref()),
    }
}

fn written(value: &DeValue<'_>) -> Written {
    match value {
        DeValue::String(text) => Written::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Written::Other("out of range"), Written::Number)
        }
        DeValue::Array(parts) => {
            let parts: Option<Vec<String>> =
                parts.iter().map(|part| part.get_ref().as_str().map(str::to_owned)).collect();
            parts.map_or(Written::Other("a list of other things than texts"), Written::List)
        }
        DeValue::Float(_) => Written::Other("a number with a fraction"),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Datetime(_) => Written::Other("a date or time"),
        DeValue::Table(_) => Written::Other("a table"),
    }
}
