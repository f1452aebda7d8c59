//! A labelled input with its hint and its error.

use super::form::FormState;
use crate::{
    validation::Field,
    wording::{describe_problem, label},
};
use leptos::prelude::*;

/// One line of text.
#[component]
pub fn TextField(
    form: FormState,
    field: Field,
    /// What browsers and password managers fill in.
    autocomplete: &'static str,
    #[prop(default = "text")] kind: &'static str,
    /// The initial value.
    #[prop(optional, into)]
    initial: String,
    #[prop(optional)] node_ref: NodeRef<leptos::html::Input>,
) -> impl IntoView {
    let value = form.typed(field).unwrap_or(initial);
    view! {
        <FieldFrame form=form field=field>
            <input
                id=form.id_of(field)
                name=field.name()
                type=kind
                value=value
                autocomplete=autocomplete
                autocapitalize="off"
                spellcheck="false"
                required=true
                autofocus=form.wants_focus(field)
                aria-invalid=move || form.problem_of(field).map(|_| "true")
                aria-describedby=move || described_by(form, field, false)
                node_ref=node_ref
            />
        </FieldFrame>
    }
}

/// The label above an input, the hint and the error below it.
#[component]
pub fn FieldFrame(
    form: FormState,
    field: Field,
    #[prop(optional_no_strip)] hint: Option<String>,
    children: Children,
) -> impl IntoView {
    let error = move || {
        form.problem_of(field).map(|problem| {
            view! { <p id=error_id(form, field) class="field-error">{describe_problem(field, problem)}</p> }
        })
    };
    view! {
        <div class="field">
            <label for=form.id_of(field)>{label(field)}</label>
            {children()}
            {hint.map(|hint| view! { <p id=hint_id(form, field) class="hint">{hint}</p> })}
            {error}
        </div>
    }
}

/// `aria-describedby` of an input: the ids of its hint, if it has one, and its error, if there is one.
#[must_use]
pub fn described_by(form: FormState, field: Field, has_hint: bool) -> Option<String> {
    let hint = has_hint.then(|| hint_id(form, field));
    let error = form.problem_of(field).map(|_| error_id(form, field));
    match (hint, error) {
        (Some(hint), Some(error)) => Some(format!("{error} {hint}")),
        (hint, error) => hint.or(error),
    }
}

fn hint_id(form: FormState, field: Field) -> String {
    format!("{}-hint", form.id_of(field))
}

fn error_id(form: FormState, field: Field) -> String {
    format!("{}-error", form.id_of(field))
}
