//! The browser without JavaScript: plain forms, and the addresses that links and the history open.

use crate::support::{
    TestApp,
    browser::{encode, navigation},
    html,
    test_app::{PASSWORD, minutes},
};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use tokenlife::{
    error::AppError,
    model::EXPECTED_USER_FIELD,
    paths::{ACCOUNT, HOME, LOGIN, SIGN_UP, api, done, keeping},
    server::domain::session::EndReason,
};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn a_refused_form_is_shown_again_on_its_own_page() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let ada = app.signed_in("ada").await;
    for (function, fields, status, title) in [
        (api::LOGIN, &[("email", ADA), ("password", "wrong")][..], 401, "Sign in"),
        (api::LOGIN, &[("email", ADA), ("password", "")], 422, "Sign in"),
        (api::SIGN_UP, &[("email", ADA)], 422, "Create account"),
        (api::CHANGE_DISPLAY_NAME, &[("display_name", " ")], 422, "Account"),
    ] {
        let page = ada.clone().submit(function, fields).await.assert_status(status);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{function}");
        assert_eq!((page.header("location"), page.header("cache-control")), ("", "no-store"), "{function}");
        assert!(page.set_cookies().is_empty(), "{function}");
        let page = page.assert_shows(&format!("<h1>{title}</h1>"));
        let mut forms = html::tags(&page.body).into_iter().filter(|tag| tag.name == "form");
        let form = forms.find(|form| form.attribute("action") == Some(function)).expect("the form");
        assert_eq!(form.attribute("method"), Some("post"));
        assert!(
            html::tags(&page.body).iter().any(|tag| tag.attribute("aria-invalid") == Some("true")) || status == 401
        );
    }
}

#[tokio::test]
async fn an_accepted_form_redirects() {
    let app = TestApp::new().await;
    let mut ada = app.browser();
    let account = [("email", ADA), ("display_name", "Ada"), ("password", PASSWORD)];
    ada.submit(api::SIGN_UP, &account).await.assert_leads_to(ACCOUNT);
    let saved = ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "Ada L.")]).await;
    let saved = ada.get(saved.assert_leads_to(done::DISPLAY_NAME_SAVED).header("location")).await;
    saved.assert_status(200).assert_shows("Saved.").assert_shows("Ada L.");
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    assert!(ada.cookie_names().is_empty());
    ada.submit(api::LOGIN, &account).await.assert_leads_to(ACCOUNT);
    for function in [api::REFRESH, api::CURRENT] {
        ada.submit(function, &[]).await.assert_leads_to(HOME);
    }
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", " ")]).await.assert_leads_to(LOGIN);
}

#[tokio::test]
async fn what_was_typed_into_a_form_survives_the_session_and_can_be_sent_again() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let user = app.session(ada.session_id()).await.user_id;
    app.store.end_session(ada.session_id(), app.now(), EndReason::EndedByOwner).await.expect("ended elsewhere");
    app.advance(minutes(61));
    let sent = [("display_name", "Ada <L.>"), (EXPECTED_USER_FIELD, &user.to_string())];
    let page = ada.submit(api::CHANGE_DISPLAY_NAME, &sent).await.assert_status(401);
    let page = page.assert_shows(r#"<a href="/login" target="_blank""#).assert_shows("Send again");
    let again = sent.map(|(name, _)| (name, html::field_value(&page.body, name).expect("what was sent")));
    assert_eq!(again.each_ref().map(|(_, value)| value.as_str()), sent.map(|(_, value)| value));

    let mut ada = app.browser_of(user).await;
    let fields = again.each_ref().map(|(name, value)| (*name, value.as_str()));
    ada.submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_leads_to(done::DISPLAY_NAME_SAVED);
    let mut eve = app.signed_in("eve").await;
    eve.submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_status(409);
}

#[tokio::test]
async fn an_unsent_form_is_kept_and_not_carried_out() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let user = app.session(ada.session_id()).await.user_id;
    let written = [("display_name", "half a na"), (EXPECTED_USER_FIELD, &user.to_string())];
    let address = keeping(api::CHANGE_DISPLAY_NAME);
    let page = ada.submit(&address, &written).await.assert_status(401).assert_shows("Send again");
    assert_eq!(html::field_value(&page.body, "display_name").as_deref(), Some("half a na"));
    let form = html::tags(&page.body).into_iter().find(|tag| tag.name == "form").expect("a form");
    assert_eq!(form.attribute("action"), Some(api::CHANGE_DISPLAY_NAME));
    ada.call(&address, &written).await.assert_status(400);
    ada.submit(&keeping(api::REFRESH), &written).await.assert_status(400);
    let page = ada.get(ACCOUNT).await.assert_status(200);
    assert_eq!(html::field_value(&page.body, "display_name").as_deref(), Some("ada"));
    let page = app.signed_in("eve").await.submit(&address, &written).await.assert_status(409);
    assert!(!page.body.contains("half a na"), "another user's");
}

#[tokio::test]
async fn too_many_attempts_show_the_form_and_the_time_to_wait() {
    let app = TestApp::with_config(|config| {
        config.limits.sign_in_per_account = "1/min".parse().expect("a rate");
        config.limits.sign_up_per_address = "1/h".parse().expect("a rate");
    })
    .await;
    for (function, title, wait, reported) in [
        (api::LOGIN, "Sign in", "60", "Too many attempts. Try again in 60 seconds."),
        (api::SIGN_UP, "Create account", "3600", "Too many attempts. Try again in 60 minutes."),
    ] {
        let fields = [("email", ADA), ("display_name", "Ada"), ("password", "")];
        app.browser().submit(function, &fields).await.assert_status(422);
        let page = app.browser().submit(function, &fields).await.assert_status(429);
        assert_eq!((page.header("retry-after"), page.header("location")), (wait, ""));
        let page = page.assert_shows(reported).assert_shows(&format!("<h1>{title}</h1>"));
        assert_eq!(html::field_value(&page.body, "email").as_deref(), Some(ADA));
    }
}

#[tokio::test]
async fn opening_a_functions_address_by_hand_leads_to_its_form() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.watched.calls();
    for (function, page) in
        [(api::LOGIN, LOGIN), (api::SIGN_UP, SIGN_UP), (api::CHANGE_DISPLAY_NAME, ACCOUNT), (api::LOGOUT, HOME)]
    {
        ada.get(function).await.assert_leads_to(page);
        ada.get(&format!("{function}?email=x&display_name=y")).await.assert_leads_to(page);
        let script = Request::get(function).header(header::ACCEPT, "application/json").body(Body::empty());
        ada.send(script.expect("a request")).await.assert_status(405);
    }
    for function in [api::REFRESH, api::CURRENT, api::RATE_PASSWORD] {
        let page = ada.get(function).await.assert_status(405).assert_shows("That cannot be done here");
        assert_eq!(page.header("allow"), "POST", "{function}");
    }
    assert!(app.watched.calls().is_empty(), "a GET changes nothing");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn the_requested_page_survives_a_refused_sign_in() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let mut ada = app.browser();
    let turned_away = ada.get("/account?tab=a%26b").await;
    let turned_away = turned_away.assert_leads_to("/login?return_to=/account%3Ftab%3Da%2526b");
    let mut page = ada.get(turned_away.header("location")).await.assert_status(200);
    for _ in 0..3 {
        let wanted = html::field_value(&page.body, "return_to").expect("a value");
        assert_eq!(wanted, "/account?tab=a%26b");
        let to_sign_up = html::tags(&page.body)
            .into_iter()
            .any(|tag| tag.attribute("href").is_some_and(|href| href == "/signup?return_to=/account%3Ftab%3Da%2526b"));
        assert!(to_sign_up, "creating an account instead leads there too");
        let fields = [("email", ADA), ("password", "wrong"), ("return_to", &wanted)];
        page = ada.submit(api::LOGIN, &fields).await.assert_status(401);
    }
    let wanted = html::field_value(&page.body, "return_to").expect("a value");
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", wanted.as_str())];
    ada.submit(api::LOGIN, &fields).await.assert_leads_to("/account?tab=a%26b");
}

#[tokio::test]
async fn no_browser_is_redirected_to_the_page_it_claims_to_come_from() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    for referer in ["https://evil.example/login", "http://127.0.0.1:3000/nowhere", "//evil.example", "\u{fc}"] {
        let mut ada = app.browser_of(app.account(&format!("{}@example.com", referer.len())).await).await;
        let wrong = [("email", ADA), ("password", "wrong"), ("display_name", "")];
        for (function, fields, status, location) in [
            (api::LOGIN, &wrong[..], 401, ""),
            (api::SIGN_UP, &wrong, 422, ""),
            (api::CHANGE_DISPLAY_NAME, &wrong, 422, ""),
            (api::CHANGE_DISPLAY_NAME, &[("display_name", "Ada")], 303, done::DISPLAY_NAME_SAVED),
            (api::RATE_PASSWORD, &wrong, 303, HOME),
            (api::CURRENT, &[], 303, HOME),
            (api::REFRESH, &[], 303, HOME),
            (api::LOGOUT, &[], 303, HOME),
        ] {
            let request = navigation(Method::POST, function)
                .header("sec-fetch-site", "same-origin")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::REFERER, referer)
                .body(Body::from(encode(fields)));
            let answer = ada.send(request.expect("a request")).await.assert_status(status);
            assert_eq!(answer.header("location"), location, "{function} from {referer:?}");
            assert!(!answer.body.contains("evil.example"), "{function}");
        }
    }
}

#[tokio::test]
async fn an_error_in_a_link_is_not_shown() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let errors = [AppError::RateLimited { retry_after_secs: 7 }, AppError::InvalidCredentials, AppError::Forbidden];
    for (page, function) in
        [(LOGIN, api::LOGIN), (SIGN_UP, api::SIGN_UP), (ACCOUNT, api::CHANGE_DISPLAY_NAME), (HOME, api::LOGOUT)]
    {
        let usual = ada.get(page).await.assert_status(200);
        for error in &errors {
            let json = URL_SAFE.encode(serde_json::to_string(error).expect("JSON"));
            // A name may be encoded in many ways.
            for (path, err) in [("__path", "__err"), ("%5F%5fpath", "%5f_err"), ("__p%61th", "__e%72r")] {
                let planted = format!("{page}?x=1&{path}={function}&{err}={}", json.replace('=', "%3D"));
                let mut shown = ada.get(&planted).await;
                if shown.status == 303 {
                    let location = shown.header("location").to_owned();
                    assert_eq!(location, format!("{page}?x=1"), "all that may be done is to drop it");
                    shown = ada.get(&location).await;
                }
                let shown = shown.assert_status(200);
                assert!(!shown.body.contains("role=\"alert\""), "{page} shows {error:?} because {err} says so");
                assert_eq!(html::structure(&shown.body), html::structure(&usual.body), "{planted}");
            }
        }
    }
}

#[tokio::test]
async fn an_unreadable_form_is_a_bad_request_and_never_an_internal_error() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let many = "email=a&".repeat(1500);
    let deep = format!("email{}=x", "[a]".repeat(500));
    let bodies: [&[u8]; 14] = [
        b"",
        b"&&&&",
        b"=",
        b"====&=&",
        b"email",
        b"email=%",
        b"email=%zz&password=%f",
        b"email=%ff%fe&password=%c3",
        b"\xff\xfe\0\x01",
        b"email=a&email=b",
        b"email[]=a&email[x]=b",
        b"{\"email\":\"a\"}",
        many.as_bytes(),
        deep.as_bytes(),
    ];
    for function in [api::LOGIN, api::SIGN_UP, api::CHANGE_DISPLAY_NAME, api::RATE_PASSWORD] {
        for body in bodies {
            for accept in ["text/html", "application/json"] {
                let request = Request::post(function)
                    .header("sec-fetch-site", "same-origin")
                    .header(header::ACCEPT, accept)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(Body::from(body.to_vec()));
                let answer = ada.send(request.expect("a request")).await;
                let what = format!("{function} {accept} {}: {}", String::from_utf8_lossy(body), answer.body);
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 303 | 400 | 401 | 422 | 429), "{status} {what}");
                assert!(matches!(function, api::RATE_PASSWORD) || !matches!(status, 200 | 303), "{status} {what}");
                assert!(answer.set_cookies().is_empty(), "{what}");
            }
        }
    }
    assert!(ada.is_signed_in().await);
}
