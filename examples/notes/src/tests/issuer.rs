//! Somebody who issues tokens and publishes the keys for them.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::Uri;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use std::{
    future::IntoFuture as _,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::Notify};

pub const NAME: &str = "http://issuer.test";
pub const AUDIENCE: &str = "notes";

/// What the issuer publishes, and how often it was asked for it.
#[derive(Default)]
struct Published {
    answer: Mutex<(StatusCode, String)>,
    asked: Mutex<u32>,
    held_back: Mutex<Option<Arc<Notify>>>,
}

pub struct Issuer {
    pub url: Uri,
    published: Arc<Published>,
}

/// A key that signs tokens.
pub struct SigningKey {
    pub name: String,
    pair: Ed25519KeyPair,
}

impl Issuer {
    /// Publishes these keys.
    pub async fn with(keys: &[&SigningKey]) -> Self {
        let published = Arc::new(Published::default());
        let answer = async |State(published): State<Arc<Published>>| {
            *published.asked.lock().unwrap() += 1;
            let held_back = published.held_back.lock().unwrap().clone();
            if let Some(go) = held_back {
                go.notified().await;
            }
            published.answer.lock().unwrap().clone()
        };
        let router = Router::new().route("/jwks", get(answer)).with_state(Arc::clone(&published));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        let issuer = Self { url, published };
        issuer.publish(keys);
        issuer
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.as_jwk()).collect();
        self.answer(StatusCode::OK, &json!({ "keys": keys }).to_string());
    }

    pub fn answer(&self, status: StatusCode, body: &str) {
        *self.published.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// Answers nobody until told to.
    pub fn hold_back(&self) -> Arc<Notify> {
        let go = Arc::new(Notify::new());
        *self.published.held_back.lock().unwrap() = Some(Arc::clone(&go));
        go
    }

    pub fn times_asked(&self) -> u32 {
        *self.published.asked.lock().unwrap()
    }
}

impl SigningKey {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), pair: Ed25519KeyPair::generate().unwrap() }
    }

    /// A token for this person that holds for an hour.
    pub fn token_of(&self, person: &str) -> String {
        self.sign(&self.header(), &claims(person))
    }

    pub fn header(&self) -> Header {
        Header { typ: Some("at+jwt".to_owned()), kid: Some(self.name.clone()), ..Header::new(Algorithm::EdDSA) }
    }

    pub fn sign(&self, header: &Header, claims: &Value) -> String {
        let pkcs8: Pkcs8V1Der<'_> = self.pair.as_der().unwrap();
        encode(header, claims, &EncodingKey::from_ed_der(pkcs8.as_ref())).unwrap()
    }

    /// Signs whatever is written, where the library would refuse to write it.
    pub fn sign_text(&self, header: &str, claims: &Value) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes())))
    }

    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub fn as_jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.public());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.name, "x": x })
    }
}

/// What a good token for this person says.
pub fn claims(person: &str) -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": NAME,
        "sub": person,
        "aud": AUDIENCE,
        "exp": now + 3600,
        "nbf": now,
        "iat": now,
        "jti": "0193",
        "client_id": "web",
    })
}
