//! How server functions are called: with a form, sent by a script or by the browser itself.

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

/// The protocol of all server functions: the request is a form (`application/x-www-form-urlencoded`), the response
/// JSON.
///
/// On the server this is `server_fn`'s own. In the browser the form is written flat, as a page without JavaScript sends
/// it, and the response is read as [`encoding::Wire`]: a parser for nested forms, with its error messages, would be
/// loaded with every page (ADR 0021). So arguments are strings, numbers and options of them.
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
        // A value that has no form, such as a list, is an error of the caller.
        let form = serde_urlencoded::to_string(&input).map_err(|_| AppError::Internal)?;
        send::<C, Output>(path, form).await
    }
}

/// Sends a form to a server function, and follows the redirect of its response.
///
/// # Errors
///
/// The function's error; [`AppError::Transport`] if the response did not arrive or cannot be read.
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
