//! Creating an account.

use crate::support::{Answer, FullQueue, TestApp, browser::ALL_COOKIES, html, test_app::PASSWORD};
use futures::future::join_all;
use serde_json::{Value, json};
use tokenlife::{
    model::PageData,
    paths::{ACCOUNT, HOME, SIGN_UP, api},
    server::domain::email::EmailKey,
};

const ADA: &str = "ada@example.com";

/// Input of attackers. None has control characters, so each is an acceptable name.
const PAYLOADS: [&str; 40] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</SCRIPT ><svg/onload=alert(1)>",
    "<!--<script>",
    "--><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "\" autofocus onfocus=alert(1) x=\"",
    "`onmouseover=alert(1)",
    "javascript:alert(1)",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></mtext><script>alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</noscript><script>alert(1)</script>",
    "</main></body></html><script>alert(1)</script>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example>",
    "<form action=//evil.example><input name=password>",
    "<button formaction=//evil.example>x",
    "<style>*{display:none}</style>",
    "\";alert(1)//",
    "';alert(1)//",
    "\\\";alert(1)//",
    "\\';alert(1)//",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "\\x3cscript\\x3e",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "＜script＞alert(1)＜/script＞",
];

fn problems(answer: &Answer) -> Vec<(String, String)> {
    let json: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(json["code"], "validation");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields = json["detail"].as_array().expect("a list").iter();
    fields.map(|error| (text(&error["field"]), text(&error["problem"]))).collect()
}

async fn how_many_users(app: &TestApp) -> usize {
    app.store.list_users(None, 1000).await.expect("the store responds").len()
}

#[tokio::test]
async fn an_account_is_there_and_signed_in_at_once() {
    let app = TestApp::new().await;
    let mut ada = app.browser();
    let fields = [("email", " Ada@Example.COM "), ("display_name", " Ada 🦀 O’Neil "), ("password", PASSWORD)];
    let answer = ada.submit(api::SIGN_UP, &fields).await.assert_leads_to(ACCOUNT);
    assert_eq!(answer.issued(), ALL_COOKIES);
    let page = ada.get(ACCOUNT).await.assert_status(200).assert_shows("<dd>Ada@Example.COM</dd>");
    assert_eq!(html::field_value(&page.body, "display_name").as_deref(), Some("Ada 🦀 O’Neil"));
    let key = EmailKey::of(ADA).expect("an address");
    let user = app.store.find_user_by_email(&key).await.expect("the store responds").expect("a user");
    assert!(user.password.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "PHC, with its parameters");

    let reported = app.browser().call(api::SIGN_UP, &[("email", "bob@example.com"), fields[1], fields[2]]).await;
    let reported = reported.assert_status(200);
    assert_eq!((reported.body.as_str(), reported.header("location"), reported.issued().len()), ("null", ACCOUNT, 3));
}

#[tokio::test]
async fn all_problems_are_reported_at_once() {
    let app =
        TestApp::with_config(|config| config.limits.sign_up_per_address = "1000/h".parse().expect("a rate")).await;
    let long_name = "ä".repeat(101);
    for (email, name, password, expected) in [
        ("", "", "", &[("email", "required"), ("display_name", "required"), ("password", "required")][..]),
        (
            "nonsense",
            "a\u{202e}b",
            "short",
            &[
                ("email", "not_an_email"),
                ("display_name", "control_characters"),
                ("password", r#"{"too_short":{"min":8}}"#),
            ],
        ),
        (
            "ada@localhost",
            &long_name,
            "password",
            &[
                ("email", "not_an_email"),
                ("display_name", r#"{"too_long":{"max":100}}"#),
                ("password", "common_password"),
            ],
        ),
        (ADA, "Ada", "ADA@example.com", &[("password", "personal_password")]),
        (ADA, "Ada Lovelace", "adalovelace", &[("password", "personal_password")]),
        (ADA, "Ada", "aaaaaaaaaaaaaaaaaaaa", &[("password", "guessable_password")]),
        (ADA, "Ada", &"x".repeat(1025), &[("password", r#"{"too_long":{"max":1024}}"#)]),
        (
            "a@b.example\r\nBcc: c@d.example",
            "Ada\r\nX",
            PASSWORD,
            &[("email", "not_an_email"), ("display_name", "control_characters")],
        ),
        (
            "a@b.example, c@d.example",
            "Ada\0",
            PASSWORD,
            &[("email", "not_an_email"), ("display_name", "control_characters")],
        ),
    ] {
        let fields = [("email", email), ("display_name", name), ("password", password)];
        let answer = app.browser().call(api::SIGN_UP, &fields).await.assert_status(422);
        let expected: Vec<_> =
            expected.iter().map(|(field, problem)| ((*field).to_owned(), (*problem).to_owned())).collect();
        assert_eq!(problems(&answer), expected, "{fields:?}");
        let page = app.browser().submit(api::SIGN_UP, &fields).await.assert_status(422);
        for (field, _) in expected {
            assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{field} shows no problem for {fields:?}");
        }
        assert!(answer.set_cookies().is_empty() && page.set_cookies().is_empty());
    }
    assert_eq!(how_many_users(&app).await, 0, "nothing half-written");
}

#[tokio::test]
async fn the_form_comes_back_with_what_was_typed_but_never_the_password() {
    let app = TestApp::new().await;
    let password = "secr3t!";
    let fields = [
        ("email", "ada at example"),
        ("display_name", "Ada L."),
        ("password", password),
        ("return_to", "/account?a=b"),
    ];
    let page = app.browser().submit(api::SIGN_UP, &fields).await.assert_status(422);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let page = page.assert_shows("<h1>Create account</h1>").assert_hides(password);
    assert_eq!(html::field_value(&page.body, "email").as_deref(), Some("ada at example"));
    assert_eq!(html::field_value(&page.body, "display_name").as_deref(), Some("Ada L."));
    assert_eq!(html::field_value(&page.body, "password"), None, "what was typed as password stays behind");
    assert_eq!(html::field_value(&page.body, "return_to").as_deref(), Some("/account?a=b"));
    let inputs = html::tags(&page.body).into_iter().filter(|tag| tag.name == "input");
    for input in inputs.filter(|input| input.attribute("type") != Some("hidden")) {
        let refused = input.attribute("name") != Some("display_name");
        assert_eq!(input.attribute("aria-invalid"), refused.then_some("true"), "{input:?}");
        let described = input.attribute("aria-describedby").is_some_and(|ids| ids.contains("-error"));
        assert_eq!(
            (described, input.attribute("autofocus").is_some()),
            (refused, input.attribute("name") == Some("email"))
        );
    }
}

#[tokio::test]
async fn a_taken_address_is_reported_next_to_its_field_whatever_its_spelling() {
    let app = TestApp::new().await;
    app.account("ada@bücher.example").await;
    for spelling in
        ["ada@bücher.example", "ADA@BÜCHER.example", "ada@xn--bcher-kva.example", " ａｄａ@bücher.example. "]
    {
        let fields = [("email", spelling), ("display_name", "Ada"), ("password", PASSWORD)];
        let answer = app.browser().call(api::SIGN_UP, &fields).await.assert_status(422);
        assert_eq!(problems(&answer), [("email".to_owned(), "taken".to_owned())], "{spelling}");
        let page = app.browser().submit(api::SIGN_UP, &fields).await.assert_status(422);
        page.assert_shows("id=\"email-error\" class=\"field-error\">There is an account with this address already.");
    }
    assert_eq!(how_many_users(&app).await, 1);
    let fields = [("email", "ada+x@bücher.example"), ("display_name", "Ada"), ("password", PASSWORD)];
    app.browser().call(api::SIGN_UP, &fields).await.assert_status(200);
}

#[tokio::test]
async fn of_fifty_concurrent_sign_ups_with_one_address_one_succeeds() {
    let app =
        TestApp::with_config(|config| config.limits.sign_up_per_address = "1000/h".parse().expect("a rate")).await;
    let attempts = (0..50).map(|number| {
        let mut browser = app.browser();
        async move {
            let email = if number % 2 == 0 { "one@example.com" } else { "ONE@Example.com" };
            let fields = [("email", email), ("display_name", "One"), ("password", PASSWORD)];
            browser.call(api::SIGN_UP, &fields).await
        }
    });
    let answers = join_all(attempts).await;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((winners.len(), how_many_users(&app).await), (1, 1));
    assert_eq!(winners[0].issued(), ALL_COOKIES);
    for loser in losers {
        // Hashing fifty passwords can take longer than a request may wait; those requests are retried.
        assert!(loser.status == 503 || problems(&loser) == [("email".to_owned(), "taken".to_owned())], "{loser:?}");
        assert!(loser.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn an_endless_password_is_refused_without_being_hashed() {
    let app = TestApp::new().await;
    let _nobody_can_hash = FullQueue::of(&app.state.accounts.hasher).await;
    let fields = |password| [("email", ADA), ("display_name", "Ada"), ("password", password)];
    let (long, endless) = ("vermilion otter ".repeat(65), "vermilion otter ".repeat(62_500));
    app.browser().call(api::SIGN_UP, &fields(&long)).await.assert_status(422).assert_shows("too_long");
    app.browser()
        .submit(api::SIGN_UP, &fields(&long))
        .await
        .assert_status(422)
        .assert_shows("Use at most 1024 characters.");
    app.browser().call(api::SIGN_UP, &fields(&endless)).await.assert_status(413);
    app.browser().submit(api::SIGN_UP, &fields(&endless)).await.assert_status(413).assert_hides("vermilion");
    app.browser().call(api::SIGN_UP, &fields(PASSWORD)).await.assert_status(503);
    assert_eq!(how_many_users(&app).await, 0);
}

#[tokio::test]
async fn nothing_that_is_typed_becomes_part_of_the_form_that_comes_back() {
    let app =
        TestApp::with_config(|config| config.limits.sign_up_per_address = "1000/h".parse().expect("a rate")).await;
    let refused = async |typed: &str| {
        let fields = [("email", typed), ("display_name", typed), ("password", "")];
        app.browser().submit(api::SIGN_UP, &fields).await.assert_status(422).body
    };
    let harmless = html::structure(&refused("harmless").await);
    for payload in PAYLOADS {
        let page = refused(payload).await;
        assert_eq!(html::structure(&page), harmless, "{payload}");
        for field in ["email", "display_name"] {
            assert_eq!(html::field_value(&page, field).as_deref(), Some(payload), "what was typed is kept");
        }
        let data = page_data(&page);
        let echo: Value = serde_json::from_str(data["echo"].as_str().expect("the form")).expect("JSON");
        assert_eq!(echo["typed"], json!([["email", payload], ["display_name", payload]]));
    }
}

#[tokio::test]
async fn no_name_becomes_part_of_a_page() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("harmless").await;
    let home = html::structure(&ada.get(HOME).await.assert_status(200).body);
    let account = html::structure(&ada.get(ACCOUNT).await.assert_status(200).body);
    let too_long = ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", &"harmless".repeat(101))]).await;
    let refused = html::structure(&too_long.assert_status(422).body);
    for payload in PAYLOADS {
        ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", payload)]).await.assert_status(200);
        for (path, structure) in [(HOME, &home), (ACCOUNT, &account)] {
            let page = ada.get(path).await.assert_status(200).body;
            assert_eq!(&html::structure(&page), structure, "{payload} on {path}");
            assert_eq!(page_data(&page)["current"]["Ok"]["display_name"], payload, "{path}");
            assert!(html::unescaped(&page).contains(payload), "{payload} is shown on {path}");
        }
        let page = ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", &payload.repeat(101))]).await;
        assert_eq!(html::structure(&page.assert_status(422).body), refused, "{payload}");
    }
}

#[tokio::test]
async fn no_address_becomes_part_of_a_page() {
    let app = TestApp::new().await;
    let plain = structure_of_account(&app, "harmless@example.com").await;
    for email in
        ["o'onclick='x@example.com", "a&b#c{d}|e~`f@example.com", "${x}*/%3c+?=^!@example.com", "&lt-&amp@example.com"]
    {
        assert_eq!(structure_of_account(&app, email).await, plain, "{email}");
    }
}

async fn structure_of_account(app: &TestApp, email: &str) -> Vec<String> {
    let user = app.account(email).await;
    let page = app.browser_of(user).await.get(ACCOUNT).await.assert_status(200).body;
    let shown = page.split_once("<dd>").and_then(|(_, rest)| rest.split_once("</dd>")).expect("the address").0;
    assert_eq!(html::unescaped(shown), email);
    html::structure(&page)
}

#[tokio::test]
async fn signing_up_redirects_to_the_requested_page_and_the_sign_up_page_keeps_it() {
    let app = TestApp::new().await;
    let page = app.browser().get(&format!("{SIGN_UP}?return_to=/account%3Fa%3Db")).await.assert_status(200);
    let wanted = html::field_value(&page.body, "return_to").expect("a value");
    assert_eq!(wanted, "/account?a=b");
    let fields = [("email", ADA), ("display_name", "Ada"), ("password", PASSWORD), ("return_to", &wanted)];
    app.browser().submit(api::SIGN_UP, &fields).await.assert_leads_to("/account?a=b");
}

/// The data that the page embeds for its scripts.
fn page_data(page: &str) -> Value {
    let data =
        html::tags(page).into_iter().find(|tag| tag.attribute("id") == Some(PageData::ELEMENT_ID)).expect("the data");
    assert_eq!((data.name.as_str(), data.attribute("type")), ("script", Some("application/json")));
    serde_json::from_str(&data.content).expect("JSON")
}
