//! Values of the browser's JSON parser, as serde wants them.

use super::Value;
use js_sys::{Array, Number, Object};
use serde::{
    Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use std::fmt;
use wasm_bindgen::JsCast;

/// What came across the wire is not what it should be.
///
/// What exactly is wrong with it is not kept. Nobody would be told, and the code that puts it into words would be loaded
/// with every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not what was expected")
    }
}

impl std::error::Error for Unreadable {}

impl de::Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Value {
    fn elements(&self) -> impl Iterator<Item = Self> + use<> {
        Array::from(&self.0).into_iter().map(Self)
    }

    /// Names and values of an object, in its order.
    fn members(&self) -> impl Iterator<Item = (Self, Self)> + use<> {
        Object::entries(self.0.unchecked_ref()).into_iter().map(|member| {
            let member = Array::from(&member);
            (Self(member.get(0)), Self(member.get(1)))
        })
    }
}

impl IntoDeserializer<'_, Unreadable> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if let Some(text) = self.text() {
            visitor.visit_string(text)
        } else if let Some(number) = self.0.as_f64() {
            visit_number(number, visitor)
        } else if let Some(is_true) = self.0.as_bool() {
            visitor.visit_bool(is_true)
        } else if !self.is_something() {
            visitor.visit_unit()
        } else if Array::is_array(&self.0) {
            visitor.visit_seq(SeqDeserializer::new(self.elements()))
        } else {
            visitor.visit_map(MapDeserializer::new(self.members()))
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.is_something() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is its name alone, or an object with its name and what is in it.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        match self.text() {
            Some(name) => visitor.visit_enum(name.into_deserializer()),
            None => visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(self.members()))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// A number that JavaScript does not know exactly is no whole one, so that it is refused where one is wanted.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just looked at")]
fn visit_number<'de, V: Visitor<'de>>(number: f64, visitor: V) -> Result<V::Value, Unreadable> {
    if !Number::is_safe_integer(&number.into()) {
        visitor.visit_f64(number)
    } else if number < 0.0 {
        visitor.visit_i64(number as i64)
    } else {
        visitor.visit_u64(number as u64)
    }
}
