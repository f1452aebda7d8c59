//! The HTTP client of the server functions and of the services behind: it keeps the session alive around their calls.

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
    static PERSON: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Says for whom the calls of this page are meant from now on: the user with this id, whom it shows.
pub(super) fn set_expected_user(user: Option<String>) {
    PERSON.set(user);
}

/// The client of server functions that need the session.
///
/// It looks at `tokenLife` before each call and refreshes first if it is gone; a `401` all the same is answered by one
/// refresh and one retry. What to do when is decided in [`super::policy`].
///
/// Each call names the person that the page shows. If somebody else is signed in by now, the server does nothing, and
/// the page is loaded anew.
pub type SessionClient = FetchClient<true>;

/// The client of server functions for people who are not signed in yet: it sends each call as it is, once.
pub type PlainClient = FetchClient<false>;

/// A client of server functions that perhaps keeps the session alive.
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
/// [`AppError::Transport`] if there is no answer, or if the call was refused while the server could not say whether the
/// session goes on.
pub(crate) async fn keep_alive(request: &Request, signal: Option<&AbortSignal>) -> Result<Response, AppError> {
    let _under_way = request.is_change().then(Call::begin);
    let plan = refresh::read_state().before_call();
    if plan == Plan::RefreshFirst {
        refresh::refresh().await;
    }
    let renewals_before = refresh::renewals();
    let answer = send_once(request, signal).await?;

    let state = refresh::read_state();
    let renewed_meanwhile = refresh::renewals() != renewals_before;
    let outcome = match state.after_response(plan, answer.status, renewed_meanwhile) {
        Then::Deliver => return Ok(answer),
        Then::ReportUnreachable => return Err(AppError::Transport),
        Then::Retry => RefreshOutcome::Renewed,
        Then::RefreshAndRetry => refresh::refresh().await,
    };
    match outcome {
        RefreshOutcome::Renewed | RefreshOutcome::InVain => {
            let answer = send_once(request, signal).await?;
            if answer.status == 401 {
                refresh::record_in_vain();
            }
            Ok(answer)
        }
        _ if outcome.is_transient() => Err(AppError::Transport),
        _ => Ok(answer),
    }
}

async fn send_once(request: &Request, signal: Option<&AbortSignal>) -> Result<Response, AppError> {
    let person = PERSON.with_borrow(Clone::clone);
    let header = person.as_deref().map(|id| (EXPECTED_USER_HEADER, id));
    let answer = request.send(header, signal).await.ok_or(AppError::Transport)?;
    if answer.refusal() == Some(AppError::OtherUser) {
        dom::reload();
    }
    Ok(answer)
}
