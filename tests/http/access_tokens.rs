//! The claims of access tokens, and how long they are valid.

use crate::support::{
    Browser, TestApp,
    browser::ALL_COOKIES,
    forger::{Forger, Parts},
    test_app::{days, hours, minutes},
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use serde_json::json;
use tokenlife::{
    model::TokenLife,
    paths::{ACCOUNT, LOGIN, api},
    server::random,
};
use uuid::Uuid;

fn access_token(browser: &Browser<'_>) -> String {
    browser.cookie("accessToken").expect("an access token").to_owned()
}

#[tokio::test]
async fn an_access_token_has_the_claims_of_rfc_9068_and_no_personal_data() {
    let app = TestApp::new().await;
    let quentin = app.signed_in("quentin").await;
    let token = access_token(&quentin);
    let Parts { header, claims, signed, signature } = Parts::of(&token);
    let key_id = app.store.list_signing_keys().await.expect("the store responds")[0].id.clone();
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "EdDSA", "kid": key_id}));
    let (session, now) = (app.session(quentin.session_id()).await, app.now().as_seconds());
    let expected = json!({
        "iss": app.origin, "aud": app.origin, "sub": session.user_id.as_uuid(), "client_id": "web", "sid": session.id.as_uuid(),
        "gen": 1, "iat": now, "nbf": now, "exp": now + 3600, "auth_time": now, "jti": claims["jti"],
    });
    assert_eq!(claims, expected);
    assert!(claims["jti"].as_str().is_some_and(|id| Uuid::parse_str(id).is_ok()));
    let text = format!("{header}{claims}");
    assert!(!text.contains("quentin") && !text.contains('@'), "{text}");
    assert!(token.len() < 1500 && token.len() + "accessToken=".len() <= 4096);
    let public = UnparsedPublicKey::new(&ED25519, Forger::with_our_key(&app).await.public_key());
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    public.verify(signed.as_bytes(), &signature).expect("the public key verifies it");
    let second = app.browser_of(session.user_id).await;
    assert_ne!(Parts::of(&access_token(&second)).claims["jti"], claims["jti"]);
}

#[tokio::test]
async fn a_token_of_a_megabyte_exceeds_the_limit_of_the_head() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    ada.set("accessToken", &format!("{}{}", access_token(&ada), "A".repeat(1_000_000)));
    ada.get(ACCOUNT).await.assert_status(431).assert_shows("too many cookies");
    ada.call(api::CURRENT, &[]).await.assert_status(431);
}

#[tokio::test]
async fn another_installation_has_other_keys() {
    let (here, there) = (TestApp::new().await, TestApp::new().await);
    let ada = here.signed_in("ada").await;
    let stranger = there.signed_in("stranger").await;
    let mut browser = ada.clone();
    browser.set("accessToken", &access_token(&stranger));
    browser.call(api::CURRENT, &[]).await.assert_status(401);
    assert!(browser.is_signed_in().await, "healed by the refresh token");

    let mut with_their_key_name = Parts::of(&access_token(&ada));
    with_their_key_name.claims["jti"] = json!(random::id(here.now()));
    let forged = Forger::with_our_key(&there).await.sign(&with_their_key_name.header, &with_their_key_name.claims);
    browser.set("accessToken", &forged);
    browser.call(api::CURRENT, &[]).await.assert_status(401);

    for names in [&ALL_COOKIES[..], &["refreshToken"]] {
        let mut foreign = here.browser();
        for name in names {
            foreign.set(name, stranger.cookie(name).expect("a cookie"));
        }
        foreign.call(api::REFRESH, &[]).await.assert_status(401);
        assert_eq!(foreign.get(ACCOUNT).await.assert_leads_to(LOGIN).deleted(), names);
    }
}

#[tokio::test]
async fn neither_token_is_accepted_as_the_other() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let (access, refresh) = (access_token(&ada), ada.cookie("refreshToken").expect("a token").to_owned());
    for (access, refresh) in [(Some(&refresh), None), (None, Some(&access)), (Some(&refresh), Some(&access))] {
        let mut browser = app.browser();
        for (name, token) in [("accessToken", access), ("refreshToken", refresh)] {
            if let Some(token) = token {
                browser.set(name, token);
            }
        }
        browser.call(api::REFRESH, &[]).await.assert_status(401);
        browser.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
        browser.get(ACCOUNT).await.assert_leads_to(LOGIN);
        assert!(browser.cookie_names().is_empty(), "and what is good for nothing is taken away");
    }
    assert!(ada.clone().is_signed_in().await);
}

#[tokio::test]
async fn the_three_cookies_always_have_the_same_times() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.advance(minutes(61));
    let by_page = ada.get(ACCOUNT).await.assert_status(200);
    app.advance(days(29) + hours(22) + minutes(29));
    let by_call = ada.call(api::REFRESH, &[]).await.assert_status(200);
    for (answer, seconds, seconds_left) in [(by_page, 3600, 30 * 86_400 - 3660), (by_call, 1800, 1800)] {
        let [access, refresh, life] = ALL_COOKIES.map(|name| answer.cookie(name));
        let claims = Parts::of(access.value()).claims;
        let times = TokenLife::parse(life.value()).expect("times");
        assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(times.issued_at), Some(times.expires_at)));
        assert_eq!(times.seconds(), seconds, "no access token outlives its session");
        let max_ages = [access, refresh, life].map(|cookie| cookie.max_age().expect("Max-Age").whole_seconds());
        assert_eq!(max_ages, [seconds, seconds_left, seconds]);
    }
    let reported: TokenLife =
        serde_json::from_str(&ada.call(api::REFRESH, &[]).await.assert_status(200).body).expect("times");
    assert_eq!(
        Some(reported),
        ada.cookie("tokenLife").and_then(TokenLife::parse),
        "a script gets the same times as the cookie"
    );
}

#[tokio::test]
async fn signing_out_takes_the_access_token_away_at_once() {
    let app = TestApp::new().await;
    for by_form in [true, false] {
        let mut ada = app.signed_in("ada").await;
        let mut thief = app.browser();
        thief.set("accessToken", &access_token(&ada));
        thief.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email);
        if by_form {
            ada.submit(api::LOGOUT, &[]).await.assert_status(303);
        } else {
            ada.call(api::LOGOUT, &[]).await.assert_status(200);
        }
        thief.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
        assert_eq!(thief.call(api::CURRENT, &[]).await.assert_status(200).body, "null");
        thief.get(ACCOUNT).await.assert_leads_to(LOGIN);
    }
    let users = app.store.list_users(None, 10).await.expect("the store responds");
    assert!(users.iter().all(|user| user.display_name.as_str() == "ada"));
}

#[tokio::test]
async fn no_race_with_signing_out_leaves_a_token_that_works() {
    let app = TestApp::new().await;
    let user = app.account("ada@example.com").await;
    for round in 0..24 {
        let before = app.browser_of(user).await;
        app.advance(minutes(61));
        let racers = (0..6).map(|number| {
            let mut browser = before.clone();
            async move {
                if number == round % 6 {
                    browser.call(api::LOGOUT, &[]).await.assert_status(200);
                } else if number % 2 == 0 {
                    browser.call(api::REFRESH, &[]).await;
                } else {
                    browser.get(ACCOUNT).await;
                }
                browser
            }
        });
        for mut browser in join_all(racers).await.into_iter().chain([before.clone()]) {
            browser.call(api::REFRESH, &[]).await.assert_status(401);
            browser.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
            assert!(!browser.is_signed_in().await, "round {round}");
        }
    }
}

#[tokio::test]
async fn other_cookies_do_not_hide_the_tokens() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let ours = ada.cookie_header().expect("cookies");
    let many = "n=v; ".repeat(200);
    let strange: [&[u8]; 12] = [
        b"x=\xc3\xa9",
        b"\xff\xfe\x80=\xff",
        b"=",
        b"=x",
        b"x",
        b";;; ;",
        b"x=\"a;b\"",
        b"accessToken",
        b"accessToken=",
        b"$Version=1; $Path=/",
        b"accesstoken=y; AccessToken=z",
        many.as_bytes(),
    ];
    for neighbour in strange {
        for in_front in [true, false] {
            let parts = if in_front { [neighbour, ours.as_bytes()] } else { [ours.as_bytes(), neighbour] };
            let request = Request::get(ACCOUNT).header("accept", "text/html").header("cookie", parts.join(&b"; "[..]));
            let answer = app.browser().send(request.body(Body::empty()).expect("a request")).await;
            answer.assert_status(200).assert_shows(&ada.email);
        }
    }
    let crumbs = ours.split("; ").fold(Request::get(ACCOUNT), |request, crumb| request.header("cookie", crumb));
    app.browser().send(crumbs.body(Body::empty()).expect("a request")).await.assert_status(200);
}
