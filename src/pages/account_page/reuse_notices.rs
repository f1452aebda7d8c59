//! The notice to a session's owner after an old refresh token of it was used again.

use crate::{
    api::account::{DismissReuse, list_reuses},
    components::{
        device_name::device_name,
        form::{FormAction, FormMessage, FormState, OnSuccess, ServerForm, SubmitButton, focus, use_form},
        loader::use_loader,
        local_time::LocalTime,
        private_area::ForThisUser,
    },
    error::AppError,
    model::ReuseNotice,
    paths,
    wording::describe,
};
use leptos::prelude::*;

/// One notice for each session that ended by reuse, until it is dismissed.
#[component]
pub(super) fn ReuseNotices() -> impl IntoView {
    let dismiss = FormAction::<DismissReuse>::new();
    let form = use_form(dismiss, OnSuccess::Stays);
    // A dismissed notice is removed with its button, so the focus moves to the page.
    let value = dismiss.value();
    Effect::new(move |_| {
        if value.with(|result| matches!(result, Some(Ok(())))) {
            focus("main");
        }
    });
    let version = dismiss.version();
    let notices = use_loader(move || version.get(), |_| list_reuses());
    view! {
        <FormMessage form=form not_found="There is no such notice."/>
        <Transition>{move || Suspend::new(async move { list(dismiss, form, notices.await) })}</Transition>
    }
}

fn list(dismiss: FormAction<DismissReuse>, form: FormState, notices: Result<Vec<ReuseNotice>, AppError>) -> AnyView {
    match notices {
        Ok(notices) => notices
            .into_iter()
            .map(|notice| view! { <Notice dismiss=dismiss form=form notice=notice/> })
            .collect_view()
            .into_any(),
        Err(error) => view! { <p class="form-message" role="alert">{describe(&error)}</p> }.into_any(),
    }
}

#[component]
fn Notice(dismiss: FormAction<DismissReuse>, form: FormState, notice: ReuseNotice) -> impl IntoView {
    let heading = format!("reuse-{}", notice.id);
    let about = heading.clone();
    let from = (!notice.from.is_empty()).then(|| format!(" from {}", notice.from));
    view! {
        <section class="card warning" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>"We ended one of your sessions"</h2>
            <p>
                "On "<LocalTime moment=notice.at/>{from}", an old copy of your session was used: the one in "
                <strong>{device_name(&notice.device)}</strong>", where you signed in on "
                <LocalTime moment=notice.began_at/>". We ended that session, and every copy of it with it."
            </p>
            <p>
                "This happens when a browser's data is restored from a backup. If you did not do that, another person "
                "may have copied it, and may have been signed in as you until then. Look through "
                <a href=paths::SESSIONS>"your sessions"</a>", and end those you do not know."
            </p>
            <ServerForm action=dismiss>
                <ForThisUser/>
                <input type="hidden" name="id" value=notice.id/>
                <SubmitButton form=form class="button" about=about>"Dismiss"</SubmitButton>
            </ServerForm>
        </section>
    }
}
