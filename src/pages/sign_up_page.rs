use crate::{
    api::account::SignUp,
    components::{
        fields::TextField,
        form::{FormAction, FormMessage, OnSuccess, ServerForm, SubmitButton, use_form},
        page_data::use_settings,
        password_field::PasswordField,
        return_to::{ReturnToField, use_return_to},
        strength_meter::StrengthMeter,
    },
    paths,
    validation::Field,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page to create an account.
#[derive(Debug)]
pub struct SignUpPage;

lazy_page!(SignUpPage, sign_up_page);

fn sign_up_page() -> AnyView {
    let destination = use_return_to();
    let login = move || destination.with(paths::login_returning_to);
    view! {
        <Title text="Create account"/>
        <div class="card">
            <h1>"Create account"</h1>
            <SignUpForm/>
            <p>"Already have an account? "<a href=login>"Sign in"</a></p>
        </div>
    }
    .into_any()
}

#[component]
fn SignUpForm() -> impl IntoView {
    let sign_up = FormAction::<SignUp>::new();
    let form = use_form(sign_up, OnSuccess::Leaves);
    let (password, set_password) = signal(String::new());
    let hint = password_hint(use_settings().password_min_length);
    view! {
        <ServerForm action=sign_up>
            <FormMessage form=form/>
            <TextField form=form field=Field::Email kind="email" autocomplete="username"/>
            <TextField form=form field=Field::DisplayName autocomplete="name"/>
            <PasswordField form=form autocomplete="new-password" hint=hint typed=set_password/>
            <StrengthMeter password=password/>
            <ReturnToField/>
            <SubmitButton form=form>"Create account"</SubmitButton>
        </ServerForm>
    }
}

fn password_hint(min_length: u32) -> String {
    let better =
        if min_length < 15 { "15 or more, or a few unrelated words, are" } else { "A few unrelated words are" };
    format!("At least {min_length} characters. {better} better.")
}
