//! A plain form that could not be taken, and the page that can show it again.

use crate::{
    error::Field,
    paths::{self, ReturnTo},
};

/// A form as it was sent, without its passwords. Its own page cannot be shown, because that needs what is missing just
/// now: the session, or the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    pub(super) action: String,
    pub(super) fields: Vec<(String, String)>,
    /// Where to sign in, coming back to the form's own page.
    pub(super) sign_in: String,
}

impl Resend {
    /// Reads the body (`application/x-www-form-urlencoded`) of a form that was sent to a server function.
    #[must_use]
    pub fn of(action: &str, body: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(body).into_owned();
        Self {
            action: action.to_owned(),
            fields: fields.filter(|(name, _)| name != Field::Password.name()).collect(),
            sign_in: paths::login_returning_to(&ReturnTo::parse(paths::form_page(action))),
        }
    }

    /// Whether somebody has typed anything into it.
    #[must_use]
    pub fn holds_text(&self) -> bool {
        let is_typed = |name: &str| Field::ALL.into_iter().any(|field| field.name() == name);
        self.fields.iter().any(|(name, value)| is_typed(name) && !value.trim().is_empty())
    }
}
