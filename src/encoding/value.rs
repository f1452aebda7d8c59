//! JSON, read by the browser's own parser.

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;

/// A JSON value, or `undefined`. Exists in the browser only.
#[derive(Clone, Debug)]
pub(crate) struct Value(pub(super) JsValue);

impl Value {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// The member of this name in an object; `undefined` if there is none or this is not an object.
    pub(crate) fn get(&self, name: &str) -> Self {
        Self(Reflect::get(&self.0, &name.into()).unwrap_or(JsValue::UNDEFINED))
    }

    /// Whether it is neither `null` nor `undefined`.
    pub(crate) fn is_something(&self) -> bool {
        !self.0.is_null() && !self.0.is_undefined()
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    pub(crate) fn is_true(&self) -> bool {
        self.0.is_truthy()
    }

    /// A number of seconds or characters: a non-negative integer.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "our own server writes it, as an integer; one that is too large becomes the largest"
    )]
    pub(crate) fn count(&self) -> Option<u64> {
        self.0.as_f64().map(|number| number as u64)
    }
}
