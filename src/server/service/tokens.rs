//! Issues and verifies access tokens and refresh tokens.

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
/// Tokens issued here have around 600 bytes; longer ones are refused before parsing.
const MAX_BYTES: usize = 4096;

/// The tokens issued to a browser, and how long each lives.
#[derive(Clone, Debug)]
pub struct IssuedTokens {
    pub access: PlainAccessToken,
    pub refresh: PlainRefreshToken,
    pub life: TokenLife,
    /// The remaining life of the session.
    pub refresh_life: Duration,
}

/// The token issued to a client for itself.
#[derive(Clone, Debug)]
pub struct IssuedForClient {
    pub access: PlainAccessToken,
    pub expires_in: Duration,
}

/// Why a text is not a valid access token.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    #[error("the access token was not issued by this application")]
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
    /// Whether no server will ever accept this token: the only case in which its cookie may be deleted.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::UnknownKey(_))
    }
}

/// Issues and verifies tokens under this application's keys.
pub struct Tokens {
    keyring: Arc<Keyring>,
    keys: Arc<SigningKeys>,
    validation: Validation,
    /// The same for tokens of any audience.
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

    /// Issues the tokens of a session's current generation.
    ///
    /// # Panics
    ///
    /// Never: there is a signing key at any time, it was checked when it was loaded, and the claims are plain data.
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

    /// Issues an access token for a client itself, for its own audience or else for this application.
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

    /// Verifies an access token at `now`.
    ///
    /// # Errors
    ///
    /// [`AccessTokenError`] if it is not valid at `now`. The token's header chooses nothing: the algorithm is fixed,
    /// and the key is one of this application's.
    pub async fn read_access(&self, text: &str, now: Timestamp) -> Result<AccessToken, AccessTokenError> {
        let claims: Claims = self.read(text, &self.validation, now).await?;
        Ok(claims.check_times(now, self.access_ttl)?)
    }

    /// Verifies any access token issued here at `now`, for any audience. The result does not authenticate the caller.
    ///
    /// # Errors
    ///
    /// [`AccessTokenError`] if it is not valid at `now`.
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
        let key = keys.signing(now).expect("one of the loaded keys signs at any time");
        let text = encode(&header(key), claims, &key.signing).expect("plain claims are signed under a checked key");
        PlainAccessToken::new(text)
    }

    /// Verifies a refresh token of any generation as a request presents it.
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

/// `jsonwebtoken` checks signature, algorithm, issuer, audience and that every claim is present, and refuses critical
/// header parameters it does not know (RFC 7515 §4.1.11). The times are checked by [`Claims::check_times`], with the
/// server's clock and its leeway.
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
