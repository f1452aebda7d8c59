//! What somebody has written on this page and the server has not taken, when their session is over.

use super::dom;
use crate::paths;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{HtmlFormElement, HtmlInputElement};

/// Forms of private pages: each says whose it is.
const FORMS: &str = "main form[method=post] input[name=expected_user]";
/// Fields to write in. A password is not worth keeping.
const FIELDS: &str = "textarea, input:not([type=hidden], [type=password])";
/// What a form shows that was sent and refused, for whatever reason.
const REFUSAL: &str = "[role=alert], [aria-invalid=true]";
/// What it shows if the reason was that the session is over; see [`crate::components::form::FormMessage`].
const REFUSAL_FOR_SESSION: &str = "[data-unauthenticated]";

/// How a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It has reached its end by itself, most likely under somebody's hands.
    Expired,
    /// Before its time. Perhaps from elsewhere, because a stranger sits here.
    Ended,
}

/// Leaves the page by a form, if there is one that holds something: people come to the page they come to without
/// JavaScript, which has the form and nothing else of what was private.
///
/// A form that was sent, and refused because of the session, is sent once more, the plain way. One that nobody has sent is
/// kept only if the session has expired, and not carried out.
pub(super) fn hand_over(ending: Ending) -> bool {
    let Some(form) = find(ending) else { return false };
    if !came_too_late(&form) {
        form.set_action(&paths::keeping(&form.action()));
    }
    dom::conceal();
    form.submit().is_ok()
}

/// The form that was sent too late, else the one somebody is in, else any.
fn find(ending: Ending) -> Option<HtmlFormElement> {
    let active = document().active_element();
    let markers = document().query_selector_all(FORMS).ok()?;
    let forms = (0..markers.length())
        .filter_map(|number| markers.item(number)?.unchecked_into::<HtmlInputElement>().form())
        .filter(|form| holds_text(form) && (came_too_late(form) || ending == Ending::Expired));
    forms.max_by_key(|form| (came_too_late(form), form.contains(active.as_deref())))
}

fn came_too_late(form: &HtmlFormElement) -> bool {
    shows(form, REFUSAL_FOR_SESSION)
}

fn shows(form: &HtmlFormElement, what: &str) -> bool {
    matches!(form.query_selector(what), Ok(Some(_)))
}

/// Whether something has been written into a form. One that was refused shows that as if it had been there from the start.
fn holds_text(form: &HtmlFormElement) -> bool {
    let Ok(fields) = form.query_selector_all(FIELDS) else { return false };
    (0..fields.length()).filter_map(|number| fields.item(number)).any(|field| {
        // A text area has the same properties, under the same names.
        let field = field.unchecked_into::<HtmlInputElement>();
        let text = field.value();
        text != field.default_value() || (!text.is_empty() && shows(form, REFUSAL))
    })
}
