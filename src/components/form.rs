//! What all forms share: the error, the focus on it, the submit button.

mod action;

use super::page_data::use_form_echo;
use crate::{
    error::AppError,
    model::FormEcho,
    validation::{Field, FieldProblem},
    wording::describe,
};
pub use action::{FormAction, FormFunction, ServerForm};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlElement};

const MESSAGE: &str = "form-message";

/// The state of a form, whichever way it was sent: by a plain `POST`, then the page is rendered with a [`FormEcho`]; or
/// by its action, without leaving the page.
#[derive(Clone, Copy, Debug)]
pub struct FormState {
    /// The part of the page it is in, see [`FormState::of_part`]. Empty if the page has one form.
    part: StoredValue<String>,
    error: Signal<Option<AppError>>,
    busy: Signal<bool>,
    echo: StoredValue<Option<FormEcho>>,
    /// The error when the form was built.
    first_error: StoredValue<Option<AppError>>,
}

/// What a form does after it has been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSuccess {
    /// Another page is loaded; until then, the button stays busy.
    Leaves,
    /// The form can be sent again.
    Stays,
}

/// The [`FormState`] of the form around `action`.
#[must_use]
pub fn use_form<S: FormFunction>(action: FormAction<S>, on_success: OnSuccess) -> FormState {
    let echo = StoredValue::new(use_form_echo(S::PATH));
    let (pending, value) = (action.pending(), action.value());
    let error = Memo::new(move |_| {
        if pending.get() {
            return None;
        }
        value.with(|value| match value {
            Some(result) => result.as_ref().err().cloned(),
            None => echo.with_value(|echo| echo.as_ref().map(|echo| echo.error.clone())),
        })
    });
    let busy = Memo::new(move |_| {
        pending.get() || (on_success == OnSuccess::Leaves && value.with(|value| matches!(value, Some(Ok(_)))))
    });
    FormState::new("", error.into(), busy.into(), echo)
}

impl FormState {
    fn new(
        part: &str,
        error: Signal<Option<AppError>>,
        busy: Signal<bool>,
        echo: StoredValue<Option<FormEcho>>,
    ) -> Self {
        let first_error = StoredValue::new(error.get_untracked());
        Self { part: StoredValue::new(part.to_owned()), error, busy, echo, first_error }
    }

    /// One of several forms of a page, which is sent by other means than an action.
    ///
    /// `part` is the id of the element that holds it. The ids in the form begin with it, and the focus moves to an
    /// error only if the user has not moved it to another part of the page.
    #[must_use]
    pub fn of_part(part: &str, error: Signal<Option<AppError>>, busy: Signal<bool>) -> Self {
        Self::new(part, error, busy, StoredValue::default())
    }

    /// The id of a field's input.
    #[must_use]
    pub fn id_of(self, field: Field) -> String {
        self.part.with_value(|part| id_in(part, field.name()))
    }

    /// The id of the message about the form as a whole.
    #[must_use]
    pub fn message_id(self) -> String {
        self.part.with_value(|part| id_in(part, MESSAGE))
    }

    /// The error, if there is one.
    #[must_use]
    pub fn error(self) -> Option<AppError> {
        self.error.get()
    }

    /// Whether a response is pending.
    #[must_use]
    pub fn is_busy(self) -> bool {
        self.busy.get()
    }

    /// The problem of a field.
    #[must_use]
    pub fn problem_of(self, field: Field) -> Option<FieldProblem> {
        self.error.with(|error| error.as_ref()?.problem_of(field))
    }

    /// What was typed into a field before the page was rendered again.
    #[must_use]
    pub fn typed(self, field: Field) -> Option<String> {
        self.echo.with_value(|echo| echo.as_ref()?.typed(field).map(str::to_owned))
    }

    /// Whether a field takes the focus when the page is loaded: the first one to correct in a refused form.
    #[must_use]
    pub fn wants_focus(self, field: Field) -> bool {
        self.first_error.with_value(|error| error.as_ref().and_then(first_to_correct) == Some(field))
    }

    /// Whether the message takes it: when there is no field to correct.
    fn message_wants_focus(self) -> bool {
        self.first_error.with_value(|error| error.as_ref().is_some_and(|error| first_to_correct(error).is_none()))
    }

    /// Moves the focus to what has to be corrected when an error arrives.
    fn focus_errors(self) {
        Effect::new(move |arrived_before: Option<()>| {
            let error = self.error.get();
            if let (Some(()), Some(error)) = (arrived_before, error) {
                let part = self.part.get_value();
                let place = place_to_correct(&part, &error);
                focus_unless_elsewhere(part, place);
            }
        });
    }
}

/// The message about the form as a whole; fields show their own problems. The focus moves to either.
///
/// `data-unauthenticated` marks a form that was sent after the session was over; `browser/drafts.rs` looks for it.
#[component]
pub fn FormMessage(
    form: FormState,
    /// The text for [`AppError::NotFound`], if the page has one.
    #[prop(optional)]
    not_found: Option<&'static str>,
    /// The text for all other errors.
    #[prop(default = describe)]
    in_words: fn(&AppError) -> String,
) -> impl IntoView {
    form.focus_errors();
    let text = move |error: &AppError| match (error, not_found) {
        (AppError::NotFound, Some(text)) => text.to_owned(),
        (error, _) => in_words(error),
    };
    let message = move || {
        form.error().filter(|error| !matches!(error, AppError::Validation(_))).map(|error| {
            view! {
                <p
                    id=form.message_id()
                    class="form-message"
                    role="alert"
                    tabindex="-1"
                    autofocus=form.message_wants_focus()
                    data-unauthenticated=(error == AppError::Unauthenticated).then_some("")
                >
                    {text(&error)}
                </p>
            }
        })
    };
    view! { {message} }
}

/// The button that sends the form; disabled while the response is pending.
#[component]
pub fn SubmitButton(
    form: FormState,
    #[prop(default = "button primary")] class: &'static str,
    /// The id of the element that describes the button, where its text alone does not suffice.
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

/// The first field to correct. For wrong credentials it is the password.
fn first_to_correct(error: &AppError) -> Option<Field> {
    match error {
        AppError::Validation(fields) => fields.first().map(|error| error.field),
        AppError::InvalidCredentials => Some(Field::Password),
        _ => None,
    }
}

/// The id of the first element to correct in the form of a part of the page: a field, or else the message.
#[must_use]
pub fn place_to_correct(part: &str, error: &AppError) -> String {
    id_in(part, first_to_correct(error).map_or(MESSAGE, Field::name))
}

/// The id of the element with this name in a part of the page.
#[must_use]
pub fn id_in(part: &str, name: &str) -> String {
    if part.is_empty() { name.to_owned() } else { format!("{part}-{name}") }
}

/// Moves the focus to the element with this id, if there is one.
pub fn focus(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// [`focus`] without scrolling.
pub fn focus_without_scrolling(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        _ = element.unchecked_into::<HtmlElement>().focus_with_options(&options);
    }
}

/// Moves the focus to the element with this id, unless it is in another part of the page, where the user may be typing.
///
/// It moves in the next frame, when elements that are being added can take it.
pub fn focus_unless_elsewhere(part: String, id: String) {
    request_animation_frame(move || {
        let document = document();
        // If nothing has the focus, the active element is the body, which contains the part.
        let is_there = match (document.get_element_by_id(&part), document.active_element()) {
            (Some(part), Some(active)) => part.contains(Some(&active)) || active.contains(Some(&part)),
            _ => true,
        };
        if is_there {
            focus(&id);
        }
    });
}
