//! The input for a password, with a button that shows it.

use super::{
    fields::{FieldFrame, described_by},
    form::FormState,
};
use crate::validation::Field;
use leptos::{html, prelude::*};

/// A password. The server never sends it back, and pasting works.
#[component]
pub fn PasswordField(
    form: FormState,
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
    #[prop(optional)] hint: Option<String>,
    /// Receives what is typed, for the strength meter.
    #[prop(optional)]
    typed: Option<WriteSignal<String>>,
) -> impl IntoView {
    let field = Field::Password;
    let has_hint = hint.is_some();
    let shown = RwSignal::new(false);
    // The button needs JavaScript, so it is hidden before hydration.
    let is_hydrated = RwSignal::new(false);
    Effect::new(move |_| is_hydrated.set(true));
    // A refused password is cleared, as on the page that is rendered again without JavaScript.
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |arrived_before: Option<()>| {
        if form.error().is_some() && arrived_before.is_some() {
            if let Some(input) = input.get_untracked() {
                input.set_value("");
            }
            if let Some(typed) = typed {
                typed.set(String::new());
            }
        }
    });

    view! {
        <FieldFrame form=form field=field hint=hint>
            <div class="with-button">
                <input
                    node_ref=input
                    id=field.name()
                    name=field.name()
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="off"
                    spellcheck="false"
                    required=true
                    autofocus=form.wants_focus(field)
                    aria-invalid=move || form.problem_of(field).map(|_| "true")
                    aria-describedby=move || described_by(form, field, has_hint)
                    on:input:target=move |event| {
                        if let Some(typed) = typed {
                            typed.set(event.target().value());
                        }
                    }
                />
                <button
                    type="button"
                    class="button"
                    aria-controls=field.name()
                    aria-pressed=move || if shown.get() { "true" } else { "false" }
                    hidden=move || !is_hydrated.get()
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                >
                    "Show"
                </button>
            </div>
        </FieldFrame>
    }
}
