//! Several lines of text.
//!
//! The one place where a `<textarea>` is written: Leptos renders its content without escaping it (tachys 0.2,
//! `ESCAPE_CHILDREN`), and a text may contain `</textarea>`.

use super::{
    fields::{FieldFrame, described_by},
    form::FormState,
};
use crate::validation::Field;
use leptos::{html, prelude::*};

/// A labelled field for several lines of text.
#[component]
pub fn TextArea(
    form: FormState,
    field: Field,
    /// The initial value.
    initial: String,
    node_ref: NodeRef<html::Textarea>,
) -> impl IntoView {
    let initial = if is_server() { as_markup(&initial) } else { initial };
    view! {
        <FieldFrame form=form field=field>
            <textarea
                id=form.id_of(field)
                name=field.name()
                rows="4"
                autofocus=form.wants_focus(field)
                aria-invalid=move || form.problem_of(field).map(|_| "true")
                aria-describedby=move || described_by(form, field, false)
                node_ref=node_ref
            >
                {initial}
            </textarea>
        </FieldFrame>
    }
}

/// The markup of a text between the tags: escaped, after a line break, which is not part of the text and keeps a
/// leading one of its own (HTML §13.1.2.5).
fn as_markup(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_element() {
        assert_eq!(as_markup("</textarea>&lt;"), "\n&lt;/textarea>&amp;lt;");
        assert_eq!(as_markup("\none"), "\n\none");
        assert_eq!(as_markup(""), "\n");
    }
}
