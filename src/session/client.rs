//! The HTTP client of the server functions: it keeps the session alive around every call.

use super::{
    browser,
    decide::{Plan, RefreshOutcome, Then},
    refresh,
};
use crate::{error::AppError, model::EXPECTED_USER_HEADER};
use futures::{Sink, Stream};
use gloo_net::http::Request;
use leptos::server_fn::{
    Bytes,
    client::{Client, browser::BrowserClient},
    error::{FromServerFnError, ServerFnErrorErr},
    request::{ClientReq, browser::BrowserRequest},
    response::{ClientRes, browser::BrowserResponse},
};
use send_wrapper::SendWrapper;
use std::{cell::RefCell, mem};

thread_local! {
    static PERSON: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Says for whom the calls of this page are meant from now on: the user with this id, whom it shows.
pub(super) fn speak_for(user: Option<String>) {
    PERSON.set(user);
}

/// Looks at `tokenLife` before each call and refreshes first if it is gone; a `401` all the same is answered by one
/// refresh and one retry. What to do when is decided in [`super::decide`].
///
/// Each call names the person that the page shows. If somebody else is signed in by now, the server does nothing, and
/// the page is loaded anew.
#[derive(Debug)]
pub struct SessionClient;

impl<E, I, O> Client<E, I, O> for SessionClient
where
    E: FromServerFnError,
    I: FromServerFnError,
    O: FromServerFnError,
{
    type Request = BrowserRequest;
    type Response = BrowserResponse;

    fn send(request: BrowserRequest) -> impl Future<Output = Result<BrowserResponse, E>> + Send {
        SendWrapper::new(async move {
            let answer = keep_alive::<E, I, O>(request).await?;
            if status::<E>(&answer) == AppError::OtherUser.status_code() {
                browser::reload();
            }
            Ok(answer)
        })
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static, impl Sink<Bytes> + Send + 'static),
            E,
        >,
    > + Send {
        <BrowserClient as Client<E, I, O>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<E, I, O>>::spawn(future);
    }
}

/// Sends a call and keeps the session alive around it. What the answer means is for the caller to say.
pub(crate) async fn keep_alive<E, I, O>(mut request: BrowserRequest) -> Result<BrowserResponse, E>
where
    E: FromServerFnError,
    I: FromServerFnError,
    O: FromServerFnError,
{
    name_the_person(&request);
    let plan = refresh::look().before_call();
    if plan == Plan::RefreshFirst {
        refresh::refresh().await;
    }
    let spare = if plan == Plan::Send { copy_of(&mut request) } else { None };
    let renewals_before = refresh::renewals();
    let answer = send_once::<E, I, O>(request).await?;

    let known = refresh::look();
    let renewed_meanwhile = refresh::renewals() != renewals_before;
    let outcome = match known.after_answer(plan, status::<E>(&answer), renewed_meanwhile) {
        Then::Deliver => return Ok(answer),
        Then::ReportUnreachable => return Err(unreachable()),
        Then::Retry => RefreshOutcome::Renewed,
        Then::RefreshAndRetry => refresh::refresh().await,
    };
    match spare {
        Some(spare) if matches!(outcome, RefreshOutcome::Renewed | RefreshOutcome::InVain) => {
            let answer = send_once::<E, I, O>(from_copy::<E>(spare)?).await?;
            if status::<E>(&answer) == 401 {
                refresh::note_in_vain();
            }
            Ok(answer)
        }
        _ if outcome.is_transient() => Err(unreachable()),
        _ => Ok(answer),
    }
}

fn send_once<E, I, O>(request: BrowserRequest) -> impl Future<Output = Result<BrowserResponse, E>>
where
    E: FromServerFnError,
    I: FromServerFnError,
    O: FromServerFnError,
{
    <BrowserClient as Client<E, I, O>>::send(request)
}

fn name_the_person(request: &BrowserRequest) {
    PERSON.with_borrow(|person| {
        if let Some(id) = person {
            request.headers().set(EXPECTED_USER_HEADER, id);
        }
    });
}

/// For a caller who was refused while the server could not say whether the session goes on.
fn unreachable<E: FromServerFnError>() -> E {
    E::from_server_fn_error(ServerFnErrorErr::Request("the session could not be refreshed".into()))
}

fn status<E: FromServerFnError>(answer: &BrowserResponse) -> u16 {
    ClientRes::<E>::status(answer)
}

/// A second request like this one, for the case that it has to be sent again: sending uses up the body.
///
/// The browser's own request is hidden in `gloo_net`'s, which only gives it up by value.
fn copy_of(request: &mut BrowserRequest) -> Option<web_sys::Request> {
    let placeholder = web_sys::Request::new_with_str("").ok()?;
    let original = web_sys::Request::from(mem::replace(&mut **request, Request::from(placeholder)));
    let copy = web_sys::Request::clone(&original).ok();
    **request = Request::from(original);
    copy
}

/// Wraps a copied request. There is no constructor for that: a new request is made and its inside replaced.
fn from_copy<E: FromServerFnError>(copy: web_sys::Request) -> Result<BrowserRequest, E> {
    let mut request = <BrowserRequest as ClientReq<E>>::try_new_post("", "", "", String::new())?;
    *request = Request::from(copy);
    Ok(request)
}
