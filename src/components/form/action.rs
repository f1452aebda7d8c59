//! Forms that call a server function: by a script, or without JavaScript as a plain form.

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

/// Calls of `S` by a [`ServerForm`], and their results.
///
/// In place of `ServerAction`, which parses the form into a value only to serialize it again (ADR 0021).
pub struct FormAction<S: FormFunction>(Action<String, Result<S::Output, AppError>>);

impl<S: FormFunction> FormAction<S> {
    /// Without a call yet.
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

/// A form that calls a server function with its fields.
#[component]
pub fn ServerForm<S: FormFunction>(action: FormAction<S>, children: Children) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        if event.default_prevented() {
            return;
        }
        // Otherwise the browser sends it.
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

/// The fields of a form, and the button that was pressed, if it has a name.
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
