//! Signing in.

use crate::support::{Answer, Browser, FullQueue, TestApp, browser::ALL_COOKIES, test_app::PASSWORD};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version, password_hash::phc};
use cookie::SameSite;
use leptos::server_fn::redirect::REDIRECT_HEADER;
use tokenlife::{
    model::TokenLife,
    paths::{ACCOUNT, HOME, LOGIN, api},
    server::{
        domain::{
            email::{Email, EmailKey},
            session::EndReason,
            user::{DisplayName, PasswordHash, User, UserId},
        },
        random,
    },
};

const ADA: &str = "ada@example.com";
const WRONG_PASSWORD: &str = "vermilion otter juggled";
const INVALID_CREDENTIALS: &str = r#"{"code":"invalid_credentials"}"#;

/// Signs in as a script does.
async fn sign_in(browser: &mut Browser<'_>, email: &str, password: &str) -> Answer {
    browser.call(api::LOGIN, &[("email", email), ("password", password)]).await
}

/// Signs in by a plain form.
async fn sign_in_by_form(browser: &mut Browser<'_>, email: &str, password: &str) -> Answer {
    browser.submit(api::LOGIN, &[("email", email), ("password", password)]).await
}

fn key(email: &str) -> EmailKey {
    EmailKey::of(email).expect("an address")
}

async fn stored(app: &TestApp, email: &str) -> User {
    app.store.find_user_by_email(&key(email)).await.expect("the store responds").expect("a user")
}

#[tokio::test]
async fn the_right_password_sets_the_three_cookies() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let mut ada = app.browser();
    let answer = sign_in_by_form(&mut ada, ADA, PASSWORD).await.assert_leads_to(ACCOUNT);
    assert_eq!(answer.issued(), ALL_COOKIES);
    let cookies = ALL_COOKIES.map(|name| answer.cookie(name));
    for cookie in &cookies {
        assert_eq!((cookie.path(), cookie.same_site()), (Some("/"), Some(SameSite::Lax)), "{cookie}");
        assert_eq!((cookie.domain(), cookie.secure()), (None, None), "plain http on this machine: {cookie}");
    }
    let [access, refresh, life] = &cookies;
    assert_eq!([access, refresh, life].map(cookie::Cookie::http_only), [Some(true), Some(true), None]);
    let max_ages = [access, refresh, life].map(|cookie| cookie.max_age().expect("Max-Age").whole_seconds());
    assert_eq!(max_ages, [3600, 30 * 24 * 3600, 3600]);
    let now = app.now().as_seconds();
    let times = TokenLife { issued_at: now, expires_at: now + 3600 };
    assert_eq!(TokenLife::parse(life.value()), Some(times), "it carries times and nothing else");
    let size: usize = cookies.iter().map(|cookie| cookie.name().len() + cookie.value().len() + 1).sum();
    assert!(size < 1024, "{size} bytes");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_redirects_to_the_requested_page() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    for (wanted, location) in
        [("/account?saved=x", "/account?saved=x"), ("/", "/"), ("", ACCOUNT), ("//evil.example", ACCOUNT)]
    {
        let fields = [("email", ADA), ("password", PASSWORD), ("return_to", wanted)];
        app.browser().submit(api::LOGIN, &fields).await.assert_leads_to(location);
        let reported = app.browser().call(api::LOGIN, &fields).await.assert_status(200);
        assert_eq!((reported.header("location"), reported.body.as_str()), (location, "null"));
        assert!(reported.headers.contains_key(REDIRECT_HEADER), "a script is redirected there");
        assert_eq!((reported.header("content-type"), reported.issued().len()), ("application/json", 3));
    }
}

#[tokio::test]
async fn wrong_password_unknown_address_and_disabled_account_look_alike() {
    let app = TestApp::new().await;
    let eve = "eve@example.com";
    app.account(ADA).await;
    app.account(eve).await;
    assert!(app.store.disable_user(&key(eve), app.now()).await.expect("the store responds"));
    let endless = "vermilion otter ".repeat(100);
    let (mut pages, mut answers) = (Vec::new(), Vec::new());
    for (email, password) in [
        (ADA, WRONG_PASSWORD),
        ("unknown@example.com", PASSWORD),
        (eve, PASSWORD),
        (eve, WRONG_PASSWORD),
        ("no address at all", PASSWORD),
        (ADA, &endless),
        ("unknown@example.com", &endless),
    ] {
        let page = sign_in_by_form(&mut app.browser(), email, password).await.assert_status(401);
        let answer = sign_in(&mut app.browser(), email, password).await.assert_status(401);
        assert_eq!(answer.body, INVALID_CREDENTIALS, "{email}");
        assert!(page.set_cookies().is_empty() && answer.set_cookies().is_empty(), "{email}");
        pages.push(page.assert_shows("Wrong e-mail address or password.").essence(email));
        answers.push(answer.essence(email));
    }
    for alike in [pages, answers] {
        for other in &alike[1..] {
            assert_eq!(other, &alike[0]);
        }
    }
}

#[tokio::test]
async fn whether_there_is_an_account_does_not_change_what_is_done() {
    let app = TestApp::new().await;
    let eve = "eve@example.com";
    app.account(ADA).await;
    app.account(eve).await;
    assert!(app.store.disable_user(&key(eve), app.now()).await.expect("the store responds"));
    let attempts = [(ADA, WRONG_PASSWORD), ("unknown@example.com", PASSWORD), (eve, PASSWORD), (eve, WRONG_PASSWORD)];
    app.watched.calls();
    for (email, password) in attempts {
        sign_in(&mut app.browser(), email, password).await.assert_status(401);
        assert_eq!(app.watched.calls(), ["find_user_by_email"], "{email}: one question to the store");
    }
    let queue = FullQueue::of(&app.state.accounts.hasher).await;
    assert!(queue.places() > 1);
    for (email, password) in attempts.into_iter().chain([("no address at all", PASSWORD)]) {
        sign_in(&mut app.browser(), email, password).await.assert_status(503);
    }
    drop(queue);
    sign_in(&mut app.browser(), "unknown@example.com", PASSWORD).await.assert_status(401);
}

#[tokio::test]
async fn an_endless_password_is_refused_without_being_hashed() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let _nobody_can_hash = FullQueue::of(&app.state.accounts.hasher).await;
    for email in [ADA, "unknown@example.com"] {
        sign_in(&mut app.browser(), email, &"x".repeat(1025)).await.assert_status(401);
        sign_in(&mut app.browser(), email, &"x".repeat(1_000_000)).await.assert_status(413);
        sign_in_by_form(&mut app.browser(), email, &"x".repeat(1_000_000)).await.assert_status(413);
    }
}

#[tokio::test]
async fn every_spelling_of_an_address_leads_to_its_account() {
    let app = TestApp::new().await;
    let user = app.account("Ada.Lovelace@Example.com").await;
    for spelling in [
        "ada.lovelace@example.com",
        "ADA.LOVELACE@EXAMPLE.COM",
        "  Ada.Lovelace@example.com\t",
        "ada.lovelace@example.com.",
        "ａｄａ.lovelace@example.com",
    ] {
        let mut ada = app.browser();
        sign_in(&mut ada, spelling, PASSWORD).await.assert_status(200);
        assert_eq!(app.session(ada.session_id()).await.user_id, user, "{spelling:?}");
        ada.get(ACCOUNT).await.assert_status(200).assert_shows("Ada.Lovelace@Example.com");
    }
    for other in ["ada.lovelace+x@example.com", "adalovelace@example.com", "ada.lovelace@example.org"] {
        sign_in(&mut app.browser(), other, PASSWORD).await.assert_status(401);
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let app = TestApp::new().await;
    let missing = |fields: &[&str]| {
        let problems: Vec<String> =
            fields.iter().map(|field| format!(r#"{{"field":"{field}","problem":"required"}}"#)).collect();
        format!(r#"{{"code":"validation","detail":[{}]}}"#, problems.join(","))
    };
    for (fields, named) in [
        (&[("email", ""), ("password", "")][..], &["email", "password"][..]),
        (&[], &["email", "password"]),
        (&[("email", "  \t"), ("password", "x")], &["email"]),
        (&[("email", ADA)], &["password"]),
        (&[("unknown", "x"), ("email", ADA), ("password", "")], &["password"]),
    ] {
        let answer = app.browser().call(api::LOGIN, fields).await.assert_status(422);
        assert_eq!(answer.body, missing(named));
        let page = app.browser().submit(api::LOGIN, fields).await.assert_status(422);
        assert_eq!(page.body.contains("Enter your e-mail address."), named.contains(&"email"));
        assert_eq!(page.body.contains("Enter a password."), named.contains(&"password"));
        assert!(page.set_cookies().is_empty() && answer.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn a_planted_session_is_not_kept() {
    let app = TestApp::new().await;
    let victim = app.account(ADA).await;
    for planted in [&["refreshToken"][..], &["accessToken"], &ALL_COOKIES] {
        let mallory = app.signed_in("mallory").await;
        let mut ada = app.browser();
        for name in planted {
            ada.set(name, mallory.cookie(name).expect("a cookie"));
        }
        let answer = sign_in_by_form(&mut ada, ADA, PASSWORD).await.assert_leads_to(ACCOUNT);
        assert_eq!(answer.issued(), ALL_COOKIES);
        assert_ne!(ada.session_id(), mallory.session_id(), "a new family");
        for name in ALL_COOKIES {
            assert!(ada.cookie(name) != mallory.cookie(name) || name == "tokenLife", "{name} is new");
        }
        assert_eq!(app.session(ada.session_id()).await.user_id, victim);
        ada.get(ACCOUNT).await.assert_status(200).assert_shows(ADA).assert_hides(&mallory.email);
        let replaced = app.session(mallory.session_id()).await.ended.expect("the planted session has ended");
        assert_eq!(replaced.reason, EndReason::Replaced);
        mallory.clone().get(ACCOUNT).await.assert_leads_to(LOGIN);
    }
}

#[tokio::test]
async fn planted_nonsense_does_not_disturb_signing_in() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    for nonsense in ["x", "an.old.format", "1", "%00", "\"\""] {
        let mut ada = app.browser();
        for name in ALL_COOKIES {
            ada.set(name, nonsense);
        }
        sign_in(&mut ada, ADA, PASSWORD).await.assert_status(200);
        assert!(ada.is_signed_in().await, "{nonsense}");
    }
}

#[tokio::test]
async fn a_failed_attempt_leaves_the_current_session_unchanged() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let (email, session) = (ada.email.clone(), ada.session_id());
    sign_in(&mut ada, &email, WRONG_PASSWORD).await.assert_status(401);
    sign_in_by_form(&mut ada, "unknown@example.com", PASSWORD).await.assert_status(401);
    assert!(ada.is_signed_in().await);
    assert_eq!(ada.session_id(), session);
}

#[tokio::test]
async fn one_password_has_several_encodings_and_each_of_them_works() {
    let app = TestApp::new().await;
    let fields = [("email", ADA), ("display_name", "Ada"), ("password", "crème brûlée ordinaire")];
    app.browser().call(api::SIGN_UP, &fields).await.assert_status(200);
    let decomposed = "cre\u{300}me bru\u{302}le\u{301}e ordinaire";
    let with_hard_spaces = "crème\u{a0}brûlée\u{3000}ordinaire";
    for same in ["crème brûlée ordinaire", decomposed, with_hard_spaces] {
        sign_in(&mut app.browser(), ADA, same).await.assert_status(200);
    }
    let others =
        ["crème brûlée ordinaire ", " crème brûlée ordinaire", "Crème brûlée ordinaire", "creme brulee ordinaire"];
    for other in others {
        assert_eq!(
            sign_in(&mut app.browser(), ADA, other).await.assert_status(401).body,
            INVALID_CREDENTIALS,
            "{other:?}"
        );
    }
}

/// An account whose password was hashed with these parameters.
async fn account_hashed_with(app: &TestApp, memory: u32, passes: u32) {
    let params = Params::new(memory, passes, 1, None).expect("parameters");
    let hash: phc::PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16])
        .expect("a hash");
    let user = User {
        id: UserId::from_uuid(random::id(app.now())),
        email: Email::parse(ADA).expect("an address"),
        display_name: DisplayName::parse("Ada").expect("a name"),
        password: PasswordHash::from_phc(hash.to_string()),
        created_at: app.now(),
        disabled_at: None,
    };
    app.store.add_user(&user).await.expect("a new user");
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_when_its_owner_signs_in() {
    for (memory, passes) in [(12_288, 3), (19_456, 1), (4096, 1)] {
        let app = TestApp::new().await;
        account_hashed_with(&app, memory, passes).await;
        let outdated = stored(&app, ADA).await.password;
        sign_in(&mut app.browser(), ADA, WRONG_PASSWORD).await.assert_status(401);
        assert_eq!(stored(&app, ADA).await.password, outdated, "a wrong password changes nothing");

        sign_in(&mut app.browser(), ADA, PASSWORD).await.assert_status(200);
        let renewed = stored(&app, ADA).await.password;
        assert!(renewed.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "m={memory},t={passes}");
        sign_in(&mut app.browser(), ADA, PASSWORD).await.assert_status(200);
        assert_eq!(stored(&app, ADA).await.password, renewed, "once is enough");
    }
}

#[tokio::test]
async fn a_stored_hash_with_excessive_parameters_is_not_computed() {
    let app = TestApp::new().await;
    let user = app.account(ADA).await;
    let absurd = "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (old, absurd) = (stored(&app, ADA).await.password, PasswordHash::from_phc(absurd.to_owned()));
    assert!(app.store.replace_password_hash(user, &old, &absurd).await.expect("the store responds"));
    let answer = sign_in(&mut app.browser(), ADA, PASSWORD).await.assert_status(500);
    assert_eq!((answer.body.as_str(), answer.set_cookies().len()), (r#"{"code":"internal"}"#, 0));
    sign_in_by_form(&mut app.browser(), ADA, PASSWORD).await.assert_status(500).assert_shows("<h1>Sign in</h1>");
    sign_in(&mut app.browser(), "unknown@example.com", PASSWORD).await.assert_status(401);
}

#[tokio::test]
async fn every_sign_in_begins_a_session_of_its_own() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut ada = app.browser();
        sign_in(&mut ada, ADA, PASSWORD).await.assert_status(200);
        ada.get(HOME).await.assert_status(200).assert_shows("Test User");
        sessions.push(ada.session_id());
    }
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 3);
}
