use crate::{
    api::session::Login,
    components::{
        fields::TextField,
        form::{FormAction, FormMessage, OnSuccess, ServerForm, SubmitButton, use_form},
        password_field::PasswordField,
        return_to::{ReturnToField, use_return_to},
    },
    paths,
    validation::Field,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The sign-in page.
#[derive(Debug)]
pub struct LoginPage;

lazy_page!(LoginPage, login_page);

fn login_page() -> AnyView {
    let destination = use_return_to();
    let sign_up = move || destination.with(|destination| paths::with_return_to(paths::SIGN_UP, destination));
    view! {
        <Title text="Sign in"/>
        <div class="card">
            <h1>"Sign in"</h1>
            <LoginForm/>
            <p>"No account yet? "<a href=sign_up>"Create one"</a></p>
        </div>
    }
    .into_any()
}

#[component]
fn LoginForm() -> impl IntoView {
    let login = FormAction::<Login>::new();
    let form = use_form(login, OnSuccess::Leaves);
    view! {
        <ServerForm action=login>
            <FormMessage form=form/>
            <TextField form=form field=Field::Email kind="email" autocomplete="username"/>
            <PasswordField form=form autocomplete="current-password"/>
            <ReturnToField/>
            <SubmitButton form=form>"Sign in"</SubmitButton>
        </ServerForm>
    }
}
