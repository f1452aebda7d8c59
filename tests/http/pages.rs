//! Which pages exist, and which of them require a session.

use crate::support::{Condition, TestApp};
use tokenlife::{
    paths::{self, ReturnTo},
    server::web::pages,
};

#[tokio::test]
async fn the_private_pages_are_those_that_redirect_anonymous_visitors() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    for page in pages::paths() {
        let is_private = paths::is_private(&page);
        let for_strangers = app.browser().get(&page).await;
        if is_private {
            let back_here = ReturnTo::parse(Some(&page));
            for_strangers.assert_leads_to(&paths::login_returning_to(&back_here));
        } else {
            for_strangers.assert_status(200);
        }
        // The private pages have nothing to show until the store has returned the user. Every other page has.
        app.store_is(Condition::Down);
        let without_store = ada.get(&page).await;
        assert_eq!(without_store.status, if is_private { 503 } else { 200 }, "{page}");
        app.store_is(Condition::Fine);
    }
}
