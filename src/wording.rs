//! Wording: the text shown for each error and the label of each field, in one place.
//!
//! Plain functions without Leptos, used by the pages, the error pages outside the application and the command line.
//! What only the server uses is not linked into the browser's code.

use crate::{
    error::AppError,
    validation::{Field, FieldError, FieldProblem},
};
use std::time::Duration;

/// What happened, in one or two sentences.
#[must_use]
pub fn describe(error: &AppError) -> String {
    match error {
        AppError::RateLimited { retry_after_secs } => {
            format!("Too many attempts. Try again in {}.", retry_time(*retry_after_secs))
        }
        AppError::Unauthenticated => "You are no longer signed in. Sign in and try again.".into(),
        AppError::InvalidCredentials => "Wrong e-mail address or password.".into(),
        AppError::Forbidden => "This request was refused, because it seems to come from another site.".into(),
        AppError::Validation(_) => "Please look at the marked fields.".into(),
        AppError::OtherUser => "Another user has signed in on this browser. Reload the page.".into(),
        AppError::NotFound => "There is nothing here.".into(),
        AppError::Conflict => "This was changed elsewhere in the meantime.".into(),
        AppError::Full { max } => format!("You can have at most {max}. Delete one first."),
        AppError::TooLarge => "That is too long to send.".into(),
        AppError::UnsupportedMediaType | AppError::BadRequest => {
            "The server could not read that. Reload the page and try again.".into()
        }
        AppError::Unavailable => "This is not available right now. Please try again shortly.".into(),
        AppError::Internal => "That is a fault on our side. Please try again.".into(),
        AppError::Transport => "We cannot reach the server. Check your connection and try again.".into(),
    }
}

/// [`describe`] for a call of the notes service.
#[must_use]
pub fn describe_notes_error(error: &AppError) -> String {
    match error {
        AppError::Unavailable | AppError::Internal | AppError::Transport => {
            "The notes cannot be reached at the moment. Nothing is lost; please try again shortly.".into()
        }
        AppError::Conflict => {
            "This note was changed elsewhere in the meantime. The current version is shown above. Save to replace it \
             with yours, or cancel."
                .into()
        }
        other => describe(other),
    }
}

/// [`describe_notes_error`] for a note that could not be deleted.
#[must_use]
pub fn describe_refused_deletion(error: &AppError) -> String {
    match error {
        AppError::Conflict => {
            "This note was changed elsewhere in the meantime. Here is its current version, which you can still delete."
                .into()
        }
        other => describe_notes_error(other),
    }
}

/// The label of a field.
#[must_use]
pub const fn label(field: Field) -> &'static str {
    match field {
        Field::Email => "E-mail address",
        Field::DisplayName => "Display name",
        Field::Password => "Password",
        Field::Title => "Title",
        Field::Text => "Text",
    }
}

/// What is wrong with a field, and how to correct it.
#[must_use]
pub fn describe_problem(field: Field, problem: FieldProblem) -> String {
    match (problem, field) {
        (FieldProblem::Required, Field::Email) => "Enter your e-mail address.".into(),
        (FieldProblem::Required, Field::DisplayName) => "Enter a display name.".into(),
        (FieldProblem::Required, Field::Password) => "Enter a password.".into(),
        (FieldProblem::Required, Field::Title) => "Enter a title.".into(),
        (FieldProblem::Required, Field::Text) => "Enter a text.".into(),
        (FieldProblem::TooShort { min }, _) => format!("Use at least {min} characters."),
        (FieldProblem::TooLong { max }, _) => format!("Use at most {max} characters."),
        (FieldProblem::NotAnEmail, _) => "Enter an e-mail address like name@example.com.".into(),
        (FieldProblem::Taken, _) => "There is an account with this address already.".into(),
        (FieldProblem::ControlCharacters, _) => "Remove line breaks and other invisible characters.".into(),
        (FieldProblem::CommonPassword, _) => {
            "This is one of the passwords that are tried first. Choose another one.".into()
        }
        (FieldProblem::PersonalPassword, _) => {
            "This can be guessed from your name, your address or the name of this site. Choose another one.".into()
        }
        (FieldProblem::GuessablePassword, _) => "This is quickly guessed. Add a few unrelated words.".into(),
    }
}

/// The problems of several fields in one line, each under its `name` attribute, for the command line.
#[must_use]
pub fn describe_fields(fields: &[FieldError]) -> String {
    let problems: Vec<String> = fields
        .iter()
        .map(|error| format!("{}: {}", error.field.name(), describe_problem(error.field, error.problem)))
        .collect();
    if problems.is_empty() { describe(&AppError::Internal) } else { problems.join("; ") }
}

/// How strong a password is, in one line next to the strength meter: `score` is zxcvbn's, `0` to `4`.
#[must_use]
pub const fn describe_strength(score: u8, problem: Option<FieldProblem>) -> &'static str {
    match (problem, score) {
        (Some(FieldProblem::CommonPassword), _) => "One of the passwords that are tried first.",
        (Some(FieldProblem::PersonalPassword), _) => "Can be guessed from your name or address.",
        (Some(FieldProblem::GuessablePassword), _) | (_, 0..=1) => "Easily guessed.",
        (_, 2) => "Could be better: add another word.",
        (_, 3) => "Good.",
        _ => "Very good.",
    }
}

/// The heading of the error page with this HTTP status, and what the user can do.
#[must_use]
pub const fn describe_status(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("Please sign in", "You have to be signed in to do this."),
        403 => (
            "This did not come from our own pages",
            "For your safety, forms are only accepted from this site itself. Open the page here and try again.",
        ),
        404 | 410 => ("Page not found", "There is nothing at this address. The link may be old or mistyped."),
        405 => ("That cannot be done here", "This address does not take requests of that kind."),
        408 => ("That took too long", "Your request did not arrive completely. Please send it again."),
        409 => (
            "Another user has signed in on this browser",
            "The page you sent this from was another person’s. Nothing has been changed.",
        ),
        413 => ("That is too large", "What you sent is larger than this site accepts. Please send less."),
        414 => ("This address is too long", "The link is longer than this site can read."),
        415 => ("That cannot be read", "What you sent is not in a form this site understands."),
        429 => ("Too many attempts", "To keep accounts safe, there is a short pause now."),
        431 => (
            "Your browser sent too much",
            "This usually means too many cookies. Delete this site’s cookies in your browser and try again.",
        ),
        502..=504 => ("Not available at the moment", "The site cannot answer just now. This does not sign you out."),
        400..=499 => ("That cannot be read", "The request was incomplete or damaged. Please go back and try again."),
        _ => ("Something went wrong", "This is our fault, and it has been noted. Please try again in a moment."),
    }
}

/// A `Retry-After` in the middle of a sentence about an attempt: `30 seconds`, `2 minutes`.
fn retry_time(seconds: u32) -> String {
    match seconds {
        0 | 1 => "1 second".into(),
        2..120 => format!("{seconds} seconds"),
        120.. => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// A `Retry-After` on an error page, rounded up: `a second`, `30 seconds`, `10 minutes`, `2 hours`.
#[must_use]
pub fn describe_wait(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000);
    match seconds {
        0..=1 => "a second".into(),
        2..=90 => format!("{seconds} seconds"),
        91..=5400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_allowed_again_in_seconds_and_then_in_minutes() {
        for (retry_after_secs, time) in [
            (0, "1 second"),
            (1, "1 second"),
            (30, "30 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (121, "3 minutes"),
        ] {
            let text = describe(&AppError::RateLimited { retry_after_secs });
            assert_eq!(text, format!("Too many attempts. Try again in {time}."));
        }
    }

    #[test]
    fn waits_are_rounded_up_to_seconds_minutes_and_hours() {
        let text = |seconds| describe_wait(Duration::from_secs(seconds));
        assert_eq!(text(0), "a second");
        assert_eq!(text(30), "30 seconds");
        assert_eq!(text(600), "10 minutes");
        assert_eq!(text(601), "11 minutes");
        assert_eq!(text(7200), "2 hours");
    }

    #[test]
    fn field_problems_stand_in_one_line() {
        let error = |field| FieldError { field, problem: FieldProblem::Required };
        let text = describe_fields(&[error(Field::Email), error(Field::DisplayName)]);
        assert_eq!(text, "email: Enter your e-mail address.; display_name: Enter a display name.");
        assert_eq!(describe_fields(&[]), describe(&AppError::Internal));
    }
}
