//! The HTTP client of server functions and upstream calls: it keeps the session alive around them.

use super::{
    dom,
    fetch::{Request, Response},
    in_flight::Call,
    policy::{Plan, RefreshOutcome, Then},
    refresh,
};
use crate::{error::AppError, model::EXPECTED_USER_HEADER};
use futures::{Sink, Stream};
use leptos::server_fn::{
    Bytes,
    client::{Client, browser::BrowserClient},
};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use web_sys::AbortSignal;

thread_local! {
    static EXPECTED_USER: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sets the user for whom this page's calls are meant, by id: the one it shows.
pub(super) fn set_expected_user(user: Option<String>) {
    EXPECTED_USER.set(user);
}

/// The client of server functions that need the session.
///
/// It reads `tokenLife` before each call and refreshes first if it is gone; after a `401` it refreshes and retries
/// once. [`super::policy`] decides which of these to do.
///
/// Each call names the user that the page shows. If another user is signed in, the server does nothing, and the page is
/// reloaded.
pub type SessionClient = FetchClient<true>;

/// The client of server functions for anonymous visitors: it sends each call as it is, once.
pub type PlainClient = FetchClient<false>;

/// A client of server functions; `KEEPS_ALIVE` selects [`SessionClient`] or [`PlainClient`].
#[derive(Debug)]
pub struct FetchClient<const KEEPS_ALIVE: bool>;

impl<const KEEPS_ALIVE: bool> Client<AppError> for FetchClient<KEEPS_ALIVE> {
    type Request = Request;
    type Response = Response;

    fn send(request: Request) -> impl Future<Output = Result<Response, AppError>> + Send {
        SendWrapper::new(async move {
            if KEEPS_ALIVE {
                keep_alive(&request, None).await
            } else {
                request.send(None, None).await.ok_or(AppError::Transport)
            }
        })
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static, impl Sink<Bytes> + Send + 'static),
            AppError,
        >,
    > + Send {
        <BrowserClient as Client<AppError>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<AppError>>::spawn(future);
    }
}

/// Sends a call and keeps the session alive around it.
///
/// # Errors
///
/// [`AppError::Transport`] if there is no response, or if the call was refused while the server could not determine
/// whether the session continues.
pub(crate) async fn keep_alive(request: &Request, signal: Option<&AbortSignal>) -> Result<Response, AppError> {
    let _under_way = request.is_change().then(Call::begin);
    let plan = refresh::read_state().before_call();
    if plan == Plan::RefreshFirst {
        refresh::refresh().await;
    }
    let renewals_before = refresh::renewals();
    let response = send_once(request, signal).await?;

    let state = refresh::read_state();
    let renewed_meanwhile = refresh::renewals() != renewals_before;
    let outcome = match state.after_response(plan, response.status, renewed_meanwhile) {
        Then::Deliver => return Ok(response),
        Then::ReportUnreachable => return Err(AppError::Transport),
        Then::Retry => RefreshOutcome::Renewed,
        Then::RefreshAndRetry => refresh::refresh().await,
    };
    match outcome {
        RefreshOutcome::Renewed | RefreshOutcome::InVain => {
            let response = send_once(request, signal).await?;
            if response.status == 401 {
                refresh::record_in_vain();
            }
            Ok(response)
        }
        _ if outcome.is_transient() => Err(AppError::Transport),
        _ => Ok(response),
    }
}

async fn send_once(request: &Request, signal: Option<&AbortSignal>) -> Result<Response, AppError> {
    let user = EXPECTED_USER.with_borrow(Clone::clone);
    let header = user.as_deref().map(|id| (EXPECTED_USER_HEADER, id));
    let response = request.send(header, signal).await.ok_or(AppError::Transport)?;
    if response.refusal() == Some(AppError::OtherUser) {
        dom::reload();
    }
    Ok(response)
}
