//! How a user proved who they are.

use serde::{Deserialize, Serialize};

/// A way to sign in. For a new variant the compiler lists what else it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    Password,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Password];

    /// The authentication method reference (RFC 8176 §2), also the stored form.
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }

    /// The method with this stored form; `None` if there is none.
    #[must_use]
    pub fn from_amr(amr: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.amr() == amr)
    }
}
