//! The data of a user are shown to that user only.

use crate::support::{TestApp, browser::navigation};
use axum::{body::Body, http::Method};
use futures::future::join_all;
use tokenlife::paths::{ACCOUNT, HOME, LOGIN, SIGN_UP, api};

#[tokio::test]
async fn no_private_page_hides_under_a_name_that_caches_keep() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let email = ada.email.clone();
    for below in [
        "/x.css",
        "/.css",
        ".css",
        ";.js",
        "/;.js",
        ";x.css",
        "%0a.css",
        "%00.css",
        "%2fx.css",
        "/%2e%2e/x.css",
        "%23.css",
        "%3f.css",
        "/index.html",
        "/robots.txt",
        "/..%2frobots.txt",
        "/x.js",
        "/x.png",
        "/x",
        "/x/y",
        "%20",
        "/%20",
        "/pkg/tokenlife.css",
        "%09.css",
        "/account",
        "~",
        "*.avif",
    ] {
        let request = navigation(Method::GET, &format!("{ACCOUNT}{below}")).body(Body::empty());
        let answer = ada.send(request.expect("a valid request")).await.assert_status(404);
        assert_eq!(answer.header("cache-control"), "no-store", "{below}");
        if below.contains('.') {
            answer.assert_hides(&email);
        }
    }
    for same in ["/account", "/account/", "/account?x.css", "/account?/x.css"] {
        let page = ada.get(same).await;
        assert!(page.status == 404 || page.header("cache-control") == "no-store", "{same}");
    }
}

#[tokio::test]
async fn no_user_sees_the_data_of_another() {
    let app = TestApp::new().await;
    let people = [app.signed_in("ada").await, app.signed_in("bea").await, app.signed_in("cleo").await];
    let looks = (0..60).map(|number: usize| {
        let mut browser = people[number % 3].clone();
        async move {
            match number % 4 {
                0 => browser.get(HOME).await,
                1 => browser.get(ACCOUNT).await,
                2 => browser.call(api::CURRENT, &[]).await,
                _ => browser.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "")]).await,
            }
        }
    });
    for (number, answer) in join_all(looks).await.into_iter().enumerate() {
        for (other, person) in people.iter().enumerate() {
            assert_eq!(answer.body.contains(&person.email), other == number % 3, "{number}: {}", answer.body);
        }
    }
    for path in [HOME, LOGIN, SIGN_UP, "/nowhere"] {
        app.browser().get(path).await.assert_hides("@example.com");
    }
}
