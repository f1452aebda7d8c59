//! No other site acts on behalf of a user: every server function, every way to send a form.

use crate::support::{Answer, Browser, TestApp, browser::encode, test_app::PASSWORD};
use axum::{
    body::Body,
    http::{Method, Request, header, request::Builder},
};
use leptos::server_fn::axum::server_fn_paths;
use tokenlife::paths::{ACCOUNT, HOME, LOGIN, api};

const OURS: &str = "http://127.0.0.1:3000";
const EVIL: &str = "https://evil.example";
const FORM: &str = "application/x-www-form-urlencoded";

/// Arguments with which each function does something, if it is run.
const FIELDS: [(&str, &str); 3] = [("email", "eve@example.com"), ("display_name", "Eve"), ("password", PASSWORD)];

fn registered() -> Vec<&'static str> {
    let mut paths: Vec<_> = server_fn_paths().map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths
}

fn post(path: &str) -> Builder {
    Request::post(path).header(header::ACCEPT, "text/html,*/*;q=0.8").header(header::CONTENT_TYPE, FORM)
}

fn with(builder: Builder, headers: &[(&str, Option<&str>)]) -> Builder {
    let given = headers.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
    given.fold(builder, |builder, (name, value)| builder.header(name, value))
}

async fn send(browser: &mut Browser<'_>, builder: Builder) -> Answer {
    browser.send(builder.body(Body::from(encode(&FIELDS))).expect("a request")).await
}

#[track_caller]
fn assert_refused(app: &TestApp, answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}");
    assert!(answer.set_cookies().is_empty(), "{what}: {:?}", answer.set_cookies());
    assert!(!answer.headers.contains_key(header::LOCATION), "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(app.watched.calls(), [] as [&str; 0], "nothing has been run: {what}");
}

#[test]
fn every_function_is_known_here_and_is_a_post() {
    let mut known: Vec<_> = api::ALL.iter().map(|endpoint| endpoint.path).collect();
    known.sort_unstable();
    assert_eq!(registered(), known, "a new function belongs into these tests");
    for (path, method) in server_fn_paths() {
        assert_eq!(method, Method::POST, "{path}: a GET would travel with SameSite=Lax cookies");
        assert!(path.starts_with("/api/"), "{path}");
    }
}

#[tokio::test]
async fn fetch_metadata_and_origin_decide_which_calls_are_accepted() {
    let app = TestApp::with_config(|config| {
        config.limits.sign_in_per_account = "1000/min".parse().expect("a rate");
        config.limits.sign_up_per_address = "1000/h".parse().expect("a rate");
    })
    .await;
    let sites = [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none"), Some("garbage")];
    let origins = [None, Some(OURS), Some(EVIL), Some("null")];
    let signed_in = app.signed_in("ada").await;
    let mut cells = 0;
    for function in registered() {
        for site in sites {
            for origin in origins {
                for has_cookies in [true, false] {
                    let allowed = match (site, origin) {
                        (Some(site), _) => matches!(site, "same-origin" | "none"),
                        (None, Some(origin)) => origin == OURS,
                        (None, None) => !has_cookies,
                    };
                    let mut browser = if has_cookies { signed_in.clone() } else { app.browser() };
                    let request = with(post(function), &[("sec-fetch-site", site), ("origin", origin)]);
                    app.watched.calls();
                    // Empty forms, so that accepted requests do not keep the hasher busy.
                    let answer = browser.send(request.body(Body::empty()).expect("a request")).await;
                    let what = format!("{function} {site:?} {origin:?} cookies: {has_cookies}");
                    if allowed {
                        assert_ne!(answer.status, 403, "{what}");
                    } else {
                        assert_refused(&app, &answer, 403, &what);
                    }
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, registered().len() * 6 * 4 * 2);
}

#[tokio::test]
async fn requests_of_another_site_change_nothing() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let before = app.session(ada.session_id()).await;
    for function in registered() {
        for (site, origin) in [
            (Some("cross-site"), Some(EVIL)),
            (Some("same-site"), Some("https://sibling.example")),
            (None, Some(EVIL)),
            (None, Some("null")),
            (None, None),
        ] {
            app.watched.calls();
            let request = with(post(function), &[("sec-fetch-site", site), ("origin", origin)]);
            let answer = send(&mut ada, request).await;
            assert_refused(&app, &answer, 403, &format!("{function} {site:?} {origin:?}"));
        }
    }
    assert_eq!(app.session(ada.session_id()).await, before, "neither ended nor moved on");
    assert_eq!(app.store.list_users(None, 100).await.expect("the store responds").len(), 1, "no user was created");
    ada.get(ACCOUNT).await.assert_status(200).assert_shows("value=\"ada\"");
}

#[tokio::test]
async fn an_origin_has_to_match_exactly() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    for origin in [
        "http://127.0.0.1:3000/",
        "http://127.0.0.1",
        "https://127.0.0.1:3000",
        "http://127.0.0.1:3001",
        "http://localhost:3000",
        "HTTP://127.0.0.1:3000",
        "http://127.0.0.1:3000.evil.example",
        "http://127.0.0.1:3000@evil.example",
        "http://evil.example#http://127.0.0.1:3000",
        "http://127.0.0.1:3000, https://evil.example",
        "https://evil.example http://127.0.0.1:3000",
        "",
        "*",
        "file://",
        "null",
    ] {
        app.watched.calls();
        let answer = send(&mut ada.clone(), post(api::LOGOUT).header(header::ORIGIN, origin)).await;
        assert_refused(&app, &answer, 403, origin);
    }
    let twice = [
        post(api::LOGOUT).header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site"),
        post(api::LOGOUT).header("sec-fetch-site", "same-origin").header("sec-fetch-site", "same-origin"),
        post(api::LOGOUT).header("sec-fetch-site", "same-origin, cross-site"),
        post(api::LOGOUT).header("sec-fetch-site", "Same-Origin"),
        post(api::LOGOUT).header(header::ORIGIN, OURS).header(header::ORIGIN, EVIL),
        post(api::LOGOUT).header(header::REFERER, format!("{OURS}/account")).header(header::HOST, "127.0.0.1:3000"),
    ];
    for request in twice {
        app.watched.calls();
        let what = format!("{request:?}");
        let answer = send(&mut ada.clone(), request).await;
        assert_refused(&app, &answer, 403, &what);
    }
}

#[tokio::test]
async fn no_other_site_signs_a_user_in_as_another() {
    let app = TestApp::new().await;
    app.account("mallory@example.com").await;
    let credentials = encode(&[("email", "mallory@example.com"), ("password", PASSWORD), ("display_name", "Mallory")]);
    let mut anonymous = app.browser();
    let mut ada = app.signed_in("ada").await;
    for victim in [&mut anonymous, &mut ada] {
        let names: Vec<String> = victim.cookie_names().into_iter().map(str::to_owned).collect();
        for function in [api::LOGIN, api::SIGN_UP] {
            for (site, origin) in
                [("cross-site", EVIL), ("cross-site", "null"), ("same-site", "https://sibling.example")]
            {
                let request = with(post(function), &[("sec-fetch-site", Some(site)), ("origin", Some(origin))]);
                let request = request.body(Body::from(credentials.clone())).expect("a request");
                app.watched.calls();
                let answer = victim.send(request).await;
                assert_refused(&app, &answer, 403, function);
            }
        }
        assert_eq!(victim.cookie_names(), names);
    }
    anonymous.get(ACCOUNT).await.assert_leads_to(LOGIN);
    ada.get(ACCOUNT).await.assert_status(200).assert_hides("mallory");
}

#[tokio::test]
async fn only_the_form_encoding_is_read() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let types = [
        None,
        Some(""),
        Some("text/plain"),
        Some("text/plain; charset=utf-8"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json"),
        Some("application/json; x=application/x-www-form-urlencoded"),
        Some("application/cbor"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded; charset=utf-16"),
        Some("application/x-www-form-urlencoded, text/plain"),
        Some("application/x-www-form-urlencodedx"),
    ];
    for function in registered() {
        for content_type in types {
            for accept in ["text/html", "application/json"] {
                let request = Request::post(function).header("sec-fetch-site", "same-origin").header("accept", accept);
                app.watched.calls();
                let answer = send(&mut ada, with(request, &[("content-type", content_type)])).await;
                assert_refused(&app, &answer, 415, &format!("{function} {content_type:?}"));
                assert_eq!(answer.header("accept"), FORM, "what would be read");
            }
        }
    }
    assert!(ada.is_signed_in().await);
    for fitting in [FORM, "Application/X-WWW-Form-URLEncoded", "application/x-www-form-urlencoded;charset=UTF-8"] {
        let request =
            Request::post(api::CURRENT).header("sec-fetch-site", "same-origin").header("content-type", fitting);
        send(&mut ada, request).await.assert_status(200);
    }
}

#[tokio::test]
async fn get_requests_change_nothing_and_other_methods_do_nothing() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let before = app.session(ada.session_id()).await;
    for function in registered() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post"] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{function}?{}", encode(&FIELDS)))
                .header("sec-fetch-site", "same-origin")
                .header(header::CONTENT_TYPE, FORM)
                .header(header::ACCEPT, "*/*");
            app.watched.calls();
            let answer = send(&mut ada, request).await;
            assert_refused(&app, &answer, 405, &format!("{method} {function}"));
        }
    }
    for page in [HOME, LOGIN, ACCOUNT, "/nowhere"] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            for (site, refused) in [("cross-site", &[403][..]), ("same-origin", &[404, 405])] {
                let request = Request::builder().method(method).uri(page).header("sec-fetch-site", site);
                let answer = send(&mut ada, request).await;
                assert!(refused.contains(&answer.status.as_u16()), "{method} {page}: {}", answer.status);
                assert_eq!(app.watched.calls(), [] as [&str; 0]);
            }
        }
    }
    assert_eq!(app.session(ada.session_id()).await, before);
    let from_a_mail = Request::get(ACCOUNT).header("sec-fetch-site", "cross-site").header("accept", "text/html");
    send(&mut ada, from_a_mail).await.assert_status(200);
}

#[tokio::test]
async fn no_other_origin_may_read_anything() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    for origin in [EVIL, "null", "https://app.evil.example", "http://127.0.0.1:3001", OURS, "*"] {
        for path in
            registered().into_iter().chain([HOME, ACCOUNT, LOGIN, "/pkg/tokenlife.css", "/health/live", "/nowhere"])
        {
            for method in ["GET", "POST", "OPTIONS", "HEAD", "PUT"] {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::ORIGIN, origin)
                    .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
                    .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "content-type")
                    .header("access-control-request-private-network", "true");
                let answer = ada.clone().send(request.body(Body::empty()).expect("a request")).await;
                let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(cors, None, "{method} {path} from {origin}");
                assert!(answer.headers.values().all(|value| value != EVIL), "{method} {path}");
            }
        }
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_websocket_is_opened_for_no_other_origin() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    for path in registered().into_iter().chain([HOME, ACCOUNT, LOGIN, "/nowhere", "/api/nowhere"]) {
        for (site, origin, is_ours) in [
            (None, Some(EVIL), false),
            (None, Some("null"), false),
            (None, None, false),
            (Some("cross-site"), Some(OURS), false),
            (Some("same-site"), Some(OURS), false),
            (Some("same-origin"), Some(EVIL), false),
            (Some("none"), None, false),
            (Some("same-origin"), Some(OURS), true),
            (None, Some(OURS), true),
        ] {
            for upgrade in ["websocket", "WebSocket", "h2c, websocket"] {
                let request = Request::get(path)
                    .header(header::CONNECTION, "Upgrade")
                    .header(header::UPGRADE, upgrade)
                    .header("sec-websocket-version", "13")
                    .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
                let request = with(request, &[("sec-fetch-site", site), ("origin", origin)]);
                app.watched.calls();
                let answer = ada.send(request.body(Body::empty()).expect("a request")).await;
                let what = format!("{path} {site:?} {origin:?} {upgrade}");
                assert_ne!(answer.status, 101, "there is none to open: {what}");
                if is_ours {
                    assert_ne!(answer.status, 403, "{what}");
                } else {
                    assert_refused(&app, &answer, 403, &what);
                }
            }
        }
    }
}
