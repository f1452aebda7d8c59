//! The sessions page: where a user is signed in, and ending sessions.

use crate::support::{
    Answer, Browser, Condition, TestApp,
    browser::ALL_COOKIES,
    html,
    test_app::{PASSWORD, days, hours, minutes},
};
use axum::http::header;
use tokenlife::{
    model::{LastSeen, SessionEntry},
    paths::{ACCOUNT, HOME, SESSIONS, api, done},
    server::{
        domain::{
            session::{EndReason, SessionId},
            user::UserId,
        },
        random,
        service::{SignInContext, sessions::MAX_SESSIONS},
    },
    sign_in_method::SignInMethod,
};

const ADA: &str = "ada@example.com";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/26.0 Mobile/15E148 Safari/604.1";
const NOT_FOUND: &str = r#"{"code":"not_found"}"#;
const SIGNED_IN_NOWHERE_ELSE: &str = "You are not signed in anywhere else.";

/// A browser at another place, in which this account has just signed in.
async fn browser_at<'a>(app: &'a TestApp, user: UserId, address: &str, user_agent: &str) -> Browser<'a> {
    let origin = SignInContext {
        address: address.parse().expect("an address"),
        user_agent: user_agent.to_owned(),
        replaces: Vec::new(),
    };
    let begun = app.state.sessions.begin(user, SignInMethod::Password, &origin).await.expect("the store responds");
    let mut browser = app.browser().at(address);
    browser.take(&begun.expect("the account is not disabled"));
    browser
}

async fn listed(browser: &mut Browser<'_>) -> Vec<SessionEntry> {
    let answer = browser.call(api::LIST_SESSIONS, &[]).await.assert_status(200);
    serde_json::from_str(&answer.body).expect("a list of sessions")
}

fn public_id(app: &TestApp, session: SessionId) -> String {
    app.state.keyring.public_id(session)
}

async fn end_reason(app: &TestApp, session: SessionId) -> Option<EndReason> {
    app.session(session).await.ended.map(|ended| ended.reason)
}

/// What a form on the page would send.
fn ids_in_forms(page: &Answer) -> Vec<String> {
    let fields =
        html::tags(&page.body).into_iter().filter(|tag| tag.name == "input" && tag.attribute("name") == Some("id"));
    fields.filter_map(|field| field.attribute("value").map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_session_is_shown_with_where_when_and_how_it_began() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let mut phone = app.browser().at("2001:db8::7").called(SAFARI);
    phone.submit(api::LOGIN, &[("email", ADA), ("password", PASSWORD)]).await.assert_leads_to(ACCOUNT);
    app.advance(hours(5));
    let mut laptop = browser_at(&app, ada, "192.0.2.7", FIREFOX).await;
    let stranger = app.account("eve@example.com").await;
    browser_at(&app, stranger, "203.0.113.66", "curl/8.11.0").await;

    let sessions = listed(&mut laptop).await;
    let facts: Vec<_> = sessions
        .iter()
        .map(|session| {
            (
                session.is_current,
                session.device.browser.as_deref(),
                session.device.system.as_deref(),
                session.address.as_str(),
                session.method,
                session.last_seen,
            )
        })
        .collect();
    let password = SignInMethod::Password;
    assert_eq!(
        facts,
        [
            (true, Some("Firefox"), Some("Windows"), "192.0.2.7", password, LastSeen::Now),
            (false, Some("Safari"), Some("iPhone"), "2001:db8::7", password, LastSeen::Ago { seconds: 5 * 3600 }),
        ]
    );
    assert_eq!(sessions[1].id, public_id(&app, phone.session_id()));

    let page = laptop.get(SESSIONS).await.assert_status(200);
    for text in [
        "Firefox on Windows",
        "This browser",
        "192.0.2.7",
        "Safari on iPhone",
        "2001:db8::7",
        "About 5 hours ago",
        "with a password",
        "18 November 2026, 11:06 UTC",
        "18 November 2026, 16:06 UTC",
        "End all other sessions",
    ] {
        assert!(page.body.contains(text), "{text} is not in {}", page.body);
    }
    let page = page.assert_hides("203.0.113.66").assert_hides(SIGNED_IN_NOWHERE_ELSE);
    assert_eq!(ids_in_forms(&page), [sessions[1].id.clone()], "the present one is ended by signing out");
}

#[tokio::test]
async fn the_current_session_comes_first_and_then_the_one_used_last() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let mut browsers = Vec::new();
    for number in 1..5 {
        browsers.push(browser_at(&app, ada, &format!("192.0.2.{number}"), "").await);
        app.advance(minutes(61));
    }
    app.advance(hours(10));
    browsers[1].get(HOME).await.assert_status(200);
    app.advance(minutes(30));
    browsers[0].get(HOME).await.assert_status(200);
    let sessions = listed(&mut browsers[0]).await;
    let order: Vec<_> = sessions.iter().map(|session| (session.address.as_str(), session.last_seen)).collect();
    assert_eq!(
        order,
        [
            ("192.0.2.1", LastSeen::Now),
            ("192.0.2.2", LastSeen::Within { seconds: 3600 }),
            ("192.0.2.4", LastSeen::Ago { seconds: 691 * 60 }),
            ("192.0.2.3", LastSeen::Ago { seconds: 752 * 60 }),
        ]
    );
    let page = browsers[0].get(SESSIONS).await.assert_status(200);
    page.assert_shows("Within the last hour").assert_shows("About 12 hours ago").assert_shows("About 13 hours ago");
}

#[tokio::test]
async fn no_credential_and_no_id_of_a_token_is_on_the_page() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let other = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
    let mut here = browser_at(&app, ada, "192.0.2.2", SAFARI).await;
    let page = here.get(SESSIONS).await.assert_status(200);
    let listed = here.call(api::LIST_SESSIONS, &[]).await.assert_status(200);
    for answer in [page, listed] {
        for browser in [&here, &other] {
            let (id, token) = (browser.session_id(), browser.cookie("refreshToken").expect("a token").to_owned());
            for secret in [id.to_string(), id.as_uuid().simple().to_string(), token] {
                assert!(!answer.body.contains(&secret), "{secret}");
            }
        }
        assert!(answer.body.contains(&public_id(&app, other.session_id())));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_session_ends_at_once_when_its_owner_ends_it() {
    for by_form in [true, false] {
        let app = TestApp::new().await;
        let ada = app.account(ADA).await;
        let mut lost = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
        let mut here = browser_at(&app, ada, "192.0.2.2", SAFARI).await;
        let session = lost.session_id();
        let id = public_id(&app, session);
        let fields = [("id", id.as_str())];
        // Twice, because buttons are clicked twice.
        for _ in 0..2 {
            if by_form {
                let answer = here.submit(api::END_SESSION, &fields).await.assert_leads_to(done::SESSION_ENDED);
                let page = here.get(answer.header("location")).await.assert_status(200);
                page.assert_shows("That session has ended.")
                    .assert_shows(SIGNED_IN_NOWHERE_ELSE)
                    .assert_hides("Firefox");
            } else {
                let answer = here.call(api::END_SESSION, &fields).await.assert_status(200);
                assert_eq!((answer.body.as_str(), answer.header("location")), ("null", ""));
            }
        }
        assert_eq!(end_reason(&app, session).await, Some(EndReason::EndedByOwner));
        lost.call(api::LIST_SESSIONS, &[]).await.assert_status(401);
        lost.call(api::REFRESH, &[]).await.assert_status(401);
        assert!(!lost.is_signed_in().await, "its access token would have lived for an hour");
        assert!(here.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_session_of_another_user_looks_like_none() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.account(ADA).await, app.account("eve@example.com").await);
    let mut here = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
    let mut victim = browser_at(&app, eve, "192.0.2.2", SAFARI).await;
    let ids = [
        public_id(&app, victim.session_id()),
        public_id(&app, SessionId::from_uuid(random::id(app.now()))),
        victim.session_id().to_string(),
        "A".repeat(22),
        "../../account".to_owned(),
        "\u{202e}<script>".to_owned(),
        "x".repeat(10_000),
        String::new(),
    ];
    let (mut pages, mut answers) = (Vec::new(), Vec::new());
    for id in &ids {
        for function in [api::END_SESSION, api::DISMISS_REUSE] {
            let answer = here.call(function, &[("id", id)]).await.assert_status(404);
            assert_eq!(answer.body, NOT_FOUND);
            answers.push(answer.essence(function));
        }
        let page = here.submit(api::END_SESSION, &[("id", id)]).await.assert_status(404);
        pages.push(html::structure(&page.body));
        page.assert_shows("This is not one of your sessions.")
            .assert_shows("Firefox on Windows")
            .assert_hides("Safari");
    }
    here.submit(api::END_SESSION, &[]).await.assert_status(404);
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "the response does not reveal which ids exist: {answers:?}"
    );
    assert!(pages.iter().all(|page| page == &pages[0]), "the response does not reveal which ids exist: {pages:?}");
    assert!(victim.is_signed_in().await && here.is_signed_in().await);
}

#[tokio::test]
async fn ending_the_current_session_is_signing_out() {
    for by_form in [true, false] {
        let app = TestApp::new().await;
        let mut ada = app.signed_in("ada").await;
        let session = ada.session_id();
        let id = public_id(&app, session);
        let answer = if by_form {
            ada.submit(api::END_SESSION, &[("id", &id)]).await.assert_leads_to(HOME)
        } else {
            ada.call(api::END_SESSION, &[("id", &id)]).await.assert_status(200)
        };
        assert_eq!(answer.header("location"), HOME);
        assert_eq!(answer.deleted(), ALL_COOKIES);
        assert_eq!(end_reason(&app, session).await, Some(EndReason::SignedOut));
        assert!(!ada.is_signed_in().await);
    }
}

#[tokio::test]
async fn all_other_sessions_end_together() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.account(ADA).await, app.account("eve@example.com").await);
    let mut bystander = browser_at(&app, eve, "192.0.2.9", FIREFOX).await;
    let mut here = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
    for by_form in [true, false] {
        let mut others = [
            browser_at(&app, ada, "192.0.2.2", SAFARI).await,
            browser_at(&app, ada, "192.0.2.3", SAFARI).await,
            browser_at(&app, ada, "192.0.2.4", SAFARI).await,
        ];
        if by_form {
            let answer = here.submit(api::END_OTHER_SESSIONS, &[]).await;
            let answer = answer.assert_leads_to(done::OTHER_SESSIONS_ENDED);
            let page = here.get(answer.header("location")).await.assert_status(200);
            page.assert_shows("All your other sessions have ended.").assert_shows(SIGNED_IN_NOWHERE_ELSE);
        } else {
            let counts = [here.call(api::END_OTHER_SESSIONS, &[]).await, here.call(api::END_OTHER_SESSIONS, &[]).await];
            assert_eq!(counts.map(|answer| answer.assert_status(200).body), ["3", "0"]);
        }
        for other in &mut others {
            assert_eq!(end_reason(&app, other.session_id()).await, Some(EndReason::EndedByOwner));
            other.call(api::LIST_SESSIONS, &[]).await.assert_status(401);
            assert!(!other.is_signed_in().await);
        }
    }
    assert!(here.is_signed_in().await && bystander.is_signed_in().await);
}

#[tokio::test]
async fn an_anonymous_visitor_sees_and_ends_nothing() {
    let app = TestApp::new().await;
    let mut anonymous = app.browser();
    anonymous.get(SESSIONS).await.assert_leads_to("/login?return_to=/account/sessions");
    for function in
        [api::LIST_SESSIONS, api::END_SESSION, api::END_OTHER_SESSIONS, api::LIST_REUSES, api::DISMISS_REUSE]
    {
        app.watched.calls();
        anonymous.call(function, &[("id", "x")]).await.assert_status(401);
        assert_eq!(app.watched.calls(), [] as [&str; 0], "{function}");
    }
    anonymous.submit(api::END_SESSION, &[("id", "x")]).await.assert_leads_to("/login?return_to=/account/sessions");
    anonymous.get(api::END_SESSION).await.assert_leads_to(SESSIONS);
}

#[tokio::test]
async fn the_page_and_its_forms_work_after_the_access_token_died() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let other = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
    let mut here = browser_at(&app, ada, "192.0.2.2", SAFARI).await;
    app.advance(days(2));
    let page = here.get(SESSIONS).await.assert_status(200).assert_shows("About 2 days ago");
    assert_eq!(page.issued(), ALL_COOKIES);
    app.advance(days(2));
    let answer = here.submit(api::END_SESSION, &[("id", &ids_in_forms(&page)[0])]).await;
    assert_eq!(answer.assert_leads_to(done::SESSION_ENDED).issued(), ALL_COOKIES);
    assert_eq!(end_reason(&app, other.session_id()).await, Some(EndReason::EndedByOwner));
    app.advance(days(2));
    let own = public_id(&app, here.session_id());
    let answer = here.submit(api::END_SESSION, &[("id", &own)]).await.assert_leads_to(HOME);
    assert_eq!(answer.deleted(), ALL_COOKIES, "signing out wins over the rotation of the same request");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_lost() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let mut other = browser_at(&app, ada, "192.0.2.1", FIREFOX).await;
    let mut here = browser_at(&app, ada, "192.0.2.2", SAFARI).await;
    let id = public_id(&app, other.session_id());
    app.store_is(Condition::Down);
    let page = here.get(SESSIONS).await.assert_status(503);
    let refused = here.submit(api::END_SESSION, &[("id", &id)]).await.assert_status(503);
    let others = here.call(api::END_OTHER_SESSIONS, &[]).await.assert_status(503);
    for answer in [page, refused, others] {
        assert!(answer.set_cookies().is_empty() && answer.headers.contains_key(header::RETRY_AFTER));
    }
    app.store_is(Condition::Fine);
    assert!(other.is_signed_in().await && here.is_signed_in().await);
}

#[tokio::test]
async fn whatever_the_user_agent_the_page_keeps_its_structure() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let mut here = browser_at(&app, ada, "192.0.2.1", "").await;
    browser_at(&app, ada, "192.0.2.2", "an unknown user agent").await;
    let usual = html::structure(&here.get(SESSIONS).await.assert_status(200).body);
    for user_agent in ["<script>alert(1)</script>", "\" onload=x", "</script><img src=x>", "\u{202e}Firefox\t"] {
        here.call(api::END_OTHER_SESSIONS, &[]).await.assert_status(200);
        browser_at(&app, ada, "192.0.2.2", user_agent).await;
        let page = here.get(SESSIONS).await.assert_status(200);
        assert_eq!(html::structure(&page.body), usual, "{user_agent}");
        assert!(!page.body.contains(user_agent));
    }
}

#[tokio::test]
async fn one_sign_in_more_than_allowed_ends_the_session_unused_for_longest() {
    let app = TestApp::new().await;
    let ada = app.account(ADA).await;
    let mut browsers = Vec::new();
    for _ in 0..MAX_SESSIONS {
        browsers.push(browser_at(&app, ada, "192.0.2.1", "").await);
        app.advance(minutes(2));
    }
    // The first one is used again, so that the second is the one unused for longest.
    app.advance(hours(1));
    let (first, others) = browsers.split_first_mut().expect("many browsers");
    assert!(first.is_signed_in().await);
    for oldest in &mut others[..10] {
        let session = oldest.session_id();
        let mut newest = browser_at(&app, ada, "192.0.2.1", "").await;
        assert_eq!(listed(&mut newest).await.len(), usize::try_from(MAX_SESSIONS).expect("a small number"));
        assert_eq!(end_reason(&app, session).await, Some(EndReason::TooMany));
        assert!(!oldest.is_signed_in().await && first.is_signed_in().await);
    }
    // Signing in again in the same browser leaves the number unchanged.
    let (again, kept) = (others[40].session_id(), others[11].session_id());
    let fields = [("email", ADA), ("password", PASSWORD)];
    others[40].submit(api::LOGIN, &fields).await.assert_leads_to(ACCOUNT);
    assert_eq!(end_reason(&app, again).await, Some(EndReason::Replaced));
    assert_eq!(end_reason(&app, kept).await, None);

    let stranger = app.signed_in("eve").await;
    assert_eq!(end_reason(&app, stranger.session_id()).await, None, "each user is counted separately");
}
