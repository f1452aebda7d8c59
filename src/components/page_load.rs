//! Navigation to a page: loading its code, and the focus.

use super::{address::use_address, form::focus_without_scrolling};
use crate::browser::dom;
use leptos::{prelude::*, wasm_split::SplitLoaderError};
use std::{
    cell::Cell,
    future::{self, Future},
    pin::Pin,
};

thread_local! {
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// A page whose code may have to be loaded first.
pub type PageLoad = Pin<Box<dyn Future<Output = Result<AnyView, SplitLoaderError>>>>;

/// Waits for a page's code, and moves the focus to the page.
///
/// If the code cannot be loaded, because the server has another build or is unreachable, the browser loads the page as
/// a document, as it would without JavaScript. The document of the first page stays as it is.
pub async fn show_when_loaded(page: PageLoad) -> AnyView {
    let wanted = use_address().get_untracked();
    let number = focus_page();
    if let Ok(page) = page.await {
        return page;
    }
    // The user may have navigated to another page meanwhile.
    if dom::is_hydrated() && PAGES.get() == number {
        dom::go_to(&wanted);
    }
    future::pending().await
}

/// Moves the focus to the page that is navigated to, as loading a document does: a screen reader begins with it, and
/// the keyboard continues from there. Returns the page's number among those that this document has shown.
pub fn focus_page() -> u32 {
    if is_server() {
        return 0;
    }
    if dom::is_hydrated() {
        focus_without_scrolling("main");
    }
    PAGES.set(PAGES.get().wrapping_add(1));
    PAGES.get()
}
