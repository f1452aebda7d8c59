//! Validation: the form fields, and why a value is refused.
//!
//! The server's domain, the wire and the pages use the same types, so nothing here depends on Leptos. The texts are in
//! [`crate::wording`].

use serde::{Deserialize, Serialize};

/// A form field and why its value was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    pub field: Field,
    pub problem: FieldProblem,
}

/// The fields of all forms, by their `name` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Email,
    DisplayName,
    Password,
    Title,
    Text,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Email, Self::DisplayName, Self::Password, Self::Title, Self::Text];

    /// The field with this `name` attribute; `None` for the name of a hidden input.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The `name` attribute, and the parameter of the server function.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::DisplayName => "display_name",
            Self::Password => "password",
            Self::Title => "title",
            Self::Text => "text",
        }
    }

    /// Whether the field holds a multi-line text.
    #[must_use]
    pub const fn is_multiline(self) -> bool {
        matches!(self, Self::Text)
    }
}

/// Why a field was refused. Lengths count Unicode code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldProblem {
    Required,
    TooShort {
        min: u32,
    },
    TooLong {
        max: u32,
    },
    /// Not an e-mail address this application can write to.
    NotAnEmail,
    /// Another account has this address.
    Taken,
    /// Contains characters that cannot be seen, such as line breaks.
    ControlCharacters,
    /// On the list of common passwords.
    CommonPassword,
    /// Made of the user's own name or address, or of the application's name.
    PersonalPassword,
    /// Long enough, but easy to guess.
    GuessablePassword,
}
