//! Public documents: the keys that verify the tokens, and the metadata of the token service.

use crate::support::{
    Answer, TestApp,
    oauth_client::send,
    test_app::{hours, minutes},
};
use axum::http::{Method, Request, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tokenlife::paths::oauth;

async fn get(app: &TestApp, path: &str) -> Answer {
    let answer = send(app, Request::get(path).header(header::ACCEPT, "text/html,*/*"), "").await.assert_status(200);
    assert!(answer.set_cookies().is_empty());
    answer
}

/// Verifies a token as another service would, with the published keys.
fn check(published: &str, token: &str, app: &TestApp) -> Result<Value, String> {
    let set: JwkSet = serde_json::from_str(published).map_err(|error| error.to_string())?;
    let kid = decode_header(token).map_err(|error| error.to_string())?.kid.ok_or("no kid")?;
    let key = DecodingKey::from_jwk(set.find(&kid).ok_or("an unknown key")?).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&app.origin]);
    validation.set_audience(&[&app.origin]);
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    decode::<Value>(token, &key, &validation).map(|token| token.claims).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_published_keys_verify_a_token_and_reveal_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let answer = get(&app, oauth::JWKS).await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let set: Value = serde_json::from_str(&answer.body).expect("JSON");
    let kid = app.store.list_signing_keys().await.expect("the store responds")[0].id.clone();
    let x = set["keys"][0]["x"].clone();
    let expected = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x});
    assert_eq!(set, json!({"keys": [expected]}), "no private member");
    let claims = check(&answer.body, ada.cookie("accessToken").expect("a token"), &app).expect("a good token");
    assert_eq!(claims["sub"], json!(app.session(ada.session_id()).await.user_id.as_uuid()));
}

#[tokio::test]
async fn a_cached_key_set_always_has_the_key_of_a_new_token() {
    let app = TestApp::new().await;
    let user = app.account("ada@example.com").await;
    let keys = app.state.tokens.keys();
    keys.rotate(app.now()).await.expect("the store responds");
    let mut kept: Vec<String> = vec![get(&app, oauth::JWKS).await.body];
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..4 * 12 {
        let token = app.browser_of(user).await.cookie("accessToken").expect("a token").to_owned();
        names.insert(decode_header(&token).expect("a header").kid);
        check(kept.last().expect("a set"), &token, &app).expect("the set of five minutes ago knows its key");
        app.advance(minutes(5));
        keys.maintain(app.now()).await.expect("the store responds");
        kept.push(get(&app, oauth::JWKS).await.body);
    }
    assert_eq!(names.len(), 2);
    let sizes: Vec<usize> = kept.iter().map(|set| set.matches("\"kid\"").count()).collect();
    assert_eq!((sizes[0], sizes.last()), (2, Some(&1)), "{sizes:?}");
}

#[tokio::test]
async fn a_short_rotation_is_cached_for_a_short_time() {
    let app = TestApp::with_config(|config| {
        config.auth.signing_key_rotation = minutes(1);
        config.auth.access_ttl = minutes(1);
    })
    .await;
    assert_eq!(get(&app, oauth::JWKS).await.header("cache-control"), "public, max-age=3");
}

#[tokio::test]
async fn a_client_with_the_current_version_gets_not_modified() {
    let app = TestApp::new().await;
    for path in [oauth::JWKS, oauth::METADATA] {
        let first = get(&app, path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() == 24, "{tag}");
        assert_eq!(get(&app, path).await.header("etag"), tag);
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let answer = send(&app, Request::get(path).header(header::IF_NONE_MATCH, known), "").await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (304, ""));
            assert_eq!(
                (answer.header("etag"), answer.header("cache-control")),
                (tag.as_str(), first.header("cache-control"))
            );
        }
        send(&app, Request::get(path).header(header::IF_NONE_MATCH, "\"x\""), "").await.assert_status(200);
        let head = send(&app, Request::builder().method(Method::HEAD).uri(path), "").await.assert_status(200);
        assert_eq!((head.header("etag"), head.body.as_str()), (tag.as_str(), ""));
        send(&app, Request::post(path), "").await.assert_status(405);
    }
    let before = get(&app, oauth::JWKS).await.header("etag").to_owned();
    app.state.tokens.keys().rotate(app.now()).await.expect("the store responds");
    let answer = send(&app, Request::get(oauth::JWKS).header(header::IF_NONE_MATCH, before), "").await;
    answer.assert_status(200);
    app.advance(hours(1));
}

#[tokio::test]
async fn the_metadata_match_what_is_supported() {
    let app = TestApp::on_https().await;
    let answer = get(&app, oauth::METADATA).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let metadata: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(metadata["issuer"], "https://example.com");
    for name in ["jwks_uri", "token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let url = metadata[name].as_str().expect("a URL");
        let path = url.strip_prefix("https://example.com").expect("below the issuer");
        let expected = if name == "jwks_uri" { 200 } else { 405 };
        send(&app, Request::get(path), "").await.assert_status(expected);
    }
    for name in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let methods = &metadata[format!("{name}_auth_methods_supported")];
        assert_eq!(methods, &json!(["client_secret_basic", "client_secret_post"]));
    }
    assert_eq!(metadata["grant_types_supported"], json!(["client_credentials", "refresh_token"]));
    assert_eq!(metadata["response_types_supported"], json!([]));
    for untrue in ["authorization_endpoint", "registration_endpoint", "userinfo_endpoint", "scopes_supported"] {
        assert!(metadata.get(untrue).is_none(), "{untrue}");
    }
}
