//! JSON, read by the browser's own parser. What every page needs is read so: serde's reader and what it brings along would
//! be a seventh of what is loaded before a page comes alive (ADR 0019). The rest reads by serde, over the same parser (ADR 0021).

mod deserializer;

use super::{CurrentUser, Moment, SessionView};
use crate::error::AppError;
pub(crate) use deserializer::ValueDeserializer;
use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;

/// A value in a piece of JSON, or none. Exists in the browser only.
#[derive(Clone, Debug)]
pub(crate) struct Value(JsValue);

impl Value {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// What has this name in an object. Of anything else, nothing.
    pub(crate) fn get(&self, name: &str) -> Self {
        Self(Reflect::get(&self.0, &name.into()).unwrap_or(JsValue::UNDEFINED))
    }

    /// Whether there is anything but `null`.
    pub(crate) fn is_something(&self) -> bool {
        !self.0.is_null() && !self.0.is_undefined()
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    pub(crate) fn is_true(&self) -> bool {
        self.0.is_truthy()
    }

    /// A number of seconds or characters: whole, and not below zero.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "our own server writes it, as a whole number; what is too large becomes the largest"
    )]
    pub(crate) fn count(&self) -> Option<u64> {
        self.0.as_f64().map(|number| number as u64)
    }

    /// The error that is named here, if it has no details.
    pub(crate) fn error(&self) -> Option<AppError> {
        AppError::of_code(&self.get("code").text()?)
    }

    /// The person that is described here.
    pub(crate) fn user(&self) -> Option<CurrentUser> {
        let session = self.get("session");
        Some(CurrentUser {
            id: self.get("id").text()?,
            email: self.get("email").text()?,
            display_name: self.get("display_name").text()?,
            session: SessionView {
                began_at: session.get("began_at").moment()?,
                expires_at: session.get("expires_at").moment()?,
            },
        })
    }

    fn moment(&self) -> Option<Moment> {
        Some(Moment { rfc3339: self.get("rfc3339").text()?, text: self.get("text").text()? })
    }
}
