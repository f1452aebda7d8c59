//! The refresh of this tab: one for all calls that wait for it, in one tab at a time.

use super::{
    dom,
    fetch::{Request, Response},
    memory::Memory,
    policy::{self, ClientState, RefreshOutcome, Turn},
    single_flight::{Follower, SingleFlight},
    tabs, web_lock,
};
use crate::paths;
use std::{cell::RefCell, time::Duration};
use web_sys::AbortController;

/// The time limit of a refresh: without a response it must not block the waiting calls for ever.
const PATIENCE: Duration = Duration::from_secs(10);

type Listener = Box<dyn Fn()>;

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory::new()) };
    static REFRESH: SingleFlight<RefreshOutcome> = const { SingleFlight::new() };
    static UNDER_WAY: RefCell<Option<AbortController>> = const { RefCell::new(None) };
    static ON_SESSION_OVER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// The state at this moment.
pub(super) fn read_state() -> ClientState {
    MEMORY.with_borrow_mut(|memory| memory.read_state(dom::token_life_cookie().as_deref(), dom::now()))
}

/// How many times the token was renewed, as of the last [`read_state`].
pub(super) fn renewals() -> u32 {
    MEMORY.with_borrow(Memory::renewals)
}

/// Records whether the page shows a signed-in user.
pub(super) fn accept(is_signed_in: bool) {
    MEMORY.with_borrow_mut(|memory| memory.accept(is_signed_in));
}

/// Records that a call was refused although the session had just been renewed: another refresh would not help.
pub(super) fn record_in_vain() {
    record(RefreshOutcome::InVain, None);
}

/// Records that the network has come back.
pub(super) fn record_network() {
    MEMORY.with_borrow_mut(Memory::record_network);
}

/// Records whether the user is signing out. A pending refresh is aborted, so that its response sets no cookies.
pub(super) fn leave(leaving: bool) {
    MEMORY.with_borrow_mut(|memory| memory.leave(leaving));
    if leaving && let Some(request) = UNDER_WAY.take() {
        request.abort();
    }
}

/// Registers a callback for a final refusal: the session is over.
pub(super) fn on_session_over(listener: impl Fn() + 'static) {
    ON_SESSION_OVER.set(Some(Box::new(listener)));
}

/// Refreshes the session, or joins the refresh that is already under way.
///
/// The work is detached from the first caller, so that an aborted call does not abort the others' refresh.
pub(super) fn refresh() -> Follower<RefreshOutcome> {
    let (follower, leader) = REFRESH.with(SingleFlight::join);
    if let Some(leader) = leader {
        let renewals_before = renewals();
        web_lock::alone(async move { leader.finish(refresh_in_turn(renewals_before).await) });
    }
    follower
}

async fn refresh_in_turn(renewals_before: u32) -> RefreshOutcome {
    let state = read_state();
    match state.in_turn(renewals() != renewals_before) {
        Turn::Refresh => ask_server().await,
        Turn::TakeOver => RefreshOutcome::Renewed,
        Turn::GiveUp => RefreshOutcome::Unreachable,
    }
}

async fn ask_server() -> RefreshOutcome {
    let cookie_before = dom::token_life_cookie();
    let answer = post().await;
    let state = read_state();
    if state.leaving {
        // The response concerns a session that is being ended.
        return RefreshOutcome::Unreachable;
    }
    let outcome = RefreshOutcome::of(answer.as_ref().map(|answer| answer.status), state.token.is_some());
    let retry_after = answer.and_then(|answer| answer.header("Retry-After"));
    record(outcome, retry_after.as_deref().and_then(policy::retry_after));
    if outcome == RefreshOutcome::Refused {
        // Another tab may have signed in before the refusal arrived: its cookie must not be deleted.
        if dom::token_life_cookie() == cookie_before {
            dom::forget_token_life();
        }
        tabs::announce(&tabs::Message::SessionOver);
        ON_SESSION_OVER.with_borrow(|listener| listener.as_ref().map(|listener| listener()));
    }
    outcome
}

/// Sends the refresh and returns the response, if there is one. The browser adds the cookies.
async fn post() -> Option<Response> {
    let request = dom::abort_after(PATIENCE)?;
    let signal = request.signal();
    UNDER_WAY.set(Some(request));
    Request::call(paths::api::REFRESH).send(None, Some(&signal)).await
}

fn record(outcome: RefreshOutcome, retry_after: Option<Duration>) {
    MEMORY.with_borrow_mut(|memory| memory.record(outcome, retry_after, dom::random(), dom::now()));
}
