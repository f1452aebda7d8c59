//! Forms that call a server function: by the client where there is one, by themselves where there is none.

use crate::{
    api::form_post::{self, FormPost},
    error::AppError,
};
use leptos::{
    ev::SubmitEvent,
    prelude::*,
    server_fn::{ServerFn, client::Client},
};
use serde::de::DeserializeOwned;
use std::{
    fmt::{self, Debug, Formatter},
    ops::Deref,
};
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, UrlSearchParams};

/// A server function that a form can call.
pub trait FormFunction:
    ServerFn<
        Protocol = FormPost,
        Error = AppError,
        Client: Client<AppError>,
        Output: DeserializeOwned + Send + Sync + 'static,
    > + 'static
{
}

impl<S> FormFunction for S where
    S: ServerFn<
            Protocol = FormPost,
            Error = AppError,
            Client: Client<AppError>,
            Output: DeserializeOwned + Send + Sync + 'static,
        > + 'static
{
}

/// Calls of `S` by an [`ServerForm`], and what came of them.
///
/// In place of `ServerAction`, which makes a value of the form only to make a form of the value (ADR 0021).
pub struct FormAction<S: FormFunction>(Action<String, Result<S::Output, AppError>>);

impl<S: FormFunction> FormAction<S> {
    /// No call yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Action::new(|form: &String| form_post::send::<S::Client, S::Output>(S::PATH, form.clone())))
    }
}

impl<S: FormFunction> Default for FormAction<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: FormFunction> Clone for FormAction<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: FormFunction> Copy for FormAction<S> {}

impl<S: FormFunction> Debug for FormAction<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FormAction").field(&S::PATH).finish()
    }
}

impl<S: FormFunction> Deref for FormAction<S> {
    type Target = Action<String, Result<S::Output, AppError>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A form that calls a server function with what is in it.
#[component]
pub fn ServerForm<S: FormFunction>(action: FormAction<S>, children: Children) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        if event.default_prevented() {
            return;
        }
        // Otherwise the browser sends it by itself.
        if let Some(form) = content(&event) {
            event.prevent_default();
            action.dispatch(form);
        }
    };
    view! {
        <form action=S::PATH method="post" novalidate=true on:submit=submit>
            {children()}
        </form>
    }
}

/// What is in a form, and the button that was pressed, if it has a name.
fn content(event: &SubmitEvent) -> Option<String> {
    let form: HtmlFormElement = event.target()?.dyn_into().ok()?;
    let fields = FormData::new_with_form(&form).ok()?;
    if let Some(button) = event.submitter()
        && let Some(name) = button.get_attribute("name")
    {
        fields.append_with_str(&name, &button.get_attribute("value").unwrap_or_default()).ok()?;
    }
    let fields = UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    fields.to_string().as_string()
}
