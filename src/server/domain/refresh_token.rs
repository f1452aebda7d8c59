//! The refresh token: a session, a generation, and a MAC over both.
//!
//! No token is stored, so nothing in the database can be replayed. The wire format, base64url:
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | format, `FORMAT` |
//! | 1 | version of the key |
//! | 16 | session id |
//! | 4 | generation, big-endian |
//! | 32 | HMAC-SHA256 over all before |

use super::session::{Generation, SessionId};
use crate::server::redacted::redacted;
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

const FORMAT: u8 = 1;
const SIGNED_BYTES: usize = 22;
const MAC_BYTES: usize = 32;
const TOKEN_BYTES: usize = SIGNED_BYTES + MAC_BYTES;
/// The length of every token as text.
const TOKEN_CHARS: usize = TOKEN_BYTES.div_ceil(3) * 4;

/// The content of a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefreshToken {
    pub session_id: SessionId,
    pub generation: Generation,
}

/// A refresh token that a request presents, verified: its content, or why it is not genuine.
///
/// It is verified once, where the request comes in. From there on this type is passed on, not the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedRefreshToken(Result<RefreshToken, RefreshTokenError>);

impl PresentedRefreshToken {
    /// The session that a genuine token belongs to, whatever its generation.
    #[must_use]
    pub fn session_id(self) -> Option<SessionId> {
        self.0.ok().map(|token| token.session_id)
    }

    /// The token.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenError`] if it is malformed, forged, or made under a key that this server lacks.
    pub const fn genuine(self) -> Result<RefreshToken, RefreshTokenError> {
        self.0
    }
}

/// A refresh token as text, as the cookie carries it: a credential, not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainRefreshToken(String);

impl PlainRefreshToken {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

redacted!(PlainRefreshToken);

/// A key for refresh tokens, with the version of the master secret it was derived from.
#[derive(Debug)]
pub struct RefreshTokenKey {
    version: u8,
    key: hmac::Key,
}

/// Why a text is not a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshTokenError {
    /// Not in the format above: an old format, a truncated or a made-up value. Final.
    #[error("malformed refresh token")]
    Malformed,
    /// Made under a key version that this server lacks and another may have. Not final.
    #[error("refresh token of the unknown key version {0}")]
    UnknownKey(u8),
    /// The MAC does not match. Final.
    #[error("forged refresh token")]
    Forged,
}

impl RefreshTokenKey {
    #[must_use]
    pub fn new(version: u8, secret: &[u8; 32]) -> Self {
        Self { version, key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }
}

/// The keys for refresh tokens: the first one signs, all of them verify.
#[derive(Debug)]
pub struct RefreshTokenKeys(Vec<RefreshTokenKey>);

impl RefreshTokenKeys {
    /// # Panics
    ///
    /// If there is no key.
    #[must_use]
    pub fn new(keys: Vec<RefreshTokenKey>) -> Self {
        assert!(!keys.is_empty(), "there is a key to sign with");
        Self(keys)
    }

    /// Encodes and signs a token. The same session and generation always give the same text, so all requests in a race
    /// get the same successor.
    #[must_use]
    pub fn seal(&self, token: RefreshToken) -> PlainRefreshToken {
        let RefreshTokenKey { version, key } = &self.0[0];
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.extend([FORMAT, *version]);
        bytes.extend(token.session_id.as_uuid().as_bytes());
        bytes.extend(token.generation.number().to_be_bytes());
        let mac = hmac::sign(key, &bytes);
        bytes.extend(mac.as_ref());
        PlainRefreshToken(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Verifies a token as a request presents it.
    #[must_use]
    pub fn present(&self, text: &str) -> PresentedRefreshToken {
        PresentedRefreshToken(self.open(text))
    }

    /// Parses and verifies a token; the MAC is compared in constant time.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenError`] if this is not a token made under one of these keys.
    fn open(&self, text: &str) -> Result<RefreshToken, RefreshTokenError> {
        use RefreshTokenError::{Forged, Malformed, UnknownKey};

        if text.len() != TOKEN_CHARS {
            return Err(Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)?;
        let (signed, mac) = bytes.split_at_checked(SIGNED_BYTES).ok_or(Malformed)?;
        let (head, rest) = signed.split_first_chunk::<2>().ok_or(Malformed)?;
        let (id, generation) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
        let generation: [u8; 4] = generation.try_into().map_err(|_| Malformed)?;
        let [FORMAT, version] = *head else { return Err(Malformed) };
        let key = self.0.iter().find(|key| key.version == version).ok_or(UnknownKey(version))?;
        hmac::verify(&key.key, signed, mac).map_err(|_| Forged)?;
        Ok(RefreshToken {
            session_id: SessionId::from_uuid(Uuid::from_bytes(*id)),
            generation: Generation::new(u32::from_be_bytes(generation)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(version: u8, secret: u8) -> RefreshTokenKeys {
        RefreshTokenKeys::new(vec![RefreshTokenKey::new(version, &[secret; 32])])
    }

    fn key() -> RefreshTokenKeys {
        key_of(1, 7)
    }

    fn token() -> RefreshToken {
        RefreshToken {
            session_id: SessionId::from_uuid(Uuid::from_u128(0x0123_4567_89ab)),
            generation: Generation::new(42),
        }
    }

    #[test]
    fn a_token_round_trips_and_is_deterministic() {
        let plain = key().seal(token());
        assert_eq!(plain.as_str().len(), TOKEN_CHARS);
        assert_eq!(key().open(plain.as_str()), Ok(token()));
        assert_eq!(key().seal(token()), plain);
        assert_eq!(format!("{plain:?}"), "PlainRefreshToken(…)");
    }

    #[test]
    fn every_changed_character_is_detected() {
        let plain = key().seal(token());
        for position in 0..TOKEN_CHARS {
            for replacement in ['A', 'b', '9', '-', '_', '=', ' ', 'é'] {
                let changed: String =
                    plain.as_str().char_indices().map(|(at, c)| if at == position { replacement } else { c }).collect();
                if changed != plain.as_str() {
                    assert!(key().open(&changed).is_err(), "{position} {replacement}");
                }
            }
        }
    }

    #[test]
    fn a_token_of_another_key_or_format_has_its_own_error() {
        let other_secret = key_of(1, 8).seal(token());
        assert_eq!(key().open(other_secret.as_str()), Err(RefreshTokenError::Forged));
        let other_version = key_of(2, 7).seal(token());
        assert_eq!(key().open(other_version.as_str()), Err(RefreshTokenError::UnknownKey(2)));
        let long = "A".repeat(1_000_000);
        for text in ["", "x", &long, &"A".repeat(TOKEN_CHARS), &"=".repeat(TOKEN_CHARS)] {
            assert_eq!(key().open(text), Err(RefreshTokenError::Malformed));
        }
    }

    #[test]
    fn the_first_key_signs_and_all_of_them_verify() {
        let [one, two] = [1, 2].map(|version| move || RefreshTokenKey::new(version, &[version; 32]));
        let (old, both, turned) = (
            RefreshTokenKeys::new(vec![one()]),
            RefreshTokenKeys::new(vec![two(), one()]),
            RefreshTokenKeys::new(vec![one(), two()]),
        );
        for maker in [&old, &both, &turned] {
            let plain = maker.seal(token());
            assert_eq!(both.open(plain.as_str()), Ok(token()));
            assert_eq!(turned.open(plain.as_str()), Ok(token()));
        }
        assert_eq!(old.seal(token()), turned.seal(token()));
        assert_eq!(old.open(both.seal(token()).as_str()), Err(RefreshTokenError::UnknownKey(2)));
    }
}
