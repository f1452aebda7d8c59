use crate::{
    components::{error_view::TryAgain, page_data::use_offered},
    pages::NotFoundPage,
    paths,
    wording::describe_notes_error,
};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};
use state::NotesState;

mod changed_note;
mod form;
mod item;
mod list;
mod live;
mod pending;
mod state;

const STATUS_ID: &str = "status";

/// The user's notes, which an upstream service stores.
#[derive(Debug)]
pub struct NotesPage;

lazy_page!(NotesPage, private notes_page);

fn notes_page() -> AnyView {
    if !use_offered().notes {
        return view! { <NotFoundPage/> }.into_any();
    }
    let query = use_location().search;
    let search = Memo::new(move |_| query.with(|query| paths::parameter(query, "q")).unwrap_or_default());
    let open = Memo::new(move |_| query.with(|query| paths::parameter(query, "edit")));
    let state = NotesState::new(search, open);
    live::subscribe(state);
    view! {
        <Title text="Notes"/>
        <h1>"Notes"</h1>
        <Search state=state/>
        <form::NewNote state=state/>
        <Status state=state/>
        <Transition fallback=|| view! { <p role="status">"One moment…"</p> }>
            {Suspend::new(async move {
                // Suspends for the first response only. Later ones update the existing view, so that the user's typing
                // is not interrupted.
                _ = state.notes.await;
                // The only subscriber of the resource: one that depends on the resource and on the search as well would
                // check whether it is dirty, and a resource that has been checked is not reloaded (reactive_graph 0.2,
                // `ArcAsyncDerivedInner::update_if_necessary`).
                let notes = Memo::new(move |_| state.notes.get());
                let error = move || {
                    notes.get().and_then(Result::err).map(|error| {
                        view! {
                            <p class="form-message" role="alert">{describe_notes_error(&error)}</p>
                            <p><TryAgain/></p>
                        }
                    })
                };
                view! {
                    {error}
                    <item::NoteList state=state notes=notes/>
                }
            })}
        </Transition>
    }
    .into_any()
}

/// Shows what is being done and what has been done. The pressed button may be gone, so the focus can move here.
#[component]
fn Status(state: NotesState) -> impl IntoView {
    let text = move || {
        if state.is_unreachable.get() {
            Some("The notes cannot be reached at the moment. What you see here may be out of date.")
        } else {
            state.doing.get()
        }
    };
    let class = move || {
        if state.is_unreachable.get() { Some("form-message") } else { state.doing.get().map(|_| "notice") }
    };
    view! { <p id=STATUS_ID class=class role="status" tabindex="-1">{text}</p> }
}

#[component]
fn Search(state: NotesState) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let search = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let wanted = input.get_untracked().map(|input| input.value()).unwrap_or_default();
        let opened = untrack(|| state.opened());
        navigate(&address(&wanted, opened.as_deref()), NavigateOptions::default());
    };
    // The search may change without this form: by the header's link, or by going back.
    Effect::new(move |before: Option<()>| {
        let searched = state.search.get();
        if let (Some(()), Some(input)) = (before, input.get_untracked()) {
            input.set_value(&searched);
        }
    });
    view! {
        <form class="search actions" method="get" action=paths::NOTES role="search" on:submit=search>
            <div class="field">
                <input
                    type="search"
                    name="q"
                    aria-label="Search the notes"
                    value=state.search.get_untracked()
                    autocomplete="off"
                    node_ref=input
                />
            </div>
            <button type="submit" class="button">"Search"</button>
        </form>
    }
}

/// The address of this page with a search, and optionally a note open for editing.
fn address(search: &str, open: Option<&str>) -> String {
    let mut address = paths::NOTES.to_owned();
    if !search.is_empty() {
        address = paths::with_parameter(&address, "q", search);
    }
    if let Some(id) = open {
        address = paths::with_parameter(&address, "edit", id);
    }
    address
}
