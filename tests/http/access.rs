//! Which caller may see which page and call which endpoint: the real router, called by every kind of caller, compared
//! with `src/paths.rs`.

use crate::support::{Answer, Browser, TestApp, oauth_client::OAuthClient, test_app::until};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use leptos::server_fn::axum::server_fn_paths;
use std::{collections::BTreeSet, fmt::Write as _};
use tokenlife::{
    paths::{self, Access, Endpoint, PAGES, ReturnTo, api, health, oauth},
    server::web::pages,
};

const EXPECTED_USER: &str = "expected-user";

/// The beginnings of the store's methods that change nothing.
const READS: [&str; 2] = ["find_", "list_"];

/// The endpoints with their methods: those for machines by `GET`, the others by `POST`.
fn endpoints() -> impl Iterator<Item = (&'static Endpoint, bool)> {
    let is_fetched = |endpoint: &Endpoint| endpoint.access == Access::Anyone && !endpoint.path.starts_with("/api/");
    [api::ALL, oauth::ALL, health::ALL].into_iter().flatten().map(move |endpoint| (endpoint, is_fetched(endpoint)))
}

/// A script's call with an empty body.
fn call(browser: &Browser<'_>, path: &str, is_fetched: bool) -> Request<Body> {
    if is_fetched {
        return Request::get(path).body(Body::empty()).expect("a request");
    }
    browser.script_call(path, &[])
}

async fn answer(browser: &mut Browser<'_>, path: &str, is_fetched: bool) -> Answer {
    let request = call(browser, path, is_fetched);
    browser.send(request).await
}

fn is_let_in(answer: &Answer) -> bool {
    ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED]
        .contains(&answer.status)
        && !answer.status.is_server_error()
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.body);
}

/// Declared but not served would be a typing error, served but not declared a security hole.
#[test]
fn what_is_served_is_declared_and_nothing_else() {
    let declared = |paths: &[&'static str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    let served: BTreeSet<_> = pages::paths().collect();
    assert_eq!(served, declared(&PAGES.iter().map(|page| page.path).collect::<Vec<_>>()), "pages");
    let served: BTreeSet<_> = server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(served, declared(&api::ALL.iter().map(|endpoint| endpoint.path).collect::<Vec<_>>()), "functions");
}

#[tokio::test]
async fn anonymous_visitors_get_what_is_for_anyone() {
    let app = TestApp::new().await;
    as_anonymous(&app, &app.browser()).await;
    for (endpoint, is_fetched) in endpoints().filter(|(endpoint, _)| endpoint.access == Access::Client) {
        assert_refused(&answer(&mut app.browser(), endpoint.path, is_fetched).await, endpoint.path);
    }
}

#[tokio::test]
async fn a_signed_in_user_gets_all_but_what_is_for_clients() {
    let app = TestApp::new().await;
    let ada = app.account("ada@example.com").await;
    for page in PAGES {
        // No upstream keeps notes here, so that page does not exist.
        let expected = if page.path == paths::NOTES { 404 } else { 200 };
        app.browser_of(ada).await.get(page.path).await.assert_status(expected);
    }
    for (endpoint, is_fetched) in endpoints() {
        let mut browser = app.browser_of(ada).await;
        app.watched.calls();
        let got = answer(&mut browser, endpoint.path, is_fetched).await;
        if endpoint.access == Access::Client {
            assert_refused(&got, endpoint.path);
            continue;
        }
        // A session without an id is not found; sign-in requires credentials.
        let is_found = is_let_in(&got) || got.body.contains("not_found") || got.body.contains("validation");
        assert!(is_found, "{}: {} {}", endpoint.path, got.status, got.body);
        if !endpoint.writes {
            let calls = app.watched.calls();
            let writes = calls.iter().find(|call| !READS.iter().any(|read| call.starts_with(read)) && **call != "ping");
            assert_eq!(writes, None, "{} is declared to write nothing", endpoint.path);
        }
    }
}

/// A page that shows one user is still open when another has signed in: its requests are for neither.
#[tokio::test]
async fn another_user_is_refused_what_names_the_first() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.account("ada@example.com").await, app.account("eve@example.com").await);
    for endpoint in api::ALL {
        let browser = app.browser_of(eve).await;
        app.watched.calls();
        let mut request = browser.script_call(endpoint.path, &[]);
        request.headers_mut().insert(EXPECTED_USER, ada.to_string().parse().expect("a header value"));
        let got = browser.send_only(request).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}: {}", endpoint.path, got.body);
        assert!(got.body.contains("other_user") && got.set_cookies().is_empty(), "{}: {}", endpoint.path, got.body);
        assert_eq!(app.watched.calls(), [] as [&str; 0], "{}: nothing has been run", endpoint.path);
    }
}

#[tokio::test]
async fn a_disabled_user_is_anonymous() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let key = tokenlife::server::domain::email::EmailKey::of(&ada.email).expect("an address");
    assert!(app.state.accounts.disable(&key).await.expect("the store responds"));
    until("the session has ended here", async || app.ended.contains(ada.session_id())).await;
    as_anonymous(&app, &ada).await;
}

#[tokio::test]
async fn a_client_gets_what_is_for_clients_and_is_no_user() {
    let app = TestApp::new().await;
    let client = OAuthClient::registered(&app, "bills").await;
    as_anonymous_with(&app, &app.browser(), Some(&client.basic())).await;
    for (endpoint, _) in endpoints().filter(|(endpoint, _)| endpoint.access == Access::Client) {
        let got = client.post(endpoint.path, &[]).await;
        // The form was empty, but access was allowed.
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{}: {}", endpoint.path, got.body);
    }
}

async fn as_anonymous(app: &TestApp, browser: &Browser<'_>) {
    as_anonymous_with(app, browser, None).await;
}

/// Asserts that a browser gets what is public, and is redirected to the sign-in page or refused everywhere else.
async fn as_anonymous_with(app: &TestApp, browser: &Browser<'_>, authorization: Option<&str>) {
    let authorized = |mut request: Request<Body>| {
        if let Some(value) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, value.parse().expect("a header value"));
        }
        request
    };
    for page in PAGES {
        let request = Request::get(page.path).header(header::ACCEPT, "text/html").header("sec-fetch-dest", "document");
        let got = browser.send_only(authorized(request.body(Body::empty()).expect("a request"))).await;
        if page.access == Access::SignedIn {
            got.assert_leads_to(&paths::login_returning_to(&ReturnTo::parse(Some(page.path))));
        } else {
            got.assert_status(200);
        }
    }
    for (endpoint, is_fetched) in endpoints().filter(|(endpoint, _)| endpoint.access != Access::Client) {
        app.watched.calls();
        let got = browser.send_only(authorized(call(browser, endpoint.path, is_fetched))).await;
        match endpoint.access {
            Access::SignedIn => {
                assert_refused(&got, endpoint.path);
                assert!(!app.watched.calls().iter().any(|call| !call.starts_with("find_")), "{}", endpoint.path);
            }
            Access::RefreshToken => assert_refused(&got, endpoint.path),
            // A browser whose session has ended is informed of that.
            Access::Anyone if endpoint.path == api::CURRENT && browser.cookie_header().is_some() => {
                assert_refused(&got, endpoint.path);
            }
            Access::Anyone | Access::Client => {
                let is_found = is_let_in(&got) || got.body.contains("validation");
                assert!(is_found, "{}: {} {}", endpoint.path, got.status, got.body);
            }
        }
    }
}

/// The browser tests know the same paths under the same names.
#[test]
fn the_browser_tests_have_the_paths_of_today() {
    let mut expected = String::from("// Written from src/paths.rs; tests/http/access.rs compares them.\n\n");
    for page in PAGES {
        let _ = writeln!(expected, "export const {} = '{}';", page.name, page.path);
    }
    for (name, list) in [("api", api::ALL), ("oauth", oauth::ALL), ("health", health::ALL)] {
        let _ = writeln!(expected, "\nexport const {name} = {{");
        for endpoint in list {
            let _ = writeln!(expected, "  {}: '{}',", in_camel_case(endpoint.name), endpoint.path);
        }
        let _ = writeln!(expected, "}} as const;");
    }
    let _ = write!(
        expected,
        "\n/** Below the gateway. */\nexport const upstreams = {{\n  notes: '{}',\n  changes: '{}',\n}} as const;\n",
        paths::NOTES_SERVICE,
        paths::NOTES_CHANGES
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/end2end/support/paths.ts");
    let found = std::fs::read_to_string(file).expect("the file");
    assert!(found == expected, "end2end/support/paths.ts is out of date; it should be:\n{expected}");
}

fn in_camel_case(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}
