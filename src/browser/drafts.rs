//! Text that the user has typed on this page and the server has not accepted, when the session is over.

use super::dom;
use crate::paths;
use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{HtmlFormElement, HtmlInputElement};

/// Forms of private pages: each names its user.
const FORMS: &str = "main form[method=post] input[name=expected_user]";
/// Fields to type in, without passwords, which are never kept.
const FIELDS: &str = "textarea, input:not([type=hidden], [type=password])";
/// What a refused form shows, whatever the reason.
const REFUSAL: &str = "[role=alert], [aria-invalid=true]";
/// What it shows if it was refused because the session is over; see [`crate::components::form::FormMessage`].
const REFUSAL_FOR_SESSION: &str = "[data-unauthenticated]";

/// How a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By its lifetime, most likely while the user was active.
    Expired,
    /// Before that: perhaps the user ended it from another device, because a stranger uses this one.
    Ended,
}

/// Leaves the page by submitting a form that holds text, if there is one: the response is the error page of browsers
/// without JavaScript, which has the form and nothing else of the private page.
///
/// A form that was sent, and refused because of the session, is sent once more as a plain form. One that the user has
/// not sent is kept only if the session has expired, and is not carried out.
pub(super) fn hand_over(ending: Ending) -> bool {
    let Some(form) = find(ending) else { return false };
    if !came_too_late(&form) {
        form.set_action(&paths::keeping(&form.action()));
    }
    dom::conceal();
    form.submit().is_ok()
}

/// The form that was sent too late, else the focused one, else any.
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

/// Whether the user has typed into a form. A refused form shows its text as the initial value.
fn holds_text(form: &HtmlFormElement) -> bool {
    let Ok(fields) = form.query_selector_all(FIELDS) else { return false };
    (0..fields.length()).filter_map(|number| fields.item(number)).any(|field| {
        // A text area has the same properties, under the same names.
        let field = field.unchecked_into::<HtmlInputElement>();
        let text = field.value();
        text != field.default_value() || (!text.is_empty() && shows(form, REFUSAL))
    })
}
