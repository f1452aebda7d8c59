//! A plain form that could not be processed, and the page that can show it again.

use crate::{
    paths::{self, ReturnTo},
    validation::Field,
};

/// A form as it was sent, without its passwords. Its own page cannot be shown, because that needs what is missing: the
/// session, or the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    pub(super) action: String,
    pub(super) fields: Vec<(String, String)>,
    /// The sign-in page that returns to the form's own page.
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

    /// Whether the user has entered text into it.
    #[must_use]
    pub fn holds_text(&self) -> bool {
        self.fields.iter().any(|(name, value)| Field::of_name(name).is_some() && !value.trim().is_empty())
    }
}
