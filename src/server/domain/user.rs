//! Users and their names.

use super::{
    email::{Email, EmailKey},
    id::id,
};
use crate::{
    server::{clock::Timestamp, redacted::redacted},
    validation::FieldProblem,
};

id! {
    /// Identifies a user. Opaque, never reused, no personal data (RFC 9068 §2.2, `sub`).
    UserId
}

/// A person with an account.
#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub display_name: DisplayName,
    pub password: PasswordHash,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

impl User {
    #[must_use]
    pub fn email_key(&self) -> &EmailKey {
        self.email.key()
    }
}

/// A password hash as a PHC string, with its parameters. Not shown by `Debug`, not serialisable.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    #[must_use]
    pub const fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

redacted!(PasswordHash);

/// The name that a user is shown by: trimmed, one line, not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The longest name, in Unicode code points.
    pub const MAX: u32 = 100;

    /// # Errors
    ///
    /// The [`FieldProblem`] to show next to the field.
    pub fn parse(typed: &str) -> Result<Self, FieldProblem> {
        let name = typed.trim();
        if name.is_empty() {
            return Err(FieldProblem::Required);
        }
        if name.chars().nth(Self::MAX as usize).is_some() {
            return Err(FieldProblem::TooLong { max: Self::MAX });
        }
        if name.chars().any(is_invisible) {
            return Err(FieldProblem::ControlCharacters);
        }
        Ok(Self(name.to_owned()))
    }

    /// A name loaded from the store, which holds only parsed ones.
    #[must_use]
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and those that reorder the text around them (Trojan Source).
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_otherwise_kept() {
        assert_eq!(
            DisplayName::parse("  Zoë 🦀 O’Neil ").map(|name| name.as_str().to_owned()),
            Ok("Zoë 🦀 O’Neil".to_owned())
        );
    }

    #[test]
    fn empty_long_and_multi_line_names_are_refused() {
        assert_eq!(DisplayName::parse(" \u{a0} "), Err(FieldProblem::Required));
        assert_eq!(DisplayName::parse(&"ä".repeat(101)), Err(FieldProblem::TooLong { max: 100 }));
        assert!(DisplayName::parse(&"ä".repeat(100)).is_ok());
        for typed in ["a\nb", "a\0b", "a\u{202e}b", "a\u{2066}b", "a\u{7f}b"] {
            assert_eq!(DisplayName::parse(typed), Err(FieldProblem::ControlCharacters), "{typed:?}");
        }
    }
}
