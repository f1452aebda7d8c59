//! The application: the layout around every page, and the routes.

use crate::{
    browser::provide_session,
    components::{
        page_data::{provide_page_data, receive_page_data},
        site_header::SiteHeader,
    },
    model::PageData,
    pages::{AccountPage, HomePage, LoginPage, NotFoundPage, NotesPage, SessionsPage, SignUpPage},
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

const NAME: &str = "tokenlife";

/// The whole body of the document, on both sides.
///
/// Pages are streamed in order, so that they are complete without JavaScript. The browser loads the code of the
/// lazy ones when it is needed.
#[component]
#[expect(clippy::must_use_candidate, reason = "a component is called by `view!`, which uses what it returns")]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let PageData { current, settings, offered, echo } = receive_page_data();
    provide_session(current);
    provide_page_data(settings, offered, echo);

    view! {
        <Title formatter=document_title/>
        <Router>
            <SiteHeader/>
            <main id="main" tabindex="-1">
                <FlatRoutes fallback=NotFoundPage>
                    <Route path=path!("/") view=HomePage ssr=SsrMode::InOrder/>
                    <Route path=path!("/login") view={Lazy::<LoginPage>::new()} ssr=SsrMode::InOrder/>
                    <Route path=path!("/signup") view={Lazy::<SignUpPage>::new()} ssr=SsrMode::InOrder/>
                    <Route path=path!("/account") view={Lazy::<AccountPage>::new()} ssr=SsrMode::InOrder/>
                    <Route path=path!("/account/sessions") view={Lazy::<SessionsPage>::new()} ssr=SsrMode::InOrder/>
                    <Route path=path!("/notes") view={Lazy::<NotesPage>::new()} ssr=SsrMode::InOrder/>
                </FlatRoutes>
            </main>
            <footer class="site-footer">
                <p>"Sign-in done right, in Rust with Leptos."</p>
            </footer>
        </Router>
    }
}

/// The document's title for a page's title.
fn document_title(page: String) -> String {
    if page.is_empty() { NAME.to_owned() } else { page + " · " + NAME }
}
