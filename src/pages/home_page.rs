use crate::{
    components::{
        by_session::BySession,
        error_view::{TryAgain, describe},
    },
    paths,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// What this is, and the way in.
#[component]
pub fn HomePage() -> impl IntoView {
    view! {
        <Title text=""/>
        <div class="hero">
            <h1>"Sign in once."</h1>
            <p class="lead">
                "You stay signed in for thirty days, in every tab, with and without JavaScript. "
                "What a thief could take is worth next to nothing."
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
                "Access ends after an hour and is renewed before you notice, on the page's own way to you."
            </li>
            <li>
                <strong>"Nothing to steal from scripts. "</strong>
                "Both tokens are in cookies that no script can read. The third cookie holds two times, no more."
            </li>
            <li>
                <strong>"A copied token gives itself away. "</strong>
                "Each renewal replaces the token. Whoever comes with an old one ends the session instead of sharing it."
            </li>
        </ul>
    }
}
