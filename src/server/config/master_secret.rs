//! One version of the secret that every key is derived from.

use crate::server::{random, redacted::redacted};
use aws_lc_rs::constant_time;
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use std::{collections::BTreeSet, str::FromStr};

/// Base64url without padding, which does not mind how the last character's spare bits are set.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// At least 32 bytes that cannot be guessed. `Debug` does not show them.
#[derive(Clone)]
pub struct MasterSecret(Box<[u8]>);

/// Why a text is no master secret. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    #[error("is not base64")]
    NotBase64,
    #[error("is shorter than 32 bytes")]
    TooShort,
    #[error("is not random: it repeats itself")]
    Pattern,
}

impl MasterSecret {
    /// The shortest secret accepted, and the length of a generated one, in bytes.
    pub const MIN_BYTES: usize = 32;

    const MIN_DISTINCT_BYTES: usize = 16;

    /// The secret itself, to derive keys from.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A new secret.
    pub(super) fn generate() -> Self {
        Self(Box::new(random::bytes::<{ Self::MIN_BYTES }>()))
    }

    pub(super) fn to_base64(&self) -> String {
        BASE64.encode(&self.0)
    }
}

/// Base64 with either alphabet, padded or not; white space around it does not count.
impl FromStr for MasterSecret {
    type Err = WeakSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
        let bytes = BASE64.decode(&text).map_err(|_| WeakSecret::NotBase64)?;
        if bytes.len() < Self::MIN_BYTES {
            return Err(WeakSecret::TooShort);
        }
        let distinct = bytes.iter().collect::<BTreeSet<_>>().len();
        if distinct < Self::MIN_DISTINCT_BYTES || is_pattern(text.as_bytes()) || is_staircase(&bytes) {
            return Err(WeakSecret::Pattern);
        }
        Ok(Self(bytes.into()))
    }
}

impl PartialEq for MasterSecret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for MasterSecret {}

redacted!(MasterSecret);

/// Whether something is written over and over, like `changeme-changeme-changeme`.
fn is_pattern(text: &[u8]) -> bool {
    (1..=text.len() / 2).any(|period| text.iter().zip(&text[period..]).all(|(one, next)| one == next))
}

/// Whether each byte is as much above the one before, like the `00 01 02 03` of examples.
fn is_staircase(bytes: &[u8]) -> bool {
    bytes.windows(3).all(|three| three[1].wrapping_sub(three[0]) == three[2].wrapping_sub(three[1]))
}
