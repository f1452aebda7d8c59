//! The public id of a session, for pages.
//!
//! The id inside the tokens is not shown on pages: it links tokens, log and store, while a page is read by scripts and
//! extensions and ends up in screenshots. So pages get the id encrypted under a key of its own. Unlike a second random
//! id, this takes no column and no index and can be decrypted to its session. It is not a credential, because the
//! caller has to own that session.

use super::session::SessionId;
use crate::server::redacted::redacted;
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// The version of the key, and the block.
const BYTES: usize = 17;
/// The length of every public id as text.
const CHARS: usize = (BYTES * 4).div_ceil(3);

/// Encrypts ids of sessions to public ids, and decrypts them. Holds the version of the master secret it was derived
/// from.
pub struct PublicIdKey {
    version: u8,
    encrypting: EncryptingKey,
    decrypting: DecryptingKey,
}

impl PublicIdKey {
    /// # Panics
    ///
    /// Never: the length is fixed.
    #[must_use]
    pub fn new(version: u8, secret: &[u8; 32]) -> Self {
        let key = || UnboundCipherKey::new(&AES_256, secret).expect("32 bytes are an AES-256 key");
        // An id is exactly one block and unique: a block cipher without a mode suffices.
        Self {
            version,
            encrypting: EncryptingKey::ecb(key()).expect("AES-256 has this mode"),
            decrypting: DecryptingKey::ecb(key()).expect("AES-256 has this mode"),
        }
    }

    /// The public id of a session; always the same.
    ///
    /// # Panics
    ///
    /// Never: an id is one block.
    #[must_use]
    pub fn hide(&self, id: SessionId) -> String {
        let mut block = *id.as_uuid().as_bytes();
        self.encrypting.less_safe_encrypt(&mut block, EncryptionContext::None).expect("an id is one block");
        let mut public = vec![self.version];
        public.extend(block);
        URL_SAFE_NO_PAD.encode(public)
    }

    /// The session id of a public id of this version. Whether the session exists has to be looked up in the store.
    #[must_use]
    pub fn reveal(&self, public: &str) -> Option<SessionId> {
        if public.len() != CHARS {
            return None;
        }
        let public: [u8; BYTES] = URL_SAFE_NO_PAD.decode(public).ok()?.try_into().ok()?;
        let (version, block) = public.split_first_chunk::<1>()?;
        if *version != [self.version] {
            return None;
        }
        let mut block: [u8; 16] = block.try_into().ok()?;
        self.decrypting.decrypt(&mut block, DecryptionContext::None).ok()?;
        Some(SessionId::from_uuid(Uuid::from_bytes(block)))
    }
}

redacted!(PublicIdKey);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_public_id_leads_back_to_its_session() {
        let key = PublicIdKey::new(1, &[7; 32]);
        for number in [0, 1, u128::MAX, 0x0193_5f5a_7c00_7abc_8def_0123_4567_89ab] {
            let public = key.hide(id(number));
            assert_eq!(public.len(), CHARS);
            assert_eq!(key.reveal(&public), Some(id(number)));
            assert_eq!(key.hide(id(number)), public);
        }
    }

    #[test]
    fn it_reveals_nothing_about_the_session() {
        let (key, other) = (PublicIdKey::new(1, &[7; 32]), PublicIdKey::new(1, &[8; 32]));
        let neighbours: Vec<String> = (0..100).map(|number| key.hide(id(number))).collect();
        assert!(neighbours.windows(2).all(|pair| pair[0].get(2..10) != pair[1].get(2..10)), "{neighbours:?}");
        assert_ne!(other.reveal(&neighbours[1]), Some(id(1)), "each master secret has public ids of its own");
        assert_eq!(PublicIdKey::new(2, &[7; 32]).reveal(&neighbours[1]), None, "a public id of another version");
        assert!(!format!("{key:?}").contains('7'));
    }

    #[test]
    fn anything_else_is_not_a_public_id() {
        let key = PublicIdKey::new(1, &[7; 32]);
        let padded = key.hide(id(1)) + "==";
        let long = "A".repeat(1_000_000);
        for text in
            ["", "x", "01935f5a-7c00-7abc-8def-0123456789ab", &padded, &long, &"=".repeat(CHARS), &"é".repeat(11)]
        {
            assert_eq!(key.reveal(text), None, "{text:.40}");
        }
        assert!(key.reveal(&("AQ".to_owned() + &"A".repeat(21))).is_some());
        assert_eq!(key.reveal(&("AQ".to_owned() + &"A".repeat(20) + "B")), None, "one id has one spelling");
    }
}
