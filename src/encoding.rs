//! How values cross the wire: as JSON, read by each side with the parser it has.

mod deserializer;
mod value;

use deserializer::ValueDeserializer;
use leptos::{
    server::codee::{Decoder, Encoder, string::JsonSerdeCodec},
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::JsonEncoding},
};
use serde::{
    Serialize,
    de::{self, DeserializeOwned},
};
use std::fmt;
pub(crate) use value::Value;

/// The encoding of server functions' results, of resources serialized into the page, and of upstream requests and
/// responses.
///
/// Both sides write with `serde_json`. The server reads with it as well; the browser reads with its own parser, because
/// another one would be loaded with every page (ADR 0021). JavaScript represents integers exactly below 2⁵³ (RFC 8259
/// §6): a larger one cannot be read there, and is better sent as a string.
#[derive(Clone, Copy, Debug)]
pub struct Wire;

/// The JSON is malformed or not of the expected type.
///
/// The details are not kept: they would not be shown, and the code that formats them would be loaded with every page.
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

/// Reads JSON from the wire.
///
/// # Errors
///
/// [`Unreadable`] if it is malformed or not of the type `T`.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    let json = std::str::from_utf8(json).map_err(|_| Unreadable)?;
    if cfg!(target_family = "wasm") {
        T::deserialize(ValueDeserializer::new(Value::parse(json).ok_or(Unreadable)?))
    } else {
        JsonSerdeCodec::decode(json).map_err(|_| Unreadable)
    }
}

impl ContentType for Wire {
    const CONTENT_TYPE: &str = JsonEncoding::CONTENT_TYPE;
}

impl FormatType for Wire {
    const FORMAT_TYPE: Format = JsonEncoding::FORMAT_TYPE;
}

impl<T: Serialize> Encodes<T> for Wire {
    type Error = <JsonEncoding as Encodes<T>>::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        JsonEncoding::encode(value)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Wire {
    type Error = Unreadable;

    fn decode(json: Bytes) -> Result<T, Unreadable> {
        read(&json)
    }
}

impl<T: Serialize> Encoder<T> for Wire {
    type Error = <JsonSerdeCodec as Encoder<T>>::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        JsonSerdeCodec::encode(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Wire {
    type Error = Unreadable;
    type Encoded = str;

    fn decode(json: &str) -> Result<T, Unreadable> {
        read(json.as_bytes())
    }
}
