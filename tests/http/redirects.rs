//! Where a response may redirect a browser: pages of this origin, whatever a link or a form requests.

use crate::support::{
    Answer, TestApp,
    browser::{encode, navigation},
    html,
    test_app::PASSWORD,
};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use tokenlife::paths::{ACCOUNT, LOGIN, SIGN_UP, api};
use url::Url;

const ADA: &str = "ada@example.com";

/// Redirect targets of attackers, and ones that would break the head of the response.
#[expect(clippy::too_many_lines, reason = "a list")]
fn attempts() -> Vec<String> {
    let written = [
        "https://evil.example",
        "http://evil.example",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "/\\/evil.example",
        "//\\evil.example",
        "/\\\\evil.example",
        "\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:\\\\evil.example",
        "HTTPS://EVIL.EXAMPLE",
        "javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "blob:https://evil.example/x",
        "ftp://evil.example",
        "file:///etc/passwd",
        "mailto:x@evil.example",
        "evil.example",
        "www.evil.example/x",
        ".evil.example",
        "@evil.example",
        ":80@evil.example",
        "/@evil.example",
        "//user:pass@evil.example",
        "//evil.example:443/x",
        "//[::1]/x",
        "//127.0.0.1:3001",
        "//0x7f000001",
        "//evil。example",
        "//evil%E3%80%82example",
        "/%2f/evil.example",
        "/%2F%2Fevil.example",
        "/%5cevil.example",
        "/%5C%5Cevil.example",
        "%2f%2fevil.example",
        "%5c%5cevil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        "\n//evil.example",
        " //evil.example",
        "\u{0}//evil.example",
        "/\u{0}/evil.example",
        "/\u{b}/evil.example",
        "/\u{c}/evil.example",
        "/\u{a0}/evil.example",
        "/\u{200b}/evil.example",
        "/\u{2028}/evil.example",
        "/\u{feff}/evil.example",
        "/\u{ad}/evil.example",
        "\u{feff}//evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/../..//evil.example",
        "/account/..//evil.example",
        "/./\\evil.example",
        "/%2e//evil.example",
        "/%2e%2e//evil.example",
        "/a/%2E./%2e%2E//evil.example",
        "/;//evil.example",
        "/account//evil.example",
        "/account\r\nSet-Cookie: x=y",
        "/account\r\n\r\n<script>",
        "/account%0d%0aSet-Cookie:%20x=y",
        "/%0d%0a/evil.example",
        "/account\u{0}",
        "/account\u{7f}",
        "/account\u{80}",
        "/account\u{85}",
        "/é",
        "/account?q=é#ü",
        "/💥",
        "/account?x=\u{fffd}",
        "/%c3%28",
        "/%ff%fe",
        "/%",
        "/%zz",
        "/%u2215evil.example",
        "\u{ff0f}\u{ff0f}evil.example",
        "\u{2215}\u{2215}evil.example",
        "/?next=//evil.example",
        "/#//evil.example",
        "?//evil.example",
        "#//evil.example",
        "/login",
        "/login?return_to=//evil.example",
        "/signup",
        "/api/session/logout",
        "/LOGIN",
        "/login/",
        "/api",
        "/api/",
        "/\"><script>alert(1)</script>",
        "/'-alert(1)-'",
        "/');alert(1)//",
        "/<svg onload=alert(1)>",
        "/`${alert(1)}`",
        "/account\";history.pushState(0,0,'//x",
        "/{{7*7}}",
        "",
        " ",
        "/",
        "//",
        "///",
        "/\\",
        ".",
        "..",
        "/..",
        "null",
        "undefined",
        "*",
        "0",
    ];
    let long = [8, 60].map(|kibibytes| format!("/{}", "a".repeat(kibibytes * 1024 - 1)));
    written.into_iter().map(str::to_owned).chain(long).collect()
}

/// The address that a browser on this origin resolves it to (WHATWG URL).
#[track_caller]
fn assert_stays_here(app: &TestApp, location: &str, wanted: &str) {
    let what = format!("{location:?} for {wanted:?}");
    assert!(location.starts_with('/') && location.bytes().all(|byte| byte.is_ascii_graphic()), "{what}");
    let here = Url::parse(&app.origin).expect("our origin");
    let there = here.join(&format!("{LOGIN}?x")).and_then(|page| page.join(location)).expect("a URL");
    assert_eq!(there.origin(), here.origin(), "{what}");
    assert!(there.username().is_empty() && there.password().is_none(), "{what}");
    // Resolving dots has not uncovered a second slash.
    assert!(!there.path().starts_with("//") && !there.path().contains('\\'), "{what}");
    assert!(!there.path().starts_with("/api/"), "no form is sent by coming back: {what}");
}

#[track_caller]
fn location(answer: &Answer) -> String {
    let locations: Vec<_> = answer.headers.get_all(header::LOCATION).iter().collect();
    assert_eq!(locations.len(), 1);
    locations[0].to_str().expect("ASCII").to_owned()
}

/// Whether the target is too long for a request.
fn is_refused_unread(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 413 | 414 | 431)
}

#[tokio::test]
async fn a_link_to_the_sign_in_page_cannot_lead_away_afterwards() {
    let app = TestApp::new().await;
    assert!(attempts().len() > 100);
    for page in [LOGIN, SIGN_UP] {
        let usual = html::structure(&app.browser().get(page).await.assert_status(200).body);
        for wanted in attempts() {
            let answer = app.browser().get(&format!("{page}?{}", encode(&[("return_to", &wanted)]))).await;
            if is_refused_unread(&answer) {
                assert!(wanted.len() > 4096, "{wanted:?}");
                continue;
            }
            assert_eq!(answer.status, 200, "{wanted:?}: {}", answer.body);
            let body = answer.body;
            assert_eq!(html::structure(&body), usual, "{wanted:?}");
            assert_stays_here(&app, &html::field_value(&body, "return_to").expect("a value"), &wanted);
            for link in html::tags(&body).iter().filter(|tag| tag.name == "a") {
                let href = link.attribute("href").expect("an address");
                assert!(href == "#main" || href.starts_with('/') && !href.starts_with("//"), "{href} for {wanted:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_unencoded_link_does_no_harm_either() {
    let app = TestApp::new().await;
    for raw in [
        "%",
        "%zz",
        "%0d%0ax",
        "%00",
        "%7f",
        "%ff",
        "%c3%28",
        "//evil.example",
        "/\\evil.example",
        "+//evil",
        "é",
        "&&",
        "a=b=c",
    ] {
        for query in [format!("return_to={raw}"), format!("return_to=/&return_to={raw}"), format!("return_to={raw}&x")]
        {
            let Ok(request) = navigation(Method::GET, &format!("{LOGIN}?{query}")).body(Body::empty()) else {
                continue;
            };
            let answer = app.browser().send(request).await.assert_status(200);
            assert_stays_here(&app, &html::field_value(&answer.body, "return_to").expect("a value"), &query);
        }
    }
}

#[tokio::test]
async fn no_sign_in_leads_away() {
    let app = TestApp::with_config(|config| {
        config.limits.sign_in_per_account = "1000/min".parse().expect("a rate");
        config.limits.sign_in_per_address = "1000/min".parse().expect("a rate");
    })
    .await;
    app.account(ADA).await;
    for (number, wanted) in attempts().into_iter().enumerate() {
        let fields = [("email", ADA), ("password", PASSWORD), ("return_to", wanted.as_str())];
        let answer = if number % 2 == 0 {
            app.browser().submit(api::LOGIN, &fields).await
        } else {
            app.browser().call(api::LOGIN, &fields).await
        };
        if is_refused_unread(&answer) {
            assert!(wanted.len() > 16_000, "{wanted:?}");
            continue;
        }
        assert!(matches!(answer.status.as_u16(), 200 | 303), "{wanted:?}: {}", answer.status);
        assert_stays_here(&app, &location(&answer), &wanted);
    }
}

#[tokio::test]
async fn no_refused_form_carries_a_way_out() {
    let app = TestApp::with_config(|config| {
        config.limits.sign_in_per_account = "1000/min".parse().expect("a rate");
        config.limits.sign_in_per_address = "1000/min".parse().expect("a rate");
    })
    .await;
    let refused = async |wanted: &str| {
        let fields = [("email", ADA), ("password", ""), ("return_to", wanted)];
        app.browser().submit(api::LOGIN, &fields).await
    };
    let usual = html::structure(&refused(ACCOUNT).await.assert_status(422).body);
    for wanted in attempts() {
        let answer = refused(&wanted).await;
        if is_refused_unread(&answer) {
            assert!(wanted.len() > 16_000, "{wanted:?}");
            continue;
        }
        let body = answer.assert_status(422).body;
        assert_eq!(html::structure(&body), usual, "{wanted:?}");
        assert_stays_here(&app, &html::field_value(&body, "return_to").expect("a value"), &wanted);
        let scripts = html::tags(&body).into_iter().filter(|tag| tag.name == "script");
        let settles: Vec<_> = scripts.filter(|script| script.content.contains("replaceState")).collect();
        let shown = settles[0]
            .content
            .strip_prefix("history.replaceState(null,'',\"")
            .and_then(|rest| rest.strip_suffix("\")"));
        let shown = shown.expect("nothing but the address");
        assert!(shown.starts_with(LOGIN) && !shown.contains(['"', '\\', '<', '\'']), "{shown} for {wanted:?}");
    }
}

#[tokio::test]
async fn a_redirected_visitor_returns_to_a_page_of_this_origin() {
    let app = TestApp::new().await;
    for below in [
        "",
        "/",
        "?a=b",
        "/x?return_to=//evil.example",
        "//evil.example",
        "/%0d%0aSet-Cookie:x=y",
        "/%00",
        "/%7f",
        "/%c3%a9",
        "/é",
        "?é",
        "/..//evil.example",
        "/%2e%2e//evil.example",
        "/;x",
        "/\"",
        "/'",
        "/%5cevil",
        "/a%2fb",
        "/%",
        "/@evil.example",
        "/a:b",
        "/*",
        "/~",
        "/'><script>",
        "/[",
        "/{",
        "/|",
        "/^",
        "/`",
    ] {
        let Ok(request) = navigation(Method::GET, &format!("{ACCOUNT}{below}")).body(Body::empty()) else { continue };
        let answer = app.browser().send(request).await;
        if below.contains('.') && answer.status == 404 {
            // A path that looks like a file is one, or not found.
            continue;
        }
        let answer = answer.assert_status(303);
        let to_sign_in = location(&answer);
        assert!(to_sign_in == LOGIN || to_sign_in.starts_with("/login?return_to=/"), "{to_sign_in}");
        assert_stays_here(&app, &to_sign_in, below);
        let page = app.browser().get(&to_sign_in).await.assert_status(200).body;
        assert_stays_here(&app, &html::field_value(&page, "return_to").expect("a value"), below);
    }
}

#[tokio::test]
async fn no_request_header_decides_a_redirect() {
    let app = TestApp::new().await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "//evil.example"),
        ("x-original-url", "//evil.example"),
        ("x-rewrite-url", "/api/session/logout"),
        ("referer", "https://evil.example"),
        ("origin", "https://evil.example"),
    ] {
        let request =
            |path: &str| Request::get(path).header("accept", "text/html").header(name, value).body(Body::empty());
        let turned_away = app.browser().send(request(ACCOUNT).expect("a request")).await.assert_leads_to(LOGIN);
        assert!(turned_away.set_cookies().is_empty());
        for path in ["/", LOGIN, "/nowhere"] {
            let page = app.browser().send(request(path).expect("a request")).await;
            assert!(!page.body.contains("evil.example"), "{name} is in {path}");
            assert!(
                page.headers.values().all(|value| !value.as_bytes().windows(12).any(|part| part == b"evil.example"))
            );
        }
    }
}
