//! `POST /oauth/token`: which clients may use it, and which tokens it issues.

use crate::support::{
    Condition, TestApp,
    browser::encode,
    forger::Parts,
    oauth_client::{OAuthClient, assert_never_kept, assert_refused, form, member, send},
    test_app::{days, minutes},
};
use axum::http::{Request, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::time::Duration;
use tokenlife::{
    paths::{ACCOUNT, api, oauth},
    server::service::clients::ClientError,
};

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let app = TestApp::new().await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let answer = notes.post(oauth::TOKEN, &OWN).await.assert_status(200);
    assert_never_kept(&answer);
    assert_eq!(answer.header("content-type"), "application/json");
    let issued: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let token = member(&answer, "access_token");
    assert_eq!(issued, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}));
    let Parts { header, claims, .. } = Parts::of(&token);
    assert_eq!(header["typ"], "at+jwt");
    let now = app.now().as_seconds();
    let expected = json!({
        "iss": app.origin, "aud": app.origin, "sub": "notes", "client_id": "notes", "jti": claims["jti"],
        "iat": now, "nbf": now, "exp": now + 3600,
    });
    assert_eq!(claims, expected);
    assert_ne!(Parts::of(&notes.own_token().await).claims["jti"], claims["jti"]);

    let register = app.state.clients.register("bills", Some("https://bills.example"), app.now());
    let secret = register.await.expect("a new client").as_str().to_owned();
    let bills = OAuthClient { id: "bills".to_owned(), secret, ..OAuthClient::web(&app) };
    assert_eq!(Parts::of(&bills.own_token().await).claims["aud"], "https://bills.example");
}

#[tokio::test]
async fn a_clients_own_token_has_no_session() {
    let app = TestApp::new().await;
    let token = OAuthClient::registered(&app, "notes").await.own_token().await;
    assert!(app.state.sessions.authenticate(&token).await.is_err());
    let mut browser = app.browser();
    browser.set("accessToken", &token);
    assert_eq!(browser.call(api::CURRENT, &[]).await.assert_status(200).body, "null");
    browser.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
    browser.get(ACCOUNT).await.assert_status(303);
}

#[tokio::test]
async fn a_refresh_token_from_a_cookie_is_useless_without_id_and_secret_of_its_client() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let stolen = ada.cookie("refreshToken").expect("a token").to_owned();
    let grant = [("grant_type", "refresh_token"), ("refresh_token", stolen.as_str())];
    let body = encode(&grant);
    assert_refused(&send(&app, form(oauth::TOKEN, &body), body.clone()).await, 401, "invalid_client");
    let with_cookies = form(oauth::TOKEN, &body).header(header::COOKIE, ada.cookie_header().expect("cookies"));
    assert_refused(&send(&app, with_cookies, body).await, 401, "invalid_client");
    for secret in ["", "x", &"A".repeat(43)] {
        let guesser = OAuthClient { secret: secret.to_owned(), ..OAuthClient::web(&app) };
        assert_refused(&guesser.post(oauth::TOKEN, &grant).await, 401, "invalid_client");
    }
    let other = OAuthClient::registered(&app, "notes").await;
    assert_refused(&other.post(oauth::TOKEN, &grant).await, 400, "invalid_grant");
    let posing = OAuthClient { id: "web".to_owned(), ..other };
    assert_refused(&posing.post(oauth::TOKEN, &grant).await, 401, "invalid_client");
    let session = app.session(ada.session_id()).await;
    assert!(session.ended.is_none() && session.generation.number() == 1, "nothing has happened to the session");
    assert!(ada.is_signed_in().await);

    let answer = OAuthClient::web(&app).post(oauth::TOKEN, &grant).await.assert_status(200);
    assert_never_kept(&answer);
    app.state.sessions.authenticate(&member(&answer, "access_token")).await.expect("a good token");
    assert_ne!(member(&answer, "refresh_token"), stolen);
    assert!(answer.body.contains("\"token_type\":\"Bearer\",\"expires_in\":3600"));
    assert_eq!(app.session(ada.session_id()).await.generation.number(), 2);
}

#[tokio::test]
async fn a_final_refusal_is_an_invalid_grant_and_a_temporary_one_is_not() {
    let app = TestApp::new().await;
    let web = OAuthClient::web(&app);
    let refresh =
        async |token: &str| web.post(oauth::TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    for garbage in ["x", "eyJhbGciOiJub25lIn0.e30.", &"A".repeat(72)] {
        assert_refused(&refresh(garbage).await, 400, "invalid_grant");
    }
    let mut ada = app.signed_in("ada").await;
    let token = ada.cookie("refreshToken").expect("a token").to_owned();
    app.store_is(Condition::Down);
    let answer = refresh(&token).await;
    assert_refused(&answer, 503, "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    app.store_is(Condition::Fine);
    ada.submit(api::LOGOUT, &[]).await.assert_status(303);
    assert_refused(&refresh(&token).await, 400, "invalid_grant");

    let bob = app.signed_in("bob").await;
    let token = bob.cookie("refreshToken").expect("a token").to_owned();
    app.advance(days(31));
    assert_refused(&refresh(&token).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_client_authenticates_by_the_header_or_by_the_form_and_not_by_both() {
    let app = TestApp::new().await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let (id, secret) = (notes.id.as_str(), notes.secret.as_str());
    let ask = async |authorization: &[&str], fields: &[(&str, &str)]| {
        let body = encode(&[&OWN[..], fields].concat());
        let mut request = form(oauth::TOKEN, &body);
        for line in authorization {
            request = request.header(header::AUTHORIZATION, *line);
        }
        send(&app, request, body).await
    };
    let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
    let good = notes.basic();
    ask(&[&good], &[]).await.assert_status(200);
    ask(&[&good.replace("Basic", "bASIC")], &[]).await.assert_status(200);
    ask(&[&good], &[("client_id", id)]).await.assert_status(200);
    ask(&[&basic(format!("%6eotes:{}", secret.replace('-', "%2D")))], &[]).await.assert_status(200);
    ask(&[], &[("client_id", id), ("client_secret", secret)]).await.assert_status(200);

    for (authorization, fields) in [
        (vec![good.as_str()], vec![("client_id", id), ("client_secret", secret)]),
        (vec![good.as_str()], vec![("client_secret", secret)]),
        (vec![good.as_str()], vec![("client_id", "web")]),
        (vec![good.as_str(), good.as_str()], vec![]),
    ] {
        assert_refused(&ask(&authorization, &fields).await, 400, "invalid_request");
    }
    for authorization in [
        basic(format!("notes:{secret}x")),
        basic("notes:".to_owned()),
        basic(format!("Notes:{secret}")),
        basic(format!("unknown:{secret}")),
        basic(format!(":{secret}")),
        basic(id.to_owned()),
        "Basic".to_owned(),
        "Basic !".to_owned(),
        format!("Bearer {secret}"),
    ] {
        assert_refused(&ask(&[&authorization], &[]).await, 401, "invalid_client");
    }
    for fields in [
        vec![],
        vec![("client_id", id)],
        vec![("client_secret", secret)],
        vec![("client_id", id), ("client_secret", "")],
        vec![("client_id", id), ("client_secret", "x")],
    ] {
        assert_refused(&ask(&[], &fields).await, 401, "invalid_client");
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused() {
    let app = TestApp::new().await;
    let notes = OAuthClient::registered(&app, "notes").await;
    for (fields, error) in [
        (vec![], "invalid_request"),
        (vec![("grant_type", "")], "invalid_request"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code"), ("code", "x")], "unsupported_grant_type"),
        (vec![("grant_type", "implicit")], "unsupported_grant_type"),
        (vec![("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")], "unsupported_grant_type"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "")], "invalid_request"),
        (vec![("grant_type", "client_credentials"), ("grant_type", "client_credentials")], "invalid_request"),
        (vec![("grant_type", "client_credentials"), ("x", "1"), ("x", "2")], "invalid_request"),
        (vec![("grant_type", "client_credentials"), ("scope", "admin")], "invalid_scope"),
    ] {
        assert_refused(&notes.post(oauth::TOKEN, &fields).await, 400, error);
    }
    notes.post(oauth::TOKEN, &[OWN[0], ("unknown", "x"), ("scope", "")]).await.assert_status(200);
    let body = encode(&OWN);
    for content_type in ["application/json", "text/plain", "multipart/form-data", ""] {
        let request = Request::post(oauth::TOKEN)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::AUTHORIZATION, notes.basic());
        assert_refused(&send(&app, request, body.clone()).await, 400, "invalid_request");
    }
    let in_query = form(&format!("{}?{body}", oauth::TOKEN), "").header(header::AUTHORIZATION, notes.basic());
    assert_refused(&send(&app, in_query, "").await, 400, "invalid_request");
    for path in [oauth::TOKEN, oauth::REVOKE, oauth::INTROSPECT] {
        let request = Request::get(path).header(header::AUTHORIZATION, notes.basic());
        assert_eq!(send(&app, request, "").await.assert_status(405).header("allow"), "POST");
        let long = encode(&[("token", &"x".repeat(80_000))]);
        send(&app, form(path, &long).header(header::AUTHORIZATION, notes.basic()), long).await.assert_status(413);
    }
}

#[tokio::test]
async fn a_secret_is_changed_on_one_server_after_the_other() {
    let app = TestApp::new().await;
    let other = app.beside(|_| {}).await;
    let clients = &app.state.clients;
    let first = OAuthClient::registered(&app, "notes").await;
    let with =
        |secret: &str| OAuthClient { id: "notes".to_owned(), secret: secret.to_owned(), ..OAuthClient::web(&app) };
    let works = async |secret: &str| with(secret).post(oauth::TOKEN, &OWN).await.status.as_u16();
    let second = clients.rotate_secret("notes", false).await.expect("a client");
    assert_eq!((works(&first.secret).await, works(second.as_str()).await), (200, 200));
    let third = clients.rotate_secret("notes", false).await.expect("a client");
    assert_eq!(
        (works(&first.secret).await, works(second.as_str()).await, works(third.as_str()).await),
        (401, 200, 200)
    );
    let fourth = clients.rotate_secret("notes", true).await.expect("a client");
    assert_eq!((works(third.as_str()).await, works(fourth.as_str()).await), (401, 200));

    // The other server finds all that by reloading from the store.
    let elsewhere = &other.state.clients;
    elsewhere.reload().await.expect("the store responds");
    let ask = |secret: &str| {
        elsewhere.authenticate(tokenlife::server::service::clients::ClientCredentials { id: "notes", secret }).is_ok()
    };
    assert_eq!((ask(third.as_str()), ask(fourth.as_str())), (false, true));
    clients.remove("notes").await.expect("a client");
    elsewhere.reload().await.expect("the store responds");
    assert!(!ask(fourth.as_str()));
    assert_eq!(works(fourth.as_str()).await, 401);
}

#[tokio::test]
async fn other_servers_know_a_new_client_within_seconds() {
    let app = TestApp::new().await;
    let other = app.beside(|_| {}).await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let there = OAuthClient { id: notes.id.clone(), secret: notes.secret.clone(), ..OAuthClient::web(&other) };
    tokio::time::timeout(Duration::from_secs(5), async {
        while there.post(oauth::TOKEN, &OWN).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the background reloads every two seconds");
}

#[tokio::test]
async fn a_client_has_a_name_of_its_own() {
    let app = TestApp::new().await;
    let clients = &app.state.clients;
    let register = async |id: &str, audience: Option<&str>| clients.register(id, audience, app.now()).await;
    register("notes-2_b", Some("urn:notes")).await.expect("a good name");
    assert!(matches!(register("notes-2_b", None).await, Err(ClientError::Exists)));
    assert!(matches!(register("web", None).await, Err(ClientError::Reserved)));
    assert!(matches!(clients.rotate_secret("web", true).await, Err(ClientError::Reserved)));
    assert!(matches!(clients.remove("web").await, Err(ClientError::Reserved)));
    assert!(matches!(clients.rotate_secret("unknown", true).await, Err(ClientError::Unknown)));
    assert!(matches!(clients.remove("unknown").await, Err(ClientError::Unknown)));
    let uuid = "abcdef01-7c00-7abc-8def-0123456789ab";
    for id in ["", "Notes", "2notes", "no tes", "no:tes", "nötes", uuid, &uuid.replace('-', ""), &"x".repeat(65)] {
        assert!(matches!(register(id, None).await, Err(ClientError::BadId)), "{id}");
    }
    for audience in ["", "two words", "ü", &"x".repeat(513)] {
        assert!(matches!(register("notes", Some(audience)).await, Err(ClientError::BadAudience)), "{audience}");
    }
    let stored = app.store.list_clients().await.expect("the store responds");
    assert_eq!(stored.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["notes-2_b"]);
}

#[tokio::test]
async fn too_many_failures_are_throttled_and_successes_are_never_counted() {
    let app = TestApp::with_config(|config| {
        config.limits.client_failure_per_address = "3/min".parse().expect("a rate");
    })
    .await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let guesser = OAuthClient { secret: "x".to_owned(), ..OAuthClient::web(&app) };
    for _ in 0..3 {
        notes.post(oauth::TOKEN, &OWN).await.assert_status(200);
        assert_refused(&guesser.post(oauth::INTROSPECT, &[("token", "x")]).await, 401, "invalid_client");
    }
    let answer = guesser.post(oauth::REVOKE, &[("token", "x")]).await;
    assert_refused(&answer, 429, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "20");
    notes.post(oauth::TOKEN, &OWN).await.assert_status(200);
    app.advance(minutes(1));
    assert_refused(&guesser.post(oauth::TOKEN, &OWN).await, 401, "invalid_client");
}
