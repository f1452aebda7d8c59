//! How a section names its keys, and how values are written.
//!
//! Each section lists its keys once, in [`Section::keys`]. Loading, explaining and testing the settings all walk
//! through that list, so that none of them can forget a key.

use super::problems::Problems;
use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

/// A table `[app.<name>]` of the settings file.
pub(super) trait Section {
    fn name(&self) -> &'static str;

    /// Shows every key with its value to the visitor, who may change it.
    fn keys(&mut self, walker: &mut dyn KeyWalker);

    /// Looks at the values as a whole: ranges, and what does not go together.
    fn validate(&self, problems: &mut Problems);
}

/// Visits the keys of a section.
pub(super) trait KeyWalker {
    fn key(&mut self, name: &'static str, value: &mut dyn Value);

    /// A secret: never in the file, only by its variable, never shown.
    fn secret(&mut self, name: &'static str, value: &mut dyn Value);

    /// An array of tables `[[app.<name>]]`, of which there may be none. In the file only: no variable can name one.
    fn tables(&mut self, name: &'static str, tables: &mut dyn Tables);
}

/// The tables `[[app.<name>]]` of the settings file, in their order.
pub(super) trait Tables {
    fn count(&self) -> usize;

    /// Makes so many of them, with defaults.
    fn make(&mut self, count: usize);

    /// Shows every key of one of them to the visitor, who may change it.
    fn keys(&mut self, item: usize, walker: &mut dyn KeyWalker);
}

/// A setting's value.
pub(super) trait Value {
    /// Takes over what was written.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as in "…: not a duration". Never repeats the value itself, which may be secret.
    fn set(&mut self, written: &Written) -> Result<(), String>;

    /// As it would be written in the file; `None` if there is nothing to write.
    fn to_toml(&self) -> Option<String>;

    /// What to write, for the message about a wrong value: `a duration such as "1h"`.
    fn example(&self) -> &'static str;

    /// Whether a message must not repeat what was written.
    fn may_hold_a_secret(&self) -> bool {
        false
    }
}

/// A value as it stands in the file or in a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In quotes, in the file.
    Text(String),
    /// A whole number, in the file.
    Number(i64),
    /// A list of texts, in the file.
    List(Vec<String>),
    /// True or false, in the file.
    Flag(bool),
    /// In a variable: what it means depends on the key.
    Variable(String),
    /// Something no key takes.
    Other(&'static str),
}

impl Written {
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) | Self::Variable(text) if text.trim().is_empty() => Err("empty".to_owned()),
            Self::Text(text) | Self::Variable(text) => Ok(text.trim()),
            Self::Number(_) => Err("a number without quotes and unit".to_owned()),
            Self::List(_) => Err("a list".to_owned()),
            Self::Flag(_) => Err("true or false".to_owned()),
            Self::Other(kind) => Err((*kind).to_owned()),
        }
    }

    fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Variable(text) => text.trim().parse().map_err(|_| "neither true nor false".to_owned()),
            Self::Text(_) => Err("a text in quotes".to_owned()),
            Self::Number(_) => Err("a number".to_owned()),
            Self::List(_) => Err("a list".to_owned()),
            Self::Other(kind) => Err((*kind).to_owned()),
        }
    }

    fn number<T: FromStr + TryFrom<i64>>(&self) -> Result<T, String> {
        match self {
            Self::Number(number) => T::try_from(*number).map_err(|_| "out of range".to_owned()),
            Self::Variable(text) => text.trim().parse().map_err(|_| "not a whole number".to_owned()),
            Self::Text(_) => Err("a text in quotes".to_owned()),
            Self::List(_) => Err("a list".to_owned()),
            Self::Flag(_) => Err("true or false".to_owned()),
            Self::Other(kind) => Err((*kind).to_owned()),
        }
    }

    /// A list; in a variable its parts stand between commas, and nothing at all is the empty list.
    pub(super) fn list(&self) -> Result<Vec<&str>, String> {
        match self {
            Self::List(parts) => Ok(parts.iter().map(|part| part.trim()).collect()),
            Self::Variable(text) if text.trim().is_empty() => Ok(Vec::new()),
            Self::Variable(text) => Ok(text.split(',').map(str::trim).collect()),
            Self::Text(_) => Err("a text instead of a list".to_owned()),
            Self::Number(_) => Err("a number".to_owned()),
            Self::Flag(_) => Err("true or false".to_owned()),
            Self::Other(kind) => Err((*kind).to_owned()),
        }
    }

    /// What was written, for a message: short, and on one line.
    pub(super) fn echo(&self) -> Option<String> {
        const MAX_CHARS: usize = 80;
        let text = match self {
            Self::Text(text) | Self::Variable(text) => format!("{text:?}"),
            Self::Number(number) => number.to_string(),
            Self::List(parts) => format!("{parts:?}"),
            Self::Flag(_) | Self::Other(_) => return None,
        };
        if text.chars().count() <= MAX_CHARS {
            return Some(text);
        }
        Some(text.chars().take(MAX_CHARS).chain(['…']).collect())
    }
}

/// A text in quotes, as TOML wants it.
pub(super) fn quoted(text: impl fmt::Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// A duration in quotes.
pub(super) fn quoted_duration(duration: Duration) -> String {
    quoted(humantime::format_duration(duration))
}

impl Value for String {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        written.text()?.clone_into(self);
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self))
    }

    fn example(&self) -> &'static str {
        "a text in quotes"
    }
}

impl Value for Option<String> {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = Some(written.text()?.to_owned());
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().map(quoted)
    }

    fn example(&self) -> &'static str {
        "a text in quotes"
    }
}

impl Value for bool {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.flag()?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn example(&self) -> &'static str {
        "true or false, without quotes"
    }
}

impl Value for PathBuf {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = Self::from(written.text()?);
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self.display()))
    }

    fn example(&self) -> &'static str {
        "a path such as \"data\""
    }
}

impl Value for Duration {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = humantime::parse_duration(written.text()?).map_err(|error| format!("not a duration ({error})"))?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted_duration(*self))
    }

    fn example(&self) -> &'static str {
        "a duration such as \"1h\", \"30s\" or \"30d\""
    }
}

impl Value for u32 {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.number()?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn example(&self) -> &'static str {
        "a whole number without quotes, such as 8"
    }
}

impl Value for usize {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.number()?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn example(&self) -> &'static str {
        "a whole number without quotes, such as 16384"
    }
}
