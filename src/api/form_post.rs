//! How server functions are called: with a form, whoever sends it.

use crate::{
    browser::fetch::{FORM, JSON},
    encoding::{self, Wire},
    error::AppError,
};
use leptos::server_fn::{
    Http, Protocol,
    client::Client,
    codec::{Post, PostUrl},
    redirect::call_redirect_hook,
    request::ClientReq,
    response::ClientRes,
    server::Server,
};
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// The protocol of all server functions: a form (`application/x-www-form-urlencoded`) comes, JSON goes back.
///
/// On the server this is `server_fn`'s own. In the browser the form is written flat, as a page without JavaScript sends
/// it, and the answer is read as [`encoding::Wire`] says: a parser for nested forms, and what it takes to put into words what
/// is wrong with one, would be loaded with every page (ADR 0021). So arguments are texts, numbers, and what may be missing.
#[derive(Debug)]
pub struct FormPost;

type OnTheServer = Http<PostUrl, Post<Wire>>;

impl<Input, Output, C, S> Protocol<Input, Output, C, S, AppError> for FormPost
where
    Input: Serialize + DeserializeOwned + Send,
    Output: Serialize + DeserializeOwned + Send,
    C: Client<AppError>,
    S: Server<AppError>,
    OnTheServer: Protocol<Input, Output, C, S, AppError>,
{
    const METHOD: gloo_net::http::Method = <OnTheServer as Protocol<Input, Output, C, S, AppError>>::METHOD;

    fn run_server<F, Fut>(
        request: S::Request,
        function: F,
    ) -> impl Future<Output = Result<S::Response, AppError>> + Send
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, AppError>> + Send,
    {
        <OnTheServer as Protocol<Input, Output, C, S, AppError>>::run_server(request, function)
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, AppError> {
        // What has no form is a fault of the caller's: a list, for example.
        let form = serde_urlencoded::to_string(&input).map_err(|_| AppError::Internal)?;
        send::<C, Output>(path, form).await
    }
}

/// Sends a form to a server function, and goes where its answer leads.
///
/// # Errors
///
/// What the function answers; [`AppError::Transport`] if that did not arrive or cannot be read.
pub async fn send<C: Client<AppError>, T: DeserializeOwned>(path: &str, form: String) -> Result<T, AppError> {
    let response = C::send(C::Request::try_new_post(path, FORM, JSON, form)?).await?;
    let is_refusal = response.status() >= 400;
    let destination = response.has_redirect().then(|| response.location());
    let body = response.try_into_bytes().await?;
    if is_refusal {
        return Err(encoding::read(&body).unwrap_or(AppError::Transport));
    }
    let output = encoding::read(&body).map_err(|_| AppError::Transport)?;
    if let Some(destination) = destination {
        call_redirect_hook(&destination);
    }
    Ok(output)
}
