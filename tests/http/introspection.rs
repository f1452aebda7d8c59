//! `POST /oauth/introspect` (RFC 7662).

use crate::{
    forgeries::forgeries,
    gateway::{
        PREFIX, app_before, fetch,
        upstream::{self, RequestKind},
    },
    support::{
        Condition, TestApp,
        browser::encode,
        forger::{Forger, Parts},
        oauth_client::{OAuthClient, assert_never_kept, assert_refused, form, send},
        test_app::{days, hours, minutes},
    },
};
use serde_json::{Value, json};
use tokenlife::{
    paths::{api, oauth},
    server::domain::email::EmailKey,
};

const HINTS: [&str; 5] = ["", "access_token", "refresh_token", "client_credentials", "foobar"];

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn a_valid_token_is_active_whatever_the_hint() {
    let app = TestApp::new().await;
    let (web, notes) = (OAuthClient::web(&app), OAuthClient::registered(&app, "notes").await);
    let ada = app.signed_in("ada").await;
    let (access, refresh) = (ada.cookie("accessToken").expect("a token"), ada.cookie("refreshToken").expect("a token"));
    let session = app.session(ada.session_id()).await;
    let claims = Parts::of(access).claims;
    let now = app.now().as_seconds();
    let of_access = json!({
        "active": true, "token_type": "Bearer", "iss": app.origin, "aud": app.origin, "client_id": "web",
        "sub": session.user_id.as_uuid(), "sid": session.id.as_uuid(), "jti": claims["jti"],
        "iat": now, "nbf": now, "exp": now + 3600, "auth_time": now,
    });
    let of_refresh = json!({
        "active": true, "iss": app.origin, "client_id": "web", "sub": session.user_id.as_uuid(),
        "sid": session.id.as_uuid(), "exp": now + 30 * 86_400, "auth_time": now,
    });
    let own = notes.own_token().await;
    let of_own = json!({
        "active": true, "token_type": "Bearer", "iss": app.origin, "aud": app.origin, "client_id": "notes",
        "sub": "notes", "jti": Parts::of(&own).claims["jti"], "iat": now, "nbf": now, "exp": now + 3600,
    });
    for hint in HINTS {
        for (client, token, expected) in [
            (&web, access, &of_access),
            (&notes, access, &of_access),
            (&web, refresh, &of_refresh),
            (&notes, own.as_str(), &of_own),
            (&web, own.as_str(), &of_own),
        ] {
            let answer = client.post(oauth::INTROSPECT, &[("token", token), ("token_type_hint", hint)]).await;
            assert_never_kept(&answer);
            let reported: Value = serde_json::from_str(&answer.assert_status(200).body).expect("JSON");
            assert_eq!(&reported, expected, "{hint}");
        }
    }
    assert_eq!(notes.introspect(refresh).await, inactive(), "none of its business");
    assert_eq!(app.session(ada.session_id()).await.generation.number(), 1, "introspection redeems nothing");
}

#[tokio::test]
async fn an_upstream_sees_the_end_of_the_session_it_serves() {
    let app = app_before(upstream::echo().await).await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let mut ada = app.signed_in("ada").await;
    let received = RequestKind::read(&fetch(&app, &mut ada, PREFIX).await.assert_status(200).body);
    let (claims, now) = (Parts::of(received.token()).claims, app.now().as_seconds());
    let session = app.session(ada.session_id()).await;
    let reported = notes.introspect(received.token()).await;
    let expected = json!({
        "active": true, "token_type": "Bearer", "iss": app.origin, "aud": claims["aud"], "client_id": "web",
        "sub": session.user_id.as_uuid(), "sid": session.id.as_uuid(), "jti": claims["jti"],
        "iat": now, "nbf": now, "exp": claims["exp"],
    });
    assert_eq!(reported, expected);
    let owner = OAuthClient::web(&app);
    let mut copy = ada.clone();
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to("/");
    assert_eq!(notes.introspect(received.token()).await, inactive());
    assert_eq!(owner.introspect(received.token()).await, inactive());
    fetch(&app, &mut copy, PREFIX).await.assert_status(401);
}

#[tokio::test]
async fn of_an_inactive_token_nothing_more_is_reported() {
    let app = TestApp::new().await;
    let web = OAuthClient::web(&app);
    let mut ada = app.signed_in("ada").await;
    let access = ada.cookie("accessToken").expect("a token").to_owned();
    let first = ada.cookie("refreshToken").expect("a token").to_owned();
    let Parts { header, claims, .. } = Parts::of(&access);
    let forged = Forger::with_their_own_key().sign(&header, &claims);
    for garbage in ["this is not even a token", "x", "..", &forged, &first.replace('A', "B"), &"A".repeat(10_000)] {
        assert_eq!(web.introspect(garbage).await, inactive(), "{garbage:.40}");
    }
    ada.delete("accessToken");
    ada.call(api::REFRESH, &[]).await.assert_status(200);
    ada.get("/account").await.assert_status(200);
    app.delivered(ada.session_id()).await;
    app.advance(minutes(10));
    assert_eq!(web.introspect(&first).await, inactive(), "it has been replaced");
    assert!(app.session(ada.session_id()).await.ended.is_none(), "introspection is not use");
    app.advance(hours(1));
    assert_eq!(web.introspect(&access).await, inactive(), "it has expired");
    let current = ada.cookie("refreshToken").expect("a token").to_owned();
    assert_eq!(web.introspect(&current).await["active"], true);
    app.advance(days(30));
    assert_eq!(web.introspect(&current).await, inactive(), "the session's time is up");
}

#[tokio::test]
async fn no_forgery_is_active_and_all_of_them_look_alike() {
    let app = TestApp::new().await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let ada = app.signed_in("ada").await;
    let forgeries = forgeries(&app, ada.cookie("accessToken").expect("an access token")).await;
    // One issued here for another audience is not accepted here, but active.
    let forgeries = forgeries.into_iter().filter(|(what, _)| !what.starts_with("claims {\"aud\":\""));
    let mut checked = 0;
    for (what, forged) in forgeries {
        let answer = notes.post(oauth::INTROSPECT, &[("token", &forged)]).await.assert_status(200);
        assert_eq!(answer.body, r#"{"active":false}"#, "{what}");
        checked += 1;
    }
    assert!(checked > 100, "{checked}");
}

#[tokio::test]
async fn tokens_of_a_session_that_ended_are_inactive() {
    let app = TestApp::new().await;
    let web = OAuthClient::web(&app);
    let mut ada = app.signed_in("ada").await;
    let bob = app.signed_in("bob").await;
    let tokens = |browser: &crate::support::Browser<'_>| {
        ["accessToken", "refreshToken"].map(|name| browser.cookie(name).expect("a token").to_owned())
    };
    let (of_ada, of_bob) = (tokens(&ada), tokens(&bob));
    ada.submit(api::LOGOUT, &[]).await.assert_status(303);
    let key = EmailKey::of(&bob.email).expect("an address");
    app.state.accounts.disable(&key).await.expect("the store responds");
    app.ended.reload(&*app.store, app.now(), app.now()).await.expect("the store responds");
    for token in of_ada.iter().chain(&of_bob) {
        assert_eq!(web.introspect(token).await, inactive());
    }
}

#[tokio::test]
async fn a_request_needs_a_token_and_a_client() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let token = ada.cookie("accessToken").expect("a token");
    let notes = OAuthClient::registered(&app, "notes").await;
    for fields in
        [vec![], vec![("token", "")], vec![("token_type_hint", "access_token")], vec![("token", "x"), ("token", "y")]]
    {
        assert_refused(&notes.post(oauth::INTROSPECT, &fields).await, 400, "invalid_request");
    }
    let body = encode(&[("token", token)]);
    assert_refused(&send(&app, form(oauth::INTROSPECT, &body), body.clone()).await, 401, "invalid_client");
    let bearer = form(oauth::INTROSPECT, &body).header("authorization", format!("Bearer {token}"));
    assert_refused(&send(&app, bearer, body).await, 401, "invalid_client");
    app.store_is(Condition::Down);
    assert_eq!(notes.introspect(token).await["active"], true, "an access token proves itself");
    let web = OAuthClient::web(&app);
    let refresh = [("token", ada.cookie("refreshToken").expect("a token"))];
    assert_refused(&web.post(oauth::INTROSPECT, &refresh).await, 503, "temporarily_unavailable");
}
