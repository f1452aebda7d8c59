//! What all forms share: the error that came back, the focus that follows it, the button that waits.

use super::{error_view::describe, page_data::use_form_echo};
use crate::{
    error::{AppError, Field, Problem},
    model::FormEcho,
};
use leptos::{prelude::*, server_fn::ServerFn};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

const MESSAGE_ID: &str = "form-message";

/// Where a form stands, whichever way it was sent: by a plain `POST`, then the page is rendered with a [`FormEcho`];
/// or by its action, without leaving the page.
#[derive(Clone, Copy, Debug)]
pub struct FormState {
    error: Memo<Option<AppError>>,
    busy: Memo<bool>,
    echo: StoredValue<Option<FormEcho>>,
}

/// What a form does when it has been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSuccess {
    /// Another page is loaded; until it is there, the button stays busy.
    Leaves,
    /// The form can be sent again.
    Stays,
}

/// The [`FormState`] of the form around `action`.
#[must_use]
pub fn use_form<S>(action: ServerAction<S>, on_success: OnSuccess) -> FormState
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let echo = StoredValue::new(use_form_echo(S::PATH));
    let (pending, value) = (action.pending(), action.value());
    let error = Memo::new(move |_| {
        if pending.get() {
            return None;
        }
        value.with(|value| match value {
            Some(answer) => answer.as_ref().err().cloned(),
            None => echo.with_value(|echo| echo.as_ref().map(|echo| echo.error.clone())),
        })
    });
    let busy = Memo::new(move |_| {
        pending.get() || (on_success == OnSuccess::Leaves && value.with(|value| matches!(value, Some(Ok(_)))))
    });
    FormState { error, busy, echo }
}

impl FormState {
    /// What went wrong, if anything.
    #[must_use]
    pub fn error(self) -> Option<AppError> {
        self.error.get()
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub fn is_busy(self) -> bool {
        self.busy.get()
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn problem_of(self, field: Field) -> Option<Problem> {
        self.error.with(|error| error.as_ref()?.problem_of(field))
    }

    /// What was typed into a field before the page was rendered again.
    #[must_use]
    pub fn typed(self, field: Field) -> Option<String> {
        self.echo.with_value(|echo| echo.as_ref()?.typed(field).map(str::to_owned))
    }

    /// Whether a field takes the focus when the page is loaded: the first one to mend in a form that came back.
    #[must_use]
    pub fn wants_focus(self, field: Field) -> bool {
        self.echo.with_value(|echo| echo.as_ref().and_then(|echo| first_to_mend(&echo.error)) == Some(field))
    }

    /// Moves the focus to what has to be mended when an answer arrives.
    fn lead_to_errors(self) {
        Effect::new(move |arrived_before: Option<()>| {
            let error = self.error.get();
            if let (Some(()), Some(error)) = (arrived_before, error) {
                let target = first_to_mend(&error).map_or(MESSAGE_ID, Field::name);
                // The message is put into the page in this same turn; it can be focused in the next frame.
                request_animation_frame(move || focus(target));
            }
        });
    }
}

/// The message about the form as a whole; fields tell their own problems. The focus follows both.
#[component]
pub fn FormMessage(
    form: FormState,
    /// What to say if there is not what the form is about.
    #[prop(optional)]
    not_found: Option<&'static str>,
) -> impl IntoView {
    form.lead_to_errors();
    let text = move |error: &AppError| match (error, not_found) {
        (AppError::NotFound, Some(text)) => text.to_owned(),
        (error, _) => describe(error),
    };
    let message = move || {
        form.error().filter(|error| !matches!(error, AppError::Validation(_))).map(|error| {
            view! { <p id=MESSAGE_ID class="form-message" role="alert" tabindex="-1">{text(&error)}</p> }
        })
    };
    view! { {message} }
}

/// The button that sends the form; it cannot be pressed twice while the answer is awaited.
#[component]
pub fn SubmitButton(
    form: FormState,
    #[prop(default = "button primary")] class: &'static str,
    /// The id of what the button is about, where its text alone does not tell.
    #[prop(optional, into)]
    about: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class=class
            aria-describedby=about
            disabled=move || form.is_busy()
            aria-busy=move || form.is_busy().then_some("true")
        >
            {children()}
        </button>
    }
}

/// The field to look at first. Wrong credentials are mended by typing the password again.
fn first_to_mend(error: &AppError) -> Option<Field> {
    match error {
        AppError::Validation(fields) => fields.first().map(|error| error.field),
        AppError::InvalidCredentials => Some(Field::Password),
        _ => None,
    }
}

/// Moves the focus to the element with this id, if there is one.
pub fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}
