use crate::{
    api::account::{EndOtherSessions, EndSession, list_sessions},
    components::{
        device_name::device_name,
        duration::{in_words, roughly, the_last},
        error_view::TryAgain,
        form::{FormAction, FormMessage, FormState, OnSuccess, ServerForm, SubmitButton, focus, use_form},
        loader::use_loader,
        local_time::LocalTime,
        page_data::use_settings,
        private_area::ForThisUser,
    },
    error::AppError,
    model::{LastSeen, SessionEntry},
    paths, respond,
    sign_in_method::SignInMethod,
    wording::describe,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

const NOTICE_ID: &str = "notice";

/// The user's sessions, with forms to end them.
#[derive(Debug)]
pub struct SessionsPage;

lazy_page!(SessionsPage, private sessions_page);

fn sessions_page() -> AnyView {
    let end = FormAction::<EndSession>::new();
    let end_others = FormAction::<EndOtherSessions>::new();
    let forms = Forms {
        end,
        end_state: use_form(end, OnSuccess::Stays),
        end_others,
        end_others_state: use_form(end_others, OnSuccess::Stays),
        query: use_location().search,
    };
    forms.clear_each_other();
    let versions = (end.version(), end_others.version());
    let sessions = use_loader(move || (versions.0.get(), versions.1.get()), |_| list_sessions());
    let known_to = in_words(use_settings().access_ttl_secs);

    view! {
        <Title text="Sessions"/>
        <h1>"Sessions"</h1>
        <p>
            "This is where you are signed in. If you do not know one of these, end it. "
            {format!("“Last seen” is accurate to about {known_to}.")}
        </p>
        <FormMessage form=forms.end_state not_found="This is not one of your sessions. It may be long over."/>
        <FormMessage form=forms.end_others_state/>
        <Notice forms=forms/>
        <Transition fallback=|| view! { <p role="status">"One moment…"</p> }>
            {move || Suspend::new(async move { list(forms, sessions.await) })}
        </Transition>
    }
    .into_any()
}

/// The two forms of this page.
#[derive(Clone, Copy)]
struct Forms {
    end: FormAction<EndSession>,
    end_state: FormState,
    end_others: FormAction<EndOtherSessions>,
    end_others_state: FormState,
    query: Memo<String>,
}

impl Forms {
    /// Sending one form clears the outcome of the other.
    fn clear_each_other(self) {
        let Self { end, end_others, .. } = self;
        Effect::new(move |_| {
            if end.pending().get() {
                end_others.clear();
            }
        });
        Effect::new(move |_| {
            if end_others.pending().get() {
                end.clear();
            }
        });
    }

    /// The text about what has just been done.
    fn outcome(self) -> Option<String> {
        if self.end_state.is_busy() || self.end_others_state.is_busy() {
            return None;
        }
        match (self.end.value().get(), self.end_others.value().get()) {
            (Some(Ok(())), _) => Some(ended_one()),
            (_, Some(Ok(count))) => Some(ended_others(count)),
            // Without JavaScript the query names the outcome.
            (None, None) if self.end_state.error().is_none() && self.end_others_state.error().is_none() => {
                let reports = |done| self.query.with(|query| paths::reports(query, done));
                if reports(paths::done::SESSION_ENDED) {
                    Some(ended_one())
                } else {
                    reports(paths::done::OTHER_SESSIONS_ENDED).then(|| "All your other sessions have ended.".to_owned())
                }
            }
            _ => None,
        }
    }
}

fn ended_one() -> String {
    "That session has ended.".to_owned()
}

fn ended_others(count: u32) -> String {
    match count {
        0 => "There was no other session.".to_owned(),
        1 => "Your other session has ended.".to_owned(),
        _ => format!("Your {count} other sessions have ended."),
    }
}

/// Shows what has been done. The pressed button may be gone, so the focus moves here.
#[component]
fn Notice(forms: Forms) -> impl IntoView {
    let outcome = Memo::new(move |_| forms.outcome());
    Effect::new(move |arrived_before: Option<()>| {
        if outcome.with(Option::is_some) && arrived_before.is_some() {
            request_animation_frame(|| focus(NOTICE_ID));
        }
    });
    let class = move || outcome.with(Option::is_some).then_some("notice");
    view! { <p id=NOTICE_ID class=class role="status" tabindex="-1">{move || outcome.get()}</p> }
}

fn list(forms: Forms, sessions: Result<Vec<SessionEntry>, AppError>) -> AnyView {
    let sessions = match sessions {
        Ok(sessions) => sessions,
        Err(error) => {
            respond::set_status(error.status_code());
            return view! {
                <p class="form-message" role="alert">{describe(&error)}</p>
                <p><TryAgain/></p>
            }
            .into_any();
        }
    };
    let others = sessions.iter().any(|session| !session.is_current);
    let end_others = if others {
        view! {
            <ServerForm action=forms.end_others>
                <ForThisUser/>
                <SubmitButton form=forms.end_others_state class="button">"End all other sessions"</SubmitButton>
            </ServerForm>
        }
        .into_any()
    } else {
        view! { <p>"You are not signed in anywhere else."</p> }.into_any()
    };
    let cards: Vec<_> = sessions
        .into_iter()
        .map(|session| view! { <li class="card"><Session forms=forms session=session/></li> })
        .collect();
    view! {
        <ul class="sessions">{cards}</ul>
        {end_others}
    }
    .into_any()
}

#[component]
fn Session(forms: Forms, session: SessionEntry) -> impl IntoView {
    let heading = format!("session-{}", session.id);
    let about = heading.clone();
    let end = (!session.is_current).then(|| {
        view! {
            <ServerForm action=forms.end>
                <ForThisUser/>
                <input type="hidden" name="id" value=session.id/>
                <SubmitButton form=forms.end_state class="button" about=about>"End session"</SubmitButton>
            </ServerForm>
        }
    });
    let badge = session.is_current.then(|| view! { <span class="badge">"This browser"</span> });
    view! {
        <h2 id=heading>{device_name(&session.device)}" "{badge}</h2>
        <dl>
            <dt>"Last seen"</dt>
            <dd>{last_seen(session.last_seen)}</dd>
            <dt>"Signed in"</dt>
            <dd><LocalTime moment=session.began_at/>", "{with_what(session.method)}</dd>
            <dt>"From address"</dt>
            <dd>{session.address}</dd>
        </dl>
        {end}
    }
}

fn last_seen(seen: LastSeen) -> String {
    match seen {
        LastSeen::Now => "Now".to_owned(),
        LastSeen::Within { seconds } => format!("Within {}", the_last(seconds)),
        LastSeen::Ago { seconds } => format!("About {} ago", roughly(seconds)),
    }
}

const fn with_what(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Password => "with a password",
    }
}
