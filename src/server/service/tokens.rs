//! Issuing and reading the two tokens.

use crate::{
    model::TokenLife,
    server::{
        clock::Timestamp,
        domain::{
            access_token::{AccessToken, Claims, ClaimsError, PlainAccessToken},
            refresh_token::{PlainRefreshToken, RefreshToken, RefreshTokenError},
            session::Session,
        },
        keyring::{Keyring, Unsealable},
        random,
        store::{Store, StoreError, StoredSigningKey},
    },
};
use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

/// The media type of an access token (RFC 9068 §2.1); no other kind of JWT carries it.
const TYPE: &str = "at+jwt";
/// Ours are around 600 bytes; nothing longer is looked at.
const MAX_BYTES: usize = 4096;

/// What a browser gets: both tokens, and how long each lives.
#[derive(Clone, Debug)]
pub struct IssuedTokens {
    pub access: PlainAccessToken,
    pub refresh: PlainRefreshToken,
    pub life: TokenLife,
    /// What is left of the session.
    pub refresh_life: Duration,
}

/// Why a text is no access token that holds now.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    #[error("the access token is not one of ours")]
    Invalid(#[source] Option<jsonwebtoken::errors::Error>),
    #[error("the access token is of another type")]
    WrongType,
    /// Signed under a key this server does not know (yet).
    #[error("the access token names an unknown key")]
    UnknownKey,
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

/// Why the keys could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key in the database cannot be read")]
    Unsealable(#[from] Unsealable),
    #[error("the signing key in the database is no Ed25519 key")]
    Unusable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues and reads tokens under this application's keys.
pub struct Tokens {
    keyring: Arc<Keyring>,
    signing: SigningKey,
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
    issuer: String,
    access_ttl: Duration,
}

struct SigningKey {
    header: Header,
    key: EncodingKey,
}

impl Tokens {
    /// Loads the signing keys, making the first one if there is none.
    ///
    /// `issuer` is the public origin; it is the audience as well, because these tokens are for this application.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub async fn load(
        store: &dyn Store,
        keyring: Arc<Keyring>,
        issuer: &str,
        access_ttl: Duration,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let mut stored = store.list_signing_keys().await?;
        if stored.is_empty() {
            store.add_first_signing_key(&new_signing_key(&keyring, now)?).await?;
            stored = store.list_signing_keys().await?;
        }
        let mut verifying = HashMap::new();
        let mut newest = None;
        for key in stored {
            let pkcs8 = keyring.open(&purpose(&key.id), &key.sealed)?;
            let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError::Unusable)?;
            verifying.insert(key.id.clone(), DecodingKey::from_ed_der(pair.public_key().as_ref()));
            newest.get_or_insert_with(|| SigningKey { header: header(key.id), key: EncodingKey::from_ed_der(&pkcs8) });
        }
        let signing = newest.ok_or(KeyError::Unusable)?;
        Ok(Self { keyring, signing, verifying, validation: validation(issuer), issuer: issuer.to_owned(), access_ttl })
    }

    /// Issues the tokens of a session's present generation.
    ///
    /// # Panics
    ///
    /// Never: the key was checked when it was loaded, and the claims are plain data.
    #[must_use]
    pub fn issue(&self, session: &Session, now: Timestamp) -> IssuedTokens {
        let claims = Claims::of(session, &self.issuer, &self.issuer, random::id(now), now, self.access_ttl);
        let access = encode(&self.signing.header, &claims, &self.signing.key)
            .expect("plain claims are signed under a checked key");
        let refresh = RefreshToken { session_id: session.id, generation: session.generation };
        IssuedTokens {
            access: PlainAccessToken::new(access),
            refresh: self.keyring.refresh_tokens().seal(refresh),
            life: TokenLife { issued_at: claims.iat, expires_at: claims.exp },
            refresh_life: session.remaining(now),
        }
    }

    /// Reads an access token that holds at `now`.
    ///
    /// # Errors
    ///
    /// [`AccessTokenError`]. The token's own header chooses nothing: the algorithm is ours, the key one of ours.
    pub fn read_access(&self, text: &str, now: Timestamp) -> Result<AccessToken, AccessTokenError> {
        if text.len() > MAX_BYTES {
            return Err(AccessTokenError::Invalid(None));
        }
        let header = decode_header(text).map_err(|error| AccessTokenError::Invalid(Some(error)))?;
        if !header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) || header.crit.is_some() {
            return Err(AccessTokenError::WrongType);
        }
        let key = header.kid.and_then(|id| self.verifying.get(&id)).ok_or(AccessTokenError::UnknownKey)?;
        let token =
            decode::<Claims>(text, key, &self.validation).map_err(|error| AccessTokenError::Invalid(Some(error)))?;
        Ok(token.claims.check_times(now, self.access_ttl)?)
    }

    /// Reads a refresh token, of whatever generation.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenError`].
    pub fn read_refresh(&self, text: &str) -> Result<RefreshToken, RefreshTokenError> {
        self.keyring.refresh_tokens().open(text)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("access_ttl", &self.access_ttl)
            .finish_non_exhaustive()
    }
}

/// `jsonwebtoken` checks signature, algorithm, issuer, audience and that every claim is there. The times are checked
/// by [`Claims::check_times`], against our clock and with our leeway.
fn validation(issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "sub", "aud"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[issuer]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn header(key_id: String) -> Header {
    Header { typ: Some(TYPE.to_owned()), kid: Some(key_id), ..Header::new(Algorithm::EdDSA) }
}

fn new_signing_key(keyring: &Keyring, now: Timestamp) -> Result<StoredSigningKey, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Unusable)?;
    let thumbprint = digest::digest(&digest::SHA256, pair.public_key().as_ref());
    let id = URL_SAFE_NO_PAD.encode(thumbprint.as_ref().get(..12).unwrap_or_default());
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Unusable)?;
    let sealed = keyring.seal(&purpose(&id), pkcs8.as_ref());
    Ok(StoredSigningKey { id, sealed, created_at: now })
}

fn purpose(key_id: &str) -> String {
    format!("signing key {key_id}")
}
