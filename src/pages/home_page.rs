use crate::{
    components::{
        by_session::BySession, duration::in_words, error_view::TryAgain, page_data::use_settings, page_load::focus_page,
    },
    paths,
    wording::describe,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// What the application does, with the links to sign in.
#[component]
pub fn HomePage() -> impl IntoView {
    focus_page();
    let settings = use_settings();
    view! {
        <Title text=""/>
        <div class="hero">
            <h1>"Sign in once."</h1>
            <p class="lead">
                {format!("You stay signed in for {}, in every tab, ", in_words(settings.refresh_ttl_secs))}
                "with and without JavaScript. "
                "A copied sign-in stops working, and you are notified."
            </p>
            <BySession view=|current| match current {
                Ok(Some(user)) => view! {
                    <p>"Welcome back, "<strong>{user.display_name}</strong>"."</p>
                    <p><a class="button primary" href=paths::ACCOUNT>"Manage your profile"</a></p>
                }.into_any(),
                Ok(None) => view! {
                    <p class="actions">
                        <a class="button primary" href=paths::SIGN_UP>"Create account"</a>
                        <a class="button" href=paths::LOGIN>"Sign in"</a>
                    </p>
                }.into_any(),
                Err(error) => view! {
                    <p class="form-message" role="alert">{describe(&error)}</p>
                    <p><TryAgain/></p>
                }.into_any(),
            }/>
        </div>
        <h2>"How it works"</h2>
        <ul class="facts">
            <li>
                <strong>"Short-lived access, long-lived session. "</strong>
                {format!("Access ends after {} and is renewed ", in_words(settings.access_ttl_secs))}
                "automatically, before the page reaches you."
            </li>
            <li>
                <strong>"Nothing for scripts to steal. "</strong>
                "Both tokens are in cookies that no script can read. The third cookie holds only two timestamps."
            </li>
            <li>
                <strong>"A copied token gives itself away. "</strong>
                "Each renewal replaces the token. Using an old one ends the session instead of sharing it."
            </li>
        </ul>
    }
}
