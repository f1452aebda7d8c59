//! A serde deserializer over values of the browser's JSON parser.

mod name;

use super::{Unreadable, Value};
use js_sys::{Array, Number, Object};
use name::Name;
use serde::{
    Deserializer,
    de::{
        IntoDeserializer, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use wasm_bindgen::JsCast;

/// The nesting limit. Each level takes stack space, which is limited; `serde_json` has the same limit.
const MAX_DEPTH: u8 = 128;

/// Deserializes a [`Value`].
#[derive(Debug)]
pub(crate) struct ValueDeserializer {
    value: Value,
    /// How many values this one is nested in.
    depth: u8,
}

impl ValueDeserializer {
    pub(crate) const fn new(value: Value) -> Self {
        Self { value, depth: 0 }
    }

    /// The depth of the values in this one; an error above [`MAX_DEPTH`].
    const fn depth_within(&self) -> Result<u8, Unreadable> {
        if self.depth < MAX_DEPTH { Ok(self.depth + 1) } else { Err(Unreadable) }
    }

    fn visit_elements<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Unreadable> {
        let depth = self.depth_within()?;
        let elements = Array::from(&self.value.0).into_iter().map(move |value| Self { value: Value(value), depth });
        let mut elements = SeqDeserializer::new(elements);
        let visited = visitor.visit_seq(&mut elements)?;
        elements.end()?;
        Ok(visited)
    }

    /// Names and values of an object; the browser puts integer names first.
    fn members(&self) -> Result<impl Iterator<Item = (Name, Self)> + use<>, Unreadable> {
        let depth = self.depth_within()?;
        Ok(Object::entries(self.value.0.unchecked_ref()).into_iter().map(move |member| {
            let member = Array::from(&member);
            let name = member.get(0).as_string().unwrap_or_default();
            (Name(name), Self { value: Value(member.get(1)), depth })
        }))
    }
}

impl IntoDeserializer<'_, Unreadable> for ValueDeserializer {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let Value(value) = &self.value;
        if let Some(text) = value.as_string() {
            visitor.visit_string(text)
        } else if let Some(number) = value.as_f64() {
            visit_number(number, visitor)
        } else if let Some(is_true) = value.as_bool() {
            visitor.visit_bool(is_true)
        } else if !value.is_object() {
            visitor.visit_unit()
        } else if Array::is_array(value) {
            self.visit_elements(visitor)
        } else {
            let mut members = MapDeserializer::new(self.members()?);
            let visited = visitor.visit_map(&mut members)?;
            members.end()?;
            Ok(visited)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.value.is_something() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is its name alone, or an object of its name and content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if let Some(name) = self.value.text() {
            visitor.visit_enum(name.into_deserializer())
        } else if self.value.0.is_object() {
            let mut members = MapDeserializer::new(self.members()?);
            let visited = visitor.visit_enum(MapAccessDeserializer::new(&mut members))?;
            members.end()?;
            Ok(visited)
        } else {
            Err(Unreadable)
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

/// A number that JavaScript does not represent exactly is visited as a float, so that it is refused for an integer
/// type.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn visit_number<'de, V: Visitor<'de>>(number: f64, visitor: V) -> Result<V::Value, Unreadable> {
    if !Number::is_safe_integer(&number.into()) {
        visitor.visit_f64(number)
    } else if number < 0.0 {
        visitor.visit_i64(number as i64)
    } else {
        visitor.visit_u64(number as u64)
    }
}
