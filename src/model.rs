//! The types that cross the wire besides errors: no secrets, no types that only one side can read.

pub(crate) mod json;
pub mod notes;

use crate::{
    error::AppError,
    sign_in_method::SignInMethod,
    validation::{Field, FieldProblem},
};
use serde::{Deserialize, Serialize};

/// The header in which a script names the user that its page shows, by id. If another user is signed in, the server
/// does nothing and responds with [`AppError::OtherUser`].
pub const EXPECTED_USER_HEADER: &str = "expected-user";

/// The form field with the same meaning.
pub const EXPECTED_USER_FIELD: &str = "expected_user";

/// The signed-in user, as the pages show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentUser {
    /// Opaque and never reused (RFC 9068 §2.2, `sub`).
    pub id: String,
    pub email: String,
    pub display_name: String,
    pub session: SessionView,
}

/// A session, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// When this session began, by signing in.
    pub began_at: Moment,
    /// When it ends unless it is ended before: rotation never moves this.
    pub expires_at: Moment,
}

/// One of the caller's sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEntry {
    /// Names the session on pages; not the id in its tokens.
    pub id: String,
    /// The session of this request.
    pub is_current: bool,
    pub device: Device,
    /// The client address at sign-in.
    pub address: String,
    pub method: SignInMethod,
    pub began_at: Moment,
    pub last_seen: LastSeen,
}

/// The browser and system of a sign-in, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub browser: Option<String>,
    pub system: Option<String>,
}

/// When a session was last used. The server records rotations, so the precision is the lifetime of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastSeen {
    Now,
    /// At most this long ago.
    Within {
        seconds: u64,
    },
    /// About this long ago.
    Ago {
        seconds: u64,
    },
}

/// A session that ended because an old token of it was used again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReuseNotice {
    /// As [`SessionEntry::id`].
    pub id: String,
    pub device: Device,
    pub began_at: Moment,
    /// When the old token was presented, which ended the session.
    pub at: Moment,
    /// The client address that presented the old token.
    pub from: String,
}

/// The signed-in user; `None` for an anonymous visitor. An error if that cannot be determined at the moment.
pub type Current = Result<Option<CurrentUser>, AppError>;

/// What the server renders a page from and sends to the browser with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageData {
    pub current: Current,
    pub settings: PublicSettings,
    pub offered: Offered,
    /// A [`FormEcho`], as JSON: only the form it belongs to reads it.
    pub echo: Option<String>,
}

/// The settings that pages show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PublicSettings {
    pub access_ttl_secs: u64,
    pub refresh_ttl_secs: u64,
    /// In Unicode code points.
    pub password_min_length: u32,
}

/// A point in time, with the text the server shows for it; the browser may replace the text by its own local form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// RFC 3339, UTC.
    pub rfc3339: String,
    /// The text shown, UTC: `23 November 2026, 12:30 UTC`.
    pub text: String,
}

/// The times of an access token: all that the readable `tokenLife` cookie carries.
///
/// Written as `<issued>.<expires>`, both in Unix seconds by the server's clock. It is a hint for the browser, which
/// refreshes before a call when it is gone; the server never reads it to decide anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLife {
    pub issued_at: i64,
    pub expires_at: i64,
}

impl TokenLife {
    /// The cookie's name on plain `http`, and on `https`, where other hosts must not set it.
    #[must_use]
    pub const fn cookie_name(is_https: bool) -> &'static str {
        if is_https { "__Host-tokenLife" } else { "tokenLife" }
    }

    /// The lifetime of the access token in seconds: the difference of two times of one clock, whatever its offset.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.expires_at.saturating_sub(self.issued_at)
    }

    /// Reads the cookie's value. `None` for anything but two decimal numbers in order.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (issued, expires) = value.split_once('.')?;
        let seconds = |digits: &str| {
            let plain = !digits.is_empty() && digits.len() <= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<i64>().ok()).flatten()
        };
        let life = Self { issued_at: seconds(issued)?, expires_at: seconds(expires)? };
        (life.expires_at > life.issued_at).then_some(life)
    }
}

impl std::fmt::Display for TokenLife {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.issued_at, self.expires_at)
    }
}

/// The upstream services that this application offers besides accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offered {
    pub notes: bool,
}

/// How hard a password is to guess, and whether it would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRating {
    /// `0` (guessed at once) to `4` (not within a human life), by zxcvbn.
    pub score: u8,
    /// Why it would be refused; `None` if it would be accepted.
    pub problem: Option<FieldProblem>,
}

impl PageData {
    /// The element of the document that holds it, as JSON.
    pub const ELEMENT_ID: &str = "page-data";
}

impl Default for PageData {
    /// For an anonymous visitor.
    fn default() -> Self {
        Self { current: Ok(None), settings: PublicSettings::default(), offered: Offered::default(), echo: None }
    }
}

/// A form that was sent without JavaScript and refused: what was typed, and why, to show the form again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormEcho {
    /// The server function it was sent to.
    pub action: String,
    pub error: AppError,
    /// What was typed, by field name. Never a password.
    pub typed: Vec<(String, String)>,
}

impl FormEcho {
    /// What was typed into a field.
    #[must_use]
    pub fn typed(&self, field: Field) -> Option<&str> {
        self.sent(field.name())
    }

    /// The value sent under a name, by a hidden field for example.
    #[must_use]
    pub fn sent(&self, name: &str) -> Option<&str> {
        self.typed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_life_survives_its_cookie() {
        let life = TokenLife { issued_at: 1_790_000_000, expires_at: 1_790_003_600 };
        assert_eq!(life.to_string(), "1790000000.1790003600");
        assert_eq!(TokenLife::parse(&life.to_string()), Some(life));
        assert_eq!(life.seconds(), 3600);
    }

    #[test]
    fn anything_else_is_no_token_life() {
        let long = "9".repeat(10_000);
        for value in [
            "", ".", "1", "1.", ".2", "2.1", "1.1", "NaN.2", "-1.5", "+1.5", "1e309.2", "９.10", " 1.2", "1.2.3", &long,
        ] {
            assert_eq!(TokenLife::parse(value), None, "{value:?}");
        }
    }
}
