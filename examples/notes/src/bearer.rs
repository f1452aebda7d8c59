//! Who is asking: read from the access token that every request carries (RFC 6750 §2.1), checked as RFC 9068 §4 wants.
//!
//! The token's own header chooses nothing but the key, and that among the published ones.

use crate::{
    error::Error,
    keys::{KeyError, Keys},
    routes::Service,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, get_current_timestamp};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// How far the clocks of issuer and service may be apart.
const LEEWAY_SECS: u64 = 5;
/// Nothing longer is looked at.
const MAX_BYTES: usize = 8 * 1024;

/// Whose notes these are: the `sub` of the issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a good token says. A handler that takes it as an argument is reached by nobody else.
#[derive(Debug)]
pub struct Bearer {
    pub owner: Owner,
    /// In Unix seconds.
    expires_at: u64,
}

impl Bearer {
    /// How long the token is still good for.
    pub fn time_left(&self) -> Duration {
        Duration::from_secs(self.expires_at.saturating_sub(get_current_timestamp()))
    }
}

impl FromRequestParts<Service> for Bearer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Error> {
        service.tokens.check(token_of(&parts.headers)?).await
    }
}

/// The one token of a request.
fn token_of(headers: &HeaderMap) -> Result<&str, Error> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (line, more) = (lines.next().ok_or(Error::Unauthenticated)?, lines.next());
    if more.is_some() {
        return Err(Error::BadRequest);
    }
    let (scheme, token) = line.to_str().ok().and_then(|line| line.split_once(' ')).ok_or(Error::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("Bearer") { Ok(token.trim_start()) } else { Err(Error::Unauthenticated) }
}

/// The claims that this service reads, and those that RFC 9068 §2.2 wants to be there.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(rename = "iss")]
    _iss: String,
    #[serde(rename = "iat")]
    _iat: u64,
    #[serde(rename = "jti")]
    _jti: String,
    #[serde(rename = "client_id")]
    _client_id: String,
}

/// Checks tokens.
pub struct TokenCheck {
    keys: Arc<Keys>,
    validation: Validation,
}

impl TokenCheck {
    /// For tokens that `issuer` has issued for `audience`.
    pub fn new(issuer: &str, audience: &str, keys: Arc<Keys>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_SECS;
        Self { keys, validation }
    }

    /// Reads a token that holds now. Why another one does not is for the log; whoever sent it only hears that it
    /// does not.
    pub async fn check(&self, token: &str) -> Result<Bearer, Error> {
        let kid = kid_of(token).ok_or(Error::InvalidToken)?;
        let key = match self.keys.find(&kid).await {
            Ok(key) => key,
            Err(KeyError::Unknown) => return Err(refuse("it names an unknown key")),
            Err(KeyError::Unavailable) => return Err(Error::Unavailable),
        };
        let claims = decode::<Claims>(token, &key, &self.validation).map_err(refuse)?.claims;
        Ok(Bearer { owner: Owner(claims.sub), expires_at: claims.exp })
    }
}

/// The name of the key that an access token says to be signed with. Nothing for any other kind of token: an ID token
/// under the same key is good for something else.
fn kid_of(token: &str) -> Option<String> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let header = decode_header(token).ok()?;
    let typ = header.typ?.to_ascii_lowercase();
    let is_access_token = matches!(typ.as_str(), "at+jwt" | "application/at+jwt");
    header.kid.filter(|_| is_access_token && header.alg == Algorithm::EdDSA)
}

fn refuse(why: impl std::fmt::Display) -> Error {
    tracing::info!(%why, "refused a token");
    Error::InvalidToken
}
