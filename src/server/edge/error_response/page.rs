//! The error page: complete, without scripts, in the application's style.

use super::{ErrorResponse, Resend};
use crate::{paths, server::edge::request_id::RequestId, validation::Field, wording};
use axum::http::StatusCode;
use std::fmt::{self, Display, Write};

const NAME: &str = "tokenlife";

/// The whole document.
pub(super) fn render(error_response: &ErrorResponse, stylesheet: &str, id: Option<&RequestId>) -> String {
    let (status, form) = (error_response.status, error_response.resend.as_ref());
    let (heading, advice) = wording::describe_status(status.as_u16());
    let (home, stylesheet) = (paths::HOME, Escaped(stylesheet));
    let mut html = format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{heading} · {NAME}</title>
<link rel="stylesheet" href="{stylesheet}">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
</head>
<body>
<header class="site-header"><a class="brand" href="{home}">{NAME}</a></header>
<main id="main">
<h1>{heading}</h1>
<p>{advice}</p>
"#
    );
    if let Some(wait) = error_response.retry_after {
        push(&mut html, format_args!("<p>Please try again in {}.</p>\n", wording::describe_wait(wait)));
    }
    match form {
        Some(form) => push_form(&mut html, form, status),
        None => push(&mut html, format_args!("<p><a class=\"button\" href=\"{home}\">Go to the home page</a></p>\n")),
    }
    html.push_str("</main>\n");
    if let Some(id) = id {
        // For the user to quote to support.
        let (code, id) = (status.as_u16(), Escaped(id.as_str()));
        push(&mut html, format_args!("<footer class=\"site-footer\"><p>Error {code}, request {id}</p></footer>\n"));
    }
    html.push_str("</body>\n</html>\n");
    html
}

/// The form as it was sent. Typed fields can be edited; the others are hidden.
fn push_form(html: &mut String, form: &Resend, status: StatusCode) {
    if status == StatusCode::UNAUTHORIZED {
        // In another tab, so that this page with the typed text stays.
        let sign_in = Escaped(&form.sign_in);
        push(
            html,
            format_args!(
                "<p><a href=\"{sign_in}\" target=\"_blank\" rel=\"noopener\">Sign in in a new tab</a>, \
                 then come back to this one and send the form again.</p>\n"
            ),
        );
    }
    push(html, format_args!("<form class=\"card\" method=\"post\" action=\"{}\">\n", Escaped(&form.action)));
    for (name, value) in &form.fields {
        let typed = Field::of_name(name).filter(|field| *field != Field::Password);
        let (name, value) = (Escaped(name), Escaped(value));
        match typed {
            None => push(html, format_args!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")),
            Some(field) => {
                let label = wording::label(field);
                push(html, format_args!("<div class=\"field\"><label for=\"{name}\">{label}</label>\n"));
                if field.is_multiline() {
                    // A line break right after the tag is not part of the text.
                    push(html, format_args!("<textarea id=\"{name}\" name=\"{name}\">\n{value}</textarea></div>\n"));
                } else {
                    push(html, format_args!("<input id=\"{name}\" name=\"{name}\" value=\"{value}\"></div>\n"));
                }
            }
        }
    }
    html.push_str("<button type=\"submit\" class=\"button primary\">Send again</button>\n</form>\n");
}

/// Text inside an element or a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

fn push(html: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = html.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AppError;
    use std::time::Duration;

    #[test]
    fn inserted_text_is_escaped() {
        let html = render(&ErrorResponse::from_status(StatusCode::NOT_FOUND), "/pkg/a.css\"><script>", None);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("/pkg/a.css&quot;&gt;&lt;script&gt;"));
    }

    #[test]
    fn a_form_can_be_sent_again_as_it_was() {
        let sent = "title=%22%3Cb%3E&text=%3C%2Ftextarea%3E%0Aa&version=7&password=secret&expected_user=u";
        let form = Resend::of("/api/note/change", sent.as_bytes());
        let html = render(&ErrorResponse::from(AppError::Unauthenticated).with_form(form), "/style.css", None);
        for part in [
            r#"<form class="card" method="post" action="/api/note/change">"#,
            r#"<input id="title" name="title" value="&quot;&lt;b&gt;">"#,
            "<textarea id=\"text\" name=\"text\">\n&lt;/textarea&gt;\na</textarea>",
            r#"<input type="hidden" name="version" value="7">"#,
            r#"<input type="hidden" name="expected_user" value="u">"#,
            r#"href="/login?return_to=/notes" target="_blank""#,
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("secret"), "a password is typed anew");
    }

    #[test]
    fn every_error_status_has_a_page() {
        for code in 400..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let error_response = ErrorResponse::from_status(status).retry_after(Duration::from_secs(3));
            let html = render(&error_response, "/style.css", None);
            assert!(html.contains("<h1>") && html.contains("lang=\"en\"") && html.ends_with("</html>\n"), "{code}");
        }
    }
}
