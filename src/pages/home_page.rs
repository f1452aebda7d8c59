use crate::{
    components::error_view::{TryAgain, describe},
    paths,
    session::use_session,
};
use leptos::{either::EitherOf3, prelude::*};
use leptos_meta::Title;
use leptos_router::components::A;

/// What this is, and the way in.
#[component]
pub fn HomePage() -> impl IntoView {
    let session = use_session();
    view! {
        <Title text=""/>
        <div class="hero">
            <h1>"Sign in once."</h1>
            <p class="lead">
                "You stay signed in for thirty days, in every tab, with and without JavaScript. "
                "What a thief could take is worth next to nothing."
            </p>
            <Transition>
                {move || Suspend::new(async move {
                    match session.current.await {
                        Ok(Some(user)) => EitherOf3::A(view! {
                            <p>"Welcome back, "<strong>{user.display_name}</strong>"."</p>
                            <p><A href=paths::ACCOUNT attr:class="button primary">"Manage your profile"</A></p>
                        }),
                        Ok(None) => EitherOf3::B(view! {
                            <p class="actions">
                                <A href=paths::SIGN_UP attr:class="button primary">"Create account"</A>
                                <A href=paths::LOGIN attr:class="button">"Sign in"</A>
                            </p>
                        }),
                        Err(error) => EitherOf3::C(view! {
                            <p class="form-message" role="alert">{describe(&error)}</p>
                            <p><TryAgain/></p>
                        }),
                    }
                })}
            </Transition>
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
