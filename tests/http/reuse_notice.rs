//! The notice to the owner of a session after one of its old tokens was reused.

use crate::support::{
    Browser, TestApp, html,
    test_app::{PASSWORD, days, hours, minutes},
};
use tokenlife::{
    model::ReuseNotice,
    paths::{ACCOUNT, api},
    server::{domain::session::EndReason, service::SignInContext},
    sign_in_method::SignInMethod,
};

const NOTICE: &str = "We ended one of your sessions";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
const THIEF: &str = "203.0.113.66";

/// A user whose browser has rotated its token since its cookies were copied.
async fn robbed(app: &TestApp) -> (Browser<'_>, Browser<'_>) {
    let mut owner = app.signed_in("ada").await;
    let user = app.session(owner.session_id()).await.user_id;
    let origin = SignInContext { address: [192, 0, 2, 7].into(), user_agent: FIREFOX.to_owned(), replaces: Vec::new() };
    let begun = app.state.sessions.begin(user, SignInMethod::Password, &origin).await.expect("the store responds");
    owner.take(&begun.expect("the account is not disabled"));
    let thief = owner.clone().at(THIEF);
    app.advance(minutes(61));
    owner.get(ACCOUNT).await.assert_status(200);
    owner.get(ACCOUNT).await.assert_status(200);
    app.delivered(owner.session_id()).await;
    app.advance(minutes(6));
    (owner, thief)
}

async fn sign_in_again(owner: &mut Browser<'_>) {
    let email = owner.email.clone();
    owner.submit(api::LOGIN, &[("email", &email), ("password", PASSWORD)]).await.assert_leads_to(ACCOUNT);
}

async fn notices(owner: &mut Browser<'_>) -> Vec<ReuseNotice> {
    let answer = owner.call(api::LIST_REUSES, &[]).await.assert_status(200);
    serde_json::from_str(&answer.body).expect("notices")
}

#[tokio::test]
async fn the_owner_gets_exactly_one_notice_with_time_and_address() {
    let app = TestApp::new().await;
    let (mut owner, mut thief) = robbed(&app).await;
    let session = owner.session_id();
    thief.call(api::REFRESH, &[]).await.assert_status(401);
    let ended = app.session(session).await.ended.expect("the session has ended");
    assert_eq!((ended.at, ended.reason), (app.now(), EndReason::Reuse));
    assert!(!owner.is_signed_in().await, "which of the two is the copy cannot be determined");
    // Another attempt, at another time and place, ends nothing a second time.
    app.advance(minutes(1));
    thief = thief.at("203.0.113.99");
    thief.call(api::REFRESH, &[]).await.assert_status(401);
    thief.get(ACCOUNT).await.assert_status(303);

    sign_in_again(&mut owner).await;
    let reported = notices(&mut owner).await;
    let [notice] = reported.as_slice() else { panic!("{reported:?}") };
    assert_eq!((notice.from.as_str(), notice.device.browser.as_deref()), (THIEF, Some("Firefox")));
    assert_eq!(notice.at.text, "18 November 2026, 12:13 UTC");
    let page = owner.get(ACCOUNT).await.assert_status(200).assert_shows(NOTICE).assert_shows(THIEF);
    assert_eq!(page.body.matches(NOTICE).count(), 1);
    page.assert_shows("Firefox on Windows").assert_hides("203.0.113.99").assert_hides(&session.to_string());
}

#[tokio::test]
async fn a_notice_stays_until_it_is_dismissed() {
    for by_form in [true, false] {
        let app = TestApp::new().await;
        let (mut owner, mut thief) = robbed(&app).await;
        thief.call(api::REFRESH, &[]).await.assert_status(401);
        sign_in_again(&mut owner).await;
        app.advance(days(3));
        let page = owner.get(ACCOUNT).await.assert_status(200).assert_shows(NOTICE);
        let id = html::field_value(&page.body, "id").expect("a value");
        app.signed_in("eve").await.call(api::DISMISS_REUSE, &[("id", &id)]).await.assert_status(404);
        assert_eq!(notices(&mut owner).await.len(), 1, "it is not hers");
        // Twice, because buttons are clicked twice.
        for _ in 0..2 {
            if by_form {
                owner.submit(api::DISMISS_REUSE, &[("id", &id)]).await.assert_leads_to(ACCOUNT);
            } else {
                owner.call(api::DISMISS_REUSE, &[("id", &id)]).await.assert_status(200);
            }
        }
        owner.get(ACCOUNT).await.assert_status(200).assert_hides(NOTICE);
        assert_eq!(notices(&mut owner).await, []);
    }
}

#[tokio::test]
async fn no_other_user_gets_the_notice_and_after_thirty_days_it_is_gone() {
    let app = TestApp::new().await;
    let (mut owner, mut thief) = robbed(&app).await;
    thief.get(ACCOUNT).await.assert_status(303);
    app.signed_in("eve").await.get(ACCOUNT).await.assert_status(200).assert_hides(NOTICE);
    sign_in_again(&mut owner).await;
    app.advance(days(29));
    owner.get(ACCOUNT).await.assert_status(200).assert_shows(NOTICE);
    app.advance(hours(23) + minutes(59));
    sign_in_again(&mut owner).await;
    owner.get(ACCOUNT).await.assert_status(200).assert_shows(NOTICE);
    app.advance(minutes(2));
    owner.get(ACCOUNT).await.assert_status(200).assert_hides(NOTICE);
}

#[tokio::test]
async fn ending_a_session_in_any_other_way_gives_no_notice() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    ada.call(api::LOGOUT, &[]).await.assert_status(200);
    sign_in_again(&mut ada).await;
    sign_in_again(&mut ada).await;
    ada.get(ACCOUNT).await.assert_status(200).assert_hides(NOTICE);
}
