//! What happens when a page is gone to.

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
pub type Arriving = Pin<Box<dyn Future<Output = Result<AnyView, SplitLoaderError>>>>;

/// Waits for a page, and leads to it.
///
/// If its code does not come, because the server has another build by now or is out of reach, the browser loads the page
/// as a document, as it would without JavaScript. A document that is there already stays as it is.
pub async fn arrive(page: Arriving) -> AnyView {
    let wanted = use_address().get_untracked();
    let number = lead_to_page();
    if let Ok(page) = page.await {
        return page;
    }
    // Somebody may be on the way to another page by now.
    if dom::is_hydrated() && PAGES.get() == number {
        dom::go_to(&wanted);
    }
    future::pending().await
}

/// Moves the focus to a page that is gone to, as loading a document does: whoever reads by ear begins with it, and the
/// keyboard goes on from there. Returns the page's number, of those that this document has shown.
pub fn lead_to_page() -> u32 {
    if is_server() {
        return 0;
    }
    if dom::is_hydrated() {
        focus_without_scrolling("main");
    }
    PAGES.set(PAGES.get().wrapping_add(1));
    PAGES.get()
}
