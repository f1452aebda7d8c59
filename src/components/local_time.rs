//! A point in time, in the time zone of the user.

use crate::model::Moment;
use js_sys::{Date, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// Shows the server's text, and after hydration the same moment in the browser's time zone.
#[component]
pub fn LocalTime(moment: Moment) -> impl IntoView {
    let text = RwSignal::new(moment.text);
    let datetime = moment.rfc3339.clone();
    // In an effect, because hydration has to find the text that the server rendered.
    Effect::new(move |_| text.set(local_text(&moment.rfc3339)));
    view! { <time datetime=datetime>{text}</time> }
}

/// `23 November 2026 at 13:30 CET`.
fn local_text(rfc3339: &str) -> String {
    let style = Object::new();
    for (part, form) in [
        ("day", "numeric"),
        ("month", "long"),
        ("year", "numeric"),
        ("hour", "2-digit"),
        ("minute", "2-digit"),
        ("timeZoneName", "short"),
    ] {
        // Setting a property of a plain new object cannot fail.
        _ = Reflect::set(&style, &part.into(), &form.into());
    }
    Date::new(&JsValue::from_str(rfc3339)).to_locale_string("en-GB", &style).into()
}
