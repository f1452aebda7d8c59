//! A form that was sent without JavaScript and refused, on its way back to the page that shows it again.

use crate::model::FormEcho;
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct FormEchoContext(StoredValue<Option<FormEcho>>);

/// Takes over the [`FormEcho`] that the server provides for this request, and hands it to the browser as well, where
/// hydration has to build the same form. Called once, by the application.
pub fn provide_form_echo() {
    let echo = SharedValue::new(use_context::<FormEcho>).into_inner();
    provide_context(FormEchoContext(StoredValue::new(echo)));
}

/// The refused form that was sent to this server function, if there is one. It is shown once: who comes back to the
/// page later finds an empty form.
#[must_use]
pub fn use_form_echo(action: &'static str) -> Option<FormEcho> {
    let FormEchoContext(waiting) = use_context()?;
    // The server may build a view more than once before it is sent, so that only the browser uses the echo up.
    Effect::new(move |_| waiting.update_value(|echo| drop(echo.take_if(|echo| echo.action == action))));
    waiting.with_value(|echo| echo.clone().filter(|echo| echo.action == action))
}
