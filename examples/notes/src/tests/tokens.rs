//! Which tokens are good for anything here, and when the issuer is asked for its keys.

use super::{
    issuer::{Issuer, SigningKey, claims},
    people::Stage,
};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use futures::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const LONG: Duration = Duration::from_hours(1);
const INVALID: Option<&str> = Some("Bearer error=\"invalid_token\"");

/// The claims of a good token with some of them changed; a `null` takes one away.
fn with(changes: Value) -> Value {
    let mut claims = claims("alice");
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(&name)),
            value => claims[name] = value,
        }
    }
    claims
}

#[tokio::test]
async fn a_request_without_a_token_is_told_to_bring_one() {
    let key = SigningKey::new("key");
    let stage = Stage::new(&Issuer::with(&[&key]).await, LONG).await;
    let nobody = stage.holder_of("");
    for path in ["/", "/x", "/changes"] {
        let answer = nobody.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.assert_refusal(401, "unauthenticated").challenge(), Some("Bearer"), "{path}");
    }
    let basic = Request::get("/").header(header::AUTHORIZATION, "Basic YTpi");
    nobody.send(basic.body(Body::empty()).unwrap()).await.assert_refusal(401, "unauthenticated");
    nobody.send(Request::get("/health").body(Body::empty()).unwrap()).await.assert_status(204);

    let token = key.token_of("alice");
    let ask = async |lines: &[String]| {
        let request = lines.iter().fold(Request::get("/"), |r, line| r.header(header::AUTHORIZATION, line));
        nobody.send(request.body(Body::empty()).unwrap()).await
    };
    ask(&[format!("bearer {token}")]).await.assert_status(200);
    ask(&[format!("Bearer {token}"), format!("Bearer {token}")]).await.assert_refusal(400, "bad_request");
}

#[tokio::test]
async fn only_a_token_for_this_service_is_good() {
    let (key, stranger) = (SigningKey::new("key"), SigningKey::new("key"));
    let issuer = Issuer::with(&[&key]).await;
    let stage = Stage::new(&issuer, LONG).await;
    let now = get_current_timestamp();
    let good = claims("alice");
    let header = key.header();
    let typ = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..header.clone() };
    let signed = |claims: &Value| key.sign(&header, claims);
    let written = |header: &Value| key.sign_text(&header.to_string(), &good);

    for (what, token) in [
        ("as it should be", signed(&good)),
        ("its type in full", key.sign(&typ(Some("application/AT+JWT")), &good)),
        ("several audiences", signed(&with(json!({ "aud": ["others", "notes"] })))),
        ("no nbf", signed(&with(json!({ "nbf": null })))),
        ("a clock slightly ahead", signed(&with(json!({ "nbf": now + 2 })))),
    ] {
        assert_eq!(stage.holder_of(token).get("/").await.status, StatusCode::OK, "{what}");
    }

    let (head, rest) = signed(&good).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let public_key_as_secret = EncodingKey::from_secret(&key.public()).expect("not empty");
    let hmac = Header { alg: Algorithm::HS256, ..header.clone() };
    for (what, token) in [
        ("none at all", String::new()),
        ("no token", "abc".to_owned()),
        ("no signature", format!("{head}.{}.", rest.split_once('.').unwrap().0)),
        ("five parts", format!("{head}.{rest}.a.b")),
        ("padding", format!("{head}.{rest}=")),
        ("far too long", signed(&with(json!({ "sub": "a".repeat(10_000) })))),
        ("signed by a stranger", stranger.sign(&header, &good)),
        ("signed with the public key as a secret", encode(&hmac, &good, &public_key_as_secret).unwrap()),
        ("not signed", written(&json!({ "typ": "at+jwt", "alg": "none", "kid": "key" }))),
        ("an algorithm nobody knows", written(&json!({ "typ": "at+jwt", "alg": "EDDSA", "kid": "key" }))),
        ("no key named", written(&json!({ "typ": "at+jwt", "alg": "EdDSA" }))),
        ("a critical extension", written(&json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "key", "crit": ["b64"] }))),
        ("an ID token", key.sign(&typ(Some("JWT")), &good)),
        ("no type", key.sign(&typ(None), &good)),
        ("another issuer", signed(&with(json!({ "iss": "http://evil.test" })))),
        ("no issuer", signed(&with(json!({ "iss": null })))),
        ("several issuers", signed(&with(json!({ "iss": ["http://issuer.test"] })))),
        ("another audience", signed(&with(json!({ "aud": "others" })))),
        ("no audience", signed(&with(json!({ "aud": null })))),
        ("nobody", signed(&with(json!({ "sub": null })))),
        ("no client", signed(&with(json!({ "client_id": null })))),
        ("no name", signed(&with(json!({ "jti": null })))),
        ("no time of issue", signed(&with(json!({ "iat": null })))),
        ("over", signed(&with(json!({ "exp": now - 60 })))),
        ("without an end", signed(&with(json!({ "exp": null })))),
        ("an end in words", signed(&with(json!({ "exp": "never" })))),
        ("not yet good", signed(&with(json!({ "nbf": now + 60 })))),
    ] {
        let answer = stage.holder_of(token).get("/").await;
        assert_eq!((answer.status.as_u16(), answer.challenge()), (401, INVALID), "{what}");
        assert_eq!(answer.body, json!({ "code": "invalid_token" }), "{what}");
    }
    assert_eq!(issuer.times_asked(), 1, "whoever is refused causes no question");
}

#[tokio::test]
async fn a_new_key_is_found_when_it_signs_first() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = Issuer::with(&[&old]).await;
    let stage = Stage::new(&issuer, Duration::ZERO).await;
    stage.holder_of(old.token_of("alice")).get("/").await.assert_status(200);
    issuer.publish(&[&new, &old]);
    for key in [&new, &old, &new] {
        stage.holder_of(key.token_of("alice")).get("/").await.assert_status(200);
    }
    assert_eq!(issuer.times_asked(), 2);
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait_for_it() {
    let key = SigningKey::new("key");
    let issuer = Issuer::with(&[&key]).await;
    let go = issuer.hold_back();
    let stage = Stage::new(&issuer, Duration::ZERO).await;
    let alice = stage.holder_of(key.token_of("alice"));
    let all = join_all((0..50).map(|_| alice.get("/")));
    let (answers, ()) = tokio::join!(all, async {
        while issuer.times_asked() == 0 {
            tokio::task::yield_now().await;
        }
        go.notify_one();
    });
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(issuer.times_asked(), 1);
}

#[tokio::test]
async fn whoever_hangs_up_takes_nobody_elses_fetch_along() {
    let key = SigningKey::new("key");
    let issuer = Issuer::with(&[&key]).await;
    let go = issuer.hold_back();
    let stage = Stage::new(&issuer, LONG).await;
    let alice = stage.holder_of(key.token_of("alice"));
    tokio::select! {
        biased;
        _ = alice.get("/") => panic!("nothing was answered yet"),
        () = async { while issuer.times_asked() == 0 { tokio::task::yield_now().await } } => {}
    }
    go.notify_one();
    alice.get("/").await.assert_status(200);
    assert_eq!(issuer.times_asked(), 1);
}

#[tokio::test]
async fn made_up_keys_do_not_reach_the_issuer() {
    let key = SigningKey::new("key");
    let issuer = Issuer::with(&[&key]).await;
    let stage = Stage::new(&issuer, LONG).await;
    for number in 0..100 {
        let forged = SigningKey::new(&format!("../{number}")).token_of("alice");
        stage.holder_of(forged).get("/").await.assert_refusal(401, "invalid_token");
    }
    stage.holder_of(key.token_of("alice")).get("/").await.assert_status(200);
    assert_eq!(issuer.times_asked(), 1);
}

#[tokio::test]
async fn without_keys_nobody_is_called_a_forger() {
    let key = SigningKey::new("key");
    let issuer = Issuer::with(&[]).await;
    let stage = Stage::new(&issuer, Duration::ZERO).await;
    let alice = stage.holder_of(key.token_of("alice"));
    let too_long = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(100_000));
    for (status, body) in [(503, ""), (404, "{\"keys\": []}"), (200, "<html>"), (200, "{}"), (200, &too_long)] {
        issuer.answer(StatusCode::from_u16(status).unwrap(), body);
        let answer = alice.get("/").await.assert_refusal(503, "unavailable");
        assert_eq!(answer.headers[header::RETRY_AFTER], "5");
    }
    issuer.publish(&[&key]);
    alice.get("/").await.assert_status(200);
    issuer.answer(StatusCode::SERVICE_UNAVAILABLE, "");
    alice.get("/").await.assert_status(200);
}

#[tokio::test]
async fn a_withdrawn_key_is_not_believed_any_more() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = Issuer::with(&[&old]).await;
    let stage = Stage::new(&issuer, LONG).await;
    let alice = stage.holder_of(old.token_of("alice"));
    alice.get("/").await.assert_status(200);
    issuer.publish(&[&new]);
    let refreshing = tokio::spawn(Arc::clone(&stage.keys).keep_fresh(LONG));
    stage.holder_of(new.token_of("alice")).get("/").await;
    while alice.get("/").await.status == StatusCode::OK {
        tokio::task::yield_now().await;
    }
    refreshing.abort();
    alice.get("/").await.assert_refusal(401, "invalid_token");
}

#[tokio::test]
async fn keys_for_anything_else_are_passed_over() {
    let key = SigningKey::new("key");
    let issuer = Issuer::with(&[&key]).await;
    let stage = Stage::new(&issuer, Duration::ZERO).await;
    let mut published = vec![
        json!({ "kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "x25519", "x": "AAAA" }),
        json!({ "kty": "from the future", "kid": "future", "alg": "ML-DSA-87" }),
    ];
    for (name, member, value) in [("encryption", "use", "enc"), ("other algorithm", "alg", "ES256")] {
        let mut jwk = SigningKey::new(name).as_jwk();
        jwk[member] = json!(value);
        published.push(jwk);
    }
    let other = SigningKey::new("encryption");
    published.push(key.as_jwk());
    issuer.answer(StatusCode::OK, &json!({ "keys": published }).to_string());
    stage.holder_of(key.token_of("alice")).get("/").await.assert_status(200);
    stage.holder_of(other.token_of("alice")).get("/").await.assert_refusal(401, "invalid_token");
}
