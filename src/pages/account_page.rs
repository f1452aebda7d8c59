mod reuse_notices;

use crate::{
    api::account::ChangeDisplayName,
    browser::use_session,
    components::{
        fields::TextField,
        form::{FormAction, FormMessage, OnSuccess, ServerForm, SubmitButton, use_form},
        local_time::LocalTime,
        private_area::{ForThisUser, use_current_user},
    },
    paths,
    validation::Field,
};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use reuse_notices::ReuseNotices;

/// The user's data, and the current session.
#[derive(Debug)]
pub struct AccountPage;

lazy_page!(AccountPage, private account_page);

fn account_page() -> AnyView {
    let user = use_current_user();
    let session = user.with_untracked(|user| user.session.clone());
    view! {
        <Title text="Account"/>
        <h1>"Account"</h1>
        <ReuseNotices/>
        <section class="card" aria-labelledby="profile">
            <h2 id="profile">"Profile"</h2>
            <dl>
                <dt>"E-mail address"</dt>
                <dd>{move || user.with(|user| user.email.clone())}</dd>
            </dl>
            <DisplayNameForm/>
        </section>
        <section class="card" aria-labelledby="session">
            <h2 id="session">"This session"</h2>
            <dl>
                <dt>"Signed in since"</dt>
                <dd><LocalTime moment=session.began_at/></dd>
                <dt>"Session ends"</dt>
                <dd><LocalTime moment=session.expires_at/></dd>
            </dl>
            <p><a href=paths::SESSIONS>"All your sessions"</a></p>
        </section>
    }
    .into_any()
}

#[component]
fn DisplayNameForm() -> impl IntoView {
    let session = use_session();
    let change = FormAction::<ChangeDisplayName>::new();
    let form = use_form(change, OnSuccess::Stays);
    let input = NodeRef::<html::Input>::new();
    let current_name = use_current_user().with_untracked(|user| user.display_name.clone());

    let sent = StoredValue::new(String::new());
    Effect::new(move |_| {
        if let (true, Some(input)) = (change.pending().get(), input.get_untracked()) {
            sent.set_value(input.value());
        }
    });
    // The name as stored may differ from what was typed, and other parts of the page show it too.
    Effect::new(move |_| {
        if let Some(Ok(name)) = change.value().get() {
            if let Some(input) = input.get_untracked() {
                input.set_default_value(&name);
                // Text typed since then is kept.
                if sent.with_value(|sent| *sent == input.value()) {
                    input.set_value(&name);
                }
            }
            session.current.update(|current| {
                if let Ok(Some(user)) = current {
                    user.display_name = name;
                }
            });
        }
    });

    // Without JavaScript the query names the outcome.
    let query = use_location().search;
    let saved = move || match change.value().get() {
        Some(result) => result.is_ok() && !form.is_busy(),
        None => !form.is_busy() && query.with(|query| paths::reports(query, paths::done::DISPLAY_NAME_SAVED)),
    };

    view! {
        <ServerForm action=change>
            <FormMessage form=form/>
            <ForThisUser/>
            <TextField
                form=form
                field=Field::DisplayName
                autocomplete="name"
                initial=current_name
                node_ref=input
            />
            <div class="actions">
                <SubmitButton form=form>"Save"</SubmitButton>
                <p role="status">{move || saved().then_some("Saved.")}</p>
            </div>
        </ServerForm>
    }
}
