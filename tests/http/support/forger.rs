//! Forges access tokens.

use super::TestApp;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// An access token, taken apart.
pub struct Parts {
    pub header: Value,
    pub claims: Value,
    /// The two parts as they are signed.
    pub signed: String,
    pub signature: String,
}

impl Parts {
    pub fn of(token: &str) -> Self {
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let (header, claims) = signed.split_once('.').expect("two parts");
        let read = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON");
        Self { header: read(header), claims: read(claims), signed: signed.to_owned(), signature: signature.to_owned() }
    }
}

/// An attacker with a key, the application's or their own, who signs arbitrary tokens.
pub struct Forger(pub Ed25519KeyPair);

impl Forger {
    /// With the application's key: only the claims can be wrong.
    pub async fn with_our_key(app: &TestApp) -> Self {
        let keys = app.store.list_signing_keys().await.expect("the store responds");
        let pkcs8 = app.state.keyring.open(&format!("signing key {}", keys[0].id), &keys[0].sealed).expect("our key");
        Self(Ed25519KeyPair::from_pkcs8(&pkcs8).expect("a key"))
    }

    pub fn with_their_own_key() -> Self {
        Self(Ed25519KeyPair::generate().expect("a key"))
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())))
    }
}

/// `object` with these members; a `null` removes one.
pub fn with(object: &Value, changes: Value) -> Value {
    let mut result = object.clone();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        match value {
            Value::Null => drop(result.as_object_mut().expect("an object").remove(&name)),
            value => result[name] = value,
        }
    }
    result
}
