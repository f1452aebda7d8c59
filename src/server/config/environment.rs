//! The environment variables, read once and at one place.

use std::{collections::BTreeMap, ffi::OsString, fmt};

/// The environment variables the application looks at.
///
/// `Debug` shows their names only: one of them may be the master secret.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// The variables of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { variables: variables.filter(|(name, _)| is_ours(name)).collect() }
    }

    /// The same with one variable more, for tests.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// A variable that is set, if only to nothing. `Err` if its value is not UTF-8.
    pub(super) fn get(&self, name: &str) -> Option<Result<&str, NotUtf8>> {
        self.variables.get(name).map(|value| value.to_str().ok_or(NotUtf8))
    }

    /// A variable of another program; `None` if its value is not valid Unicode or not set.
    pub(super) fn get_lenient(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// A value that is not text.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotUtf8;

/// Other people's variables are not even kept.
fn is_ours(name: &str) -> bool {
    let in_our_name = name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("TOKENLIFE"));
    in_our_name || ["LEPTOS_SITE_ADDR", "LEPTOS_WATCH", "NO_COLOR", "RUST_LOG"].contains(&name)
}
