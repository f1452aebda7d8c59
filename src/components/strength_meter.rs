//! The strength of a new password, while it is being typed. It only advises: the server decides.

use super::page_data::use_settings;
use crate::{
    api::account::rate_password, browser::dom, model::PasswordRating, validation::Field, wording::describe_strength,
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

/// The pause after typing before the password is rated.
const PAUSE: Duration = Duration::from_millis(400);

/// Rates `password` whenever typing pauses.
#[component]
pub fn StrengthMeter(password: ReadSignal<String>) -> impl IntoView {
    let rating = RwSignal::new(None::<PasswordRating>);
    let latest = StoredValue::new(0_u32);
    // Shorter passwords are refused anyway, and the hint says so.
    let rated_from = usize::try_from(use_settings().password_min_length).unwrap_or(usize::MAX);

    Effect::new(move |_| {
        // For an earlier text neither is a request sent any more, nor its response shown.
        latest.update_value(|latest| *latest = latest.wrapping_add(1));
        let password = password.get();
        if password.chars().count() < rated_from {
            rating.set(None);
            return;
        }
        let this = latest.get_value();
        // Nor when the page has been left.
        let is_current = move || latest.try_get_value() == Some(this);
        let rate = async move {
            dom::sleep(PAUSE).await;
            if !is_current() {
                return;
            }
            let response = rate_password(password, input(Field::Email), input(Field::DisplayName)).await;
            if is_current() {
                rating.set(response.ok());
            }
        };
        spawn_local(rate);
    });

    // Always present and one line high, so that nothing moves when a rating arrives: a button that moves under the
    // pointer misses its click.
    let score = move || rating.get().map_or(0, |rating| rating.score);
    view! {
        <div class="strength">
            <meter aria-label="Strength" min="0" max="4" low="2" high="3" optimum="4" value=score></meter>
            <p aria-live="polite">
                {move || rating.get().map(|rating| describe_strength(rating.score, rating.problem))}
            </p>
        </div>
    }
}

/// The value of another field of the form: a password made of it is weak.
fn input(field: Field) -> String {
    document()
        .get_element_by_id(field.name())
        .and_then(|element| element.dyn_into::<HtmlInputElement>().ok())
        .map(|input| input.value())
        .unwrap_or_default()
}
