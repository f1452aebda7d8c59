//! Several lines of text.
//!
//! The one place where a `<textarea>` is written: Leptos renders what stands in it without escaping it (tachys 0.2,
//! `ESCAPE_CHILDREN`), and a text may hold `</textarea>`.

use leptos::{html, prelude::*};

/// A field for several lines.
#[component]
pub fn TextArea(
    #[prop(into)] id: String,
    name: &'static str,
    /// What stands in it to begin with.
    initial: String,
    #[prop(into)] is_invalid: Signal<bool>,
    /// The ids of the texts that belong to it.
    #[prop(into)]
    described_by: Signal<Option<String>>,
    node_ref: NodeRef<html::Textarea>,
) -> impl IntoView {
    let initial = if is_server() { as_markup(&initial) } else { initial };
    view! {
        <textarea
            id=id
            name=name
            rows="4"
            aria-invalid=move || is_invalid.get().then_some("true")
            aria-describedby=move || described_by.get()
            node_ref=node_ref
        >
            {initial}
        </textarea>
    }
}

/// A text as it is written between the tags: escaped, and with a line break in front, which is not part of it and keeps
/// one of its own from being taken for that (HTML §13.1.2.5).
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
