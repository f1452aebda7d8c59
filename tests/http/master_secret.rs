//! The master secret changes under running servers, and no user is signed out.

use crate::support::{
    Answer, Condition, TestApp,
    browser::ALL_COOKIES,
    forger::Parts,
    test_app::{days, minutes},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use tokenlife::{
    paths::{ACCOUNT, HOME, LOGIN, api},
    server::{
        config::MasterSecrets,
        service::clients::{ClientCredentials, WEB},
    },
};

/// The version of the master secret that a refresh token was made under.
fn version_of(refresh_token: Option<&str>) -> u8 {
    URL_SAFE_NO_PAD.decode(refresh_token.expect("a token")).expect("base64url")[1]
}

/// A refresh token of a version that was never configured.
async fn of_version_77(app: &TestApp) -> String {
    let ada = app.signed_in("ada").await;
    let mut token = URL_SAFE_NO_PAD.decode(ada.cookie("refreshToken").expect("a token")).expect("base64url");
    token[1] = 77;
    URL_SAFE_NO_PAD.encode(token)
}

#[track_caller]
fn assert_not_now(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.set_cookies().is_empty() && !answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_new_version_takes_over_and_a_client_of_an_old_server_retries() {
    let old = TestApp::new().await;
    let new = old.beside_under(&old.secrets.rotated().expect("another version")).await.expect("an application");
    let ada = old.signed_in("ada").await;
    assert_eq!(version_of(ada.cookie("refreshToken")), 1);

    let mut ada = ada.in_front_of(&new);
    assert!(ada.is_signed_in().await);
    ada.delete("accessToken");
    assert_eq!(ada.get(ACCOUNT).await.assert_status(200).issued(), ALL_COOKIES);
    assert_eq!(version_of(ada.cookie("refreshToken")), 2);

    let mut back = ada.in_front_of(&old);
    back.get(ACCOUNT).await.assert_status(200).assert_shows(&back.email);
    back.delete("accessToken");
    for path in [HOME, ACCOUNT, LOGIN] {
        assert_not_now(&back.get(path).await);
    }
    assert_not_now(&back.call(api::REFRESH, &[]).await);
    assert_eq!(back.cookie("refreshToken"), ada.cookie("refreshToken"), "nothing is lost");

    let mut ada = back.in_front_of(&new);
    assert_eq!(ada.call(api::REFRESH, &[]).await.assert_status(200).issued(), ALL_COOKIES);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn servers_that_know_both_versions_work_together_whichever_one_signs() {
    let start = TestApp::new().await;
    let standby = start.secrets.with_standby().expect("another version");
    let one = start.beside_under(&standby).await.expect("an application");
    let two = start.beside_under(&standby.rotated().expect("the same")).await.expect("an application");
    for app in [&one, &two] {
        let keys = app.state.tokens.keys();
        keys.reseal().await.expect("both can open both");
    }
    let mut ada = one.signed_in("ada").await;
    for round in 0..40 {
        for app in [&one, &two] {
            app.advance(minutes(61));
            app.state.tokens.keys().maintain(app.now()).await.expect("keys");
        }
        let (app, version) = if round % 2 == 0 { (&two, 2) } else { (&one, 1) };
        ada = ada.in_front_of(app);
        let by_page = round % 3 == 0;
        if by_page {
            ada.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email);
        } else {
            ada.call(api::REFRESH, &[]).await.assert_status(200);
        }
        assert_eq!(version_of(ada.cookie("refreshToken")), version);
        let mut elsewhere = ada.in_front_of(if round % 2 == 0 { &one } else { &two });
        elsewhere.call(api::CURRENT, &[]).await.assert_status(200).assert_shows(&ada.email);
    }
}

#[tokio::test]
async fn after_resealing_the_old_version_can_be_removed_and_is_missing_until_its_last_token_has_expired() {
    let old = TestApp::new().await;
    let both = old.secrets.rotated().expect("another version");
    let secrets = &old.secret_versions;
    secrets.record(old.now()).await.expect("the store responds");
    let mut ada = old.signed_in("ada").await;
    let mut eve = old.signed_in("eve").await;

    let new = old.beside_under(&both).await.expect("an application");
    new.secret_versions.record(new.now()).await.expect("the store responds");
    new.state.tokens.keys().reseal().await.expect("both versions open");
    let sealed = new.store.list_signing_keys().await.expect("the store responds");
    assert_eq!(sealed.iter().map(|key| key.sealed.version()).collect::<Vec<_>>(), [Some(2)]);
    old.state.tokens.keys().maintain(old.now()).await.expect("it has the key opened already");
    ada.get(ACCOUNT).await.assert_status(200);
    ada.delete("accessToken");
    let mut ada = ada.in_front_of(&new);
    ada.get(ACCOUNT).await.assert_status(200);

    // Removed too early: a browser that still needs it gets `503`, and continues when it is back.
    let without = old.beside_under(&both.without(1)).await.expect("an application");
    eve.delete("accessToken");
    let mut eve_there = eve.in_front_of(&without);
    assert_not_now(&eve_there.get(ACCOUNT).await);
    let missing = |app: &TestApp| app.secret_versions.missing(app.now()).len();
    assert_eq!((missing(&without), missing(&new)), (1, 0));
    assert!(ada.in_front_of(&without).is_signed_in().await, "a browser that has refreshed since continues");
    let mut eve = eve_there.in_front_of(&new);
    assert!(eve.is_signed_in().await);

    // When its last token has expired it is no longer missing, and its tokens are finally refused.
    let mut late = without.browser();
    let made_under_one = old.browser_of(old.account("early@example.com").await).await;
    late.set("refreshToken", made_under_one.cookie("refreshToken").expect("a token"));
    without.advance(days(29));
    assert_not_now(&late.get(ACCOUNT).await);
    without.advance(days(3));
    assert_eq!(missing(&without), 0);
    late.call(api::REFRESH, &[]).await.assert_status(401);
    assert!(late.get(ACCOUNT).await.assert_leads_to(LOGIN).set_cookies().is_empty());
}

#[tokio::test]
async fn a_version_that_is_retired_by_force_is_over_on_every_server() {
    let old = TestApp::new().await;
    old.secret_versions.record(old.now()).await.expect("the store responds");
    let mut eve = old.signed_in("eve").await;
    let new = old.beside_under(&old.secrets.rotated().expect("another version")).await.expect("an application");
    new.state.tokens.keys().reseal().await.expect("both versions open");
    new.store.retire_secret_version(1, new.now()).await.expect("the store responds");
    let without = new.beside_under(&new.secrets.without(1)).await.expect("an application");
    eve.delete("accessToken");
    let mut eve = eve.in_front_of(&without);
    assert_eq!(eve.get(ACCOUNT).await.assert_leads_to(LOGIN).deleted(), ["tokenLife"]);
}

#[tokio::test]
async fn a_version_that_this_database_never_saw_is_another_installations() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.set("refreshToken", &of_version_77(&app).await);
    browser.get(HOME).await.assert_status(200);
    browser.get(LOGIN).await.assert_status(200);
    assert!(browser.get(ACCOUNT).await.assert_leads_to(LOGIN).set_cookies().is_empty());
    browser.call(api::REFRESH, &[]).await.assert_status(401);

    app.store_is(Condition::Down);
    assert_not_now(&browser.get(HOME).await);
    assert_not_now(&browser.call(api::REFRESH, &[]).await);
}

#[tokio::test]
async fn made_up_versions_do_not_cost_a_query_each() {
    let app = TestApp::new().await;
    let made_up = of_version_77(&app).await;
    let queries = || app.watched.background_calls("list_secret_versions");
    let before = queries();
    let requests = (0..50).map(|_| {
        let mut browser = app.browser();
        browser.set("refreshToken", &made_up);
        async move { browser.get(HOME).await.assert_status(200) }
    });
    join_all(requests).await;
    // One query serves all requests that came before it began; the background queries as well.
    let questions = queries() - before;
    assert!((1..10).contains(&questions), "{questions} questions for 50 requests at once");
}

#[tokio::test]
async fn signing_out_at_a_server_that_cannot_verify_the_token_is_not_reported_as_done() {
    let old = TestApp::new().await;
    let new = old.beside_under(&old.secrets.rotated().expect("another version")).await.expect("an application");
    let mut ada = new.signed_in("ada").await;
    let id = ada.session_id();
    ada.delete("accessToken");
    let mut there = ada.in_front_of(&old);
    assert_not_now(&there.call(api::LOGOUT, &[]).await);
    assert_not_now(&there.submit(api::LOGOUT, &[]).await);
    let mut ada = there.in_front_of(&new);
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    assert!(new.session(id).await.ended.is_some());
}

#[tokio::test]
async fn a_server_without_the_version_of_the_newest_key_goes_on_with_what_it_has() {
    let old = TestApp::new().await;
    let new = old.beside_under(&old.secrets.rotated().expect("another version")).await.expect("an application");
    new.state.tokens.keys().rotate(new.now()).await.expect("keys");
    let user = old.account("ada@example.com").await;
    for hour in 0..6 {
        for app in [&old, &new] {
            app.advance(minutes(60));
        }
        let tended = old.state.tokens.keys().maintain(old.now()).await;
        assert_eq!(tended.is_ok(), hour < 2, "from then on all keys are out of its reach, and the log says so");
        new.state.tokens.keys().maintain(new.now()).await.expect("keys");
        let mut ada = old.browser_of(user).await;
        assert!(ada.is_signed_in().await, "hour {hour}");
        assert!(ada.in_front_of(&new).is_signed_in().await, "hour {hour}");
    }
}

#[tokio::test]
async fn another_secret_under_a_known_number_is_refused_before_any_token_counts_as_forged() {
    let app = TestApp::new().await;
    app.secret_versions.record(app.now()).await.expect("the store responds");
    let error = app.beside_under(&MasterSecrets::generate()).await.err().expect("refused").to_string();
    assert!(
        error.starts_with("version 1 of the master secret differs from the one") && !error.contains('\n'),
        "{error}"
    );
    let new = app.beside_under(&app.secrets.rotated().expect("another version")).await.expect("an application");
    new.state.tokens.keys().reseal().await.expect("both versions open");
    let error = app.beside_under(&app.secrets).await.err().expect("no key opens").to_string();
    assert!(error.contains("version 2 of the master secret, which this server does not have"), "{error}");
    let kid = |token: &str| Parts::of(token).header["kid"].clone();
    let (ada, eve) = (app.signed_in("ada").await, new.signed_in("eve").await);
    assert_eq!(kid(ada.cookie("accessToken").expect("a token")), kid(eve.cookie("accessToken").expect("a token")));
}

#[tokio::test]
async fn the_server_functions_are_known_by_the_secret_of_any_version_that_is_here() {
    let old = TestApp::new().await;
    let standby = old.secrets.with_standby().expect("another version");
    let one = old.beside_under(&standby).await.expect("an application");
    let two = old.beside_under(&standby.rotated().expect("the same")).await.expect("an application");
    let knows = |here: &TestApp, there: &TestApp| {
        let credentials = ClientCredentials { id: WEB, secret: there.state.keyring.web_client_secret() };
        here.state.clients.authenticate(credentials).is_ok()
    };
    assert_ne!(one.state.keyring.web_client_secret(), two.state.keyring.web_client_secret());
    assert!(knows(&one, &two) && knows(&two, &one) && knows(&two, &old) && !knows(&old, &two));
    for secret in ["", "secret", &"A".repeat(43)] {
        assert!(one.state.clients.authenticate(ClientCredentials { id: WEB, secret }).is_err(), "{secret}");
    }
}
