//! Issuing and reading the two tokens.

use super::signing_keys::{SigningKey, SigningKeys, is_key_id};
use crate::{
    model::TokenLife,
    server::{
        clock::Timestamp,
        domain::{
            access_token::{AccessToken, AnyClaims, Claims, ClaimsError, PlainAccessToken},
            refresh_token::{PlainRefreshToken, PresentedRefreshToken, RefreshToken},
            session::Session,
            upstream_token::{Bearer, UpstreamClaims},
        },
        keyring::Keyring,
        random,
    },
};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, sync::Arc, time::Duration};

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

/// What a client gets in its own name.
#[derive(Clone, Debug)]
pub struct IssuedForClient {
    pub access: PlainAccessToken,
    pub expires_in: Duration,
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
    UnknownKey(String),
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

impl AccessTokenError {
    /// Whether no server will ever take this token: the only case in which its cookie may be deleted.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::UnknownKey(_))
    }
}

/// Issues and reads tokens under this application's keys.
pub struct Tokens {
    keyring: Arc<Keyring>,
    keys: Arc<SigningKeys>,
    validation: Validation,
    /// The same for tokens that may be for somebody else.
    any_audience: Validation,
    issuer: String,
    access_ttl: Duration,
}

impl Tokens {
    /// `issuer` is the public origin; it is the audience as well, because these tokens are for this application.
    #[must_use]
    pub fn new(keyring: Arc<Keyring>, keys: Arc<SigningKeys>, issuer: &str, access_ttl: Duration) -> Self {
        let validation = validation(issuer);
        let mut any_audience = validation.clone();
        (any_audience.validate_aud, any_audience.aud) = (false, None);
        Self { keyring, keys, validation, any_audience, issuer: issuer.to_owned(), access_ttl }
    }

    /// The public origin, which names this application in tokens (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    #[must_use]
    pub const fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }

    /// Issues the tokens of a session's present generation.
    ///
    /// # Panics
    ///
    /// Never: there is a key at any time, it was checked when it was loaded, and the claims are plain data.
    #[must_use]
    pub fn issue(&self, session: &Session, now: Timestamp) -> IssuedTokens {
        let claims = Claims::of(session, &self.issuer, &self.issuer, random::id(now), now, self.access_ttl);
        let refresh = RefreshToken { session_id: session.id, generation: session.generation };
        IssuedTokens {
            access: self.sign(&claims, now),
            refresh: self.keyring.refresh_tokens().seal(refresh),
            life: TokenLife { issued_at: claims.iat, expires_at: claims.exp },
            refresh_life: session.remaining(now),
        }
    }

    /// Issues an access token in the name of a client itself, for an audience of its own or else this application.
    ///
    /// # Panics
    ///
    /// Never, as [`Self::issue`].
    #[must_use]
    pub fn issue_for_client(&self, client: &str, audience: Option<&str>, now: Timestamp) -> IssuedForClient {
        let audience = audience.unwrap_or(&self.issuer);
        let token_id = random::id(now);
        let claims = UpstreamClaims::of(Bearer::Client, client, &self.issuer, audience, token_id, now, self.access_ttl);
        IssuedForClient { access: self.sign(&claims, now), expires_in: self.access_ttl }
    }

    /// Reads an access token that holds at `now`.
    ///
    /// # Errors
    ///
    /// [`AccessTokenError`]. The token's own header chooses nothing: the algorithm is ours, the key one of ours.
    pub async fn read_access(&self, text: &str, now: Timestamp) -> Result<AccessToken, AccessTokenError> {
        let claims: Claims = self.read(text, &self.validation, now).await?;
        Ok(claims.check_times(now, self.access_ttl)?)
    }

    /// Reads any access token issued here that holds at `now`, whoever it is for, without taking it for a proof of who
    /// is asking.
    ///
    /// # Errors
    ///
    /// [`AccessTokenError`].
    pub async fn inspect(&self, text: &str, now: Timestamp) -> Result<AnyClaims, AccessTokenError> {
        let claims: AnyClaims = self.read(text, &self.any_audience, now).await?;
        claims.check_times(now, self.access_ttl)?;
        Ok(claims)
    }

    async fn read<C: DeserializeOwned>(
        &self,
        text: &str,
        validation: &Validation,
        now: Timestamp,
    ) -> Result<C, AccessTokenError> {
        match self.read_by_known_keys(text, validation, now) {
            // Another server may have made the key a moment ago.
            Err(AccessTokenError::UnknownKey(id)) if self.keys.look_up(&id, now).await => {
                self.read_by_known_keys(text, validation, now)
            }
            read => read,
        }
    }

    fn read_by_known_keys<C: DeserializeOwned>(
        &self,
        text: &str,
        validation: &Validation,
        now: Timestamp,
    ) -> Result<C, AccessTokenError> {
        if text.len() > MAX_BYTES {
            return Err(AccessTokenError::Invalid(None));
        }
        let header = decode_header(text).map_err(|error| AccessTokenError::Invalid(Some(error)))?;
        if !header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(AccessTokenError::WrongType);
        }
        let id = header.kid.filter(|id| is_key_id(id)).ok_or(AccessTokenError::Invalid(None))?;
        let keys = self.keys.current();
        let Some(key) = keys.trusted(&id, now) else { return Err(AccessTokenError::UnknownKey(id)) };
        let token = decode::<C>(text, &key.verifying, validation);
        token.map(|token| token.claims).map_err(|error| AccessTokenError::Invalid(Some(error)))
    }

    /// Signs the claims of an access token.
    ///
    /// # Panics
    ///
    /// Never, as [`Self::issue`].
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize, now: Timestamp) -> PlainAccessToken {
        let keys = self.keys.current();
        let key = keys.signing(now).expect("of the keys that were loaded, one signs at any time");
        let text = encode(&header(key), claims, &key.signing).expect("plain claims are signed under a checked key");
        PlainAccessToken::new(text)
    }

    /// Opens a refresh token as a request presents it, of whatever generation.
    #[must_use]
    pub fn present_refresh(&self, text: &str) -> PresentedRefreshToken {
        self.keyring.refresh_tokens().present(text)
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

/// `jsonwebtoken` checks signature, algorithm, issuer, audience, that every claim is there, and refuses critical header
/// parameters it does not know (RFC 7515 §4.1.11). The times are checked by [`Claims::check_times`], against our clock
/// and with our leeway.
fn validation(issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "sub", "aud"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[issuer]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn header(key: &SigningKey) -> Header {
    Header { typ: Some(TYPE.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) }
}
