//! Every text about something that went wrong: the one place where an error becomes words.

use super::address::use_address;
use crate::{
    error::AppError,
    respond,
    validation::{Field, FieldProblem},
};
use leptos::prelude::*;
use leptos_meta::Title;

/// What a page shows when it cannot show what it is for.
#[component]
#[expect(clippy::needless_pass_by_value, reason = "`view!` hands over the properties of a component")]
pub fn ErrorView(error: AppError) -> impl IntoView {
    respond::set_status(error.status_code());
    view! {
        <Title text="Something went wrong"/>
        <h1>"Something went wrong"</h1>
        <p>{describe(&error)}</p>
        <p><TryAgain/></p>
    }
}

/// A link that loads this page anew, with and without JavaScript.
#[component]
pub fn TryAgain() -> impl IntoView {
    let here = use_address();
    view! { <a class="button" href=here rel="external">"Try again"</a> }
}

/// What happened, in one or two sentences.
#[must_use]
pub fn describe(error: &AppError) -> String {
    match error {
        AppError::RateLimited { retry_after_secs } => {
            format!("Too many attempts. Try again in {}.", waiting_time(*retry_after_secs))
        }
        AppError::Unauthenticated => "You are no longer signed in. Sign in and try again.".into(),
        AppError::InvalidCredentials => "Wrong e-mail address or password.".into(),
        AppError::Forbidden => "This request was refused, because it seems to come from another site.".into(),
        AppError::Validation(_) => "Please look at the marked fields.".into(),
        AppError::OtherUser => "Somebody else has signed in on this browser. Reload the page.".into(),
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

/// What is wrong with a field, and how to mend it.
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

fn waiting_time(seconds: u32) -> String {
    match seconds {
        0 | 1 => "1 second".into(),
        2..120 => format!("{seconds} seconds"),
        120.. => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_told_in_seconds_and_then_in_minutes() {
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
}
