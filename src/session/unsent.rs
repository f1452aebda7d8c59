//! What somebody has written on this page and the server has not taken, when their session is over.

use super::browser;
use crate::paths;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{HtmlFormElement, HtmlInputElement};

/// Fields to write in. A password is not worth keeping, and what is searched for is no loss.
const FIELDS: &str = "main form[method=post] :is(textarea, input:not([type=hidden], [type=password]))";
/// Forms that were refused: they show what was sent as if it had been there from the start.
const REFUSED: &str = "form:has([role=alert])";

/// Leaves the page by the form that holds something, if there is one: the server does not carry it out, but answers with
/// a page that has it, and nothing else of what this page shows. Without JavaScript people come to the same page.
pub(super) fn hand_over() -> bool {
    let Some(form) = find() else { return false };
    browser::conceal();
    form.set_action(&paths::keeping(&form.action()));
    form.submit().is_ok()
}

fn find() -> Option<HtmlFormElement> {
    let fields = document().query_selector_all(FIELDS).ok()?;
    let field = (0..fields.length()).filter_map(|number| fields.item(number)).find_map(|field| {
        // A `<textarea>` has the same properties, under the same names.
        let field = field.unchecked_into::<HtmlInputElement>();
        let was_refused = || matches!(field.closest(REFUSED), Ok(Some(_)));
        let (value, default) = (field.value(), field.default_value());
        (value != default || (!value.is_empty() && was_refused())).then_some(field)
    });
    field?.form()
}
