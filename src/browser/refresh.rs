//! The refresh of this tab: one for all calls that wait for it, and one tab at a time.

use super::{
    dom,
    fetch::{Request, Response},
    memory::Memory,
    policy::{self, ClientState, RefreshOutcome, Turn},
    single_flight::{Passenger, SingleFlight},
    tabs, web_lock,
};
use crate::paths;
use std::{cell::RefCell, time::Duration};
use web_sys::AbortController;

/// A refresh without an answer must not hold up the calls behind it for ever.
const PATIENCE: Duration = Duration::from_secs(10);

type Listener = Box<dyn Fn()>;

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory::new()) };
    static FLIGHT: SingleFlight<RefreshOutcome> = const { SingleFlight::new() };
    static UNDER_WAY: RefCell<Option<AbortController>> = const { RefCell::new(None) };
    static ON_SESSION_OVER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// What is known at this moment.
pub(super) fn read_state() -> ClientState {
    MEMORY.with_borrow_mut(|memory| memory.read_state(dom::token_life_cookie().as_deref(), dom::now()))
}

/// How many times the token was renewed, as of the last [`look`].
pub(super) fn renewals() -> u32 {
    MEMORY.with_borrow(Memory::renewals)
}

/// Says whether the page shows somebody as signed in.
pub(super) fn accept(is_signed_in: bool) {
    MEMORY.with_borrow_mut(|memory| memory.accept(is_signed_in));
}

/// Says that a call was refused although the session had just been renewed: asking again at once would not help.
pub(super) fn record_in_vain() {
    record(RefreshOutcome::InVain, None);
}

/// Says that the network has come back.
pub(super) fn record_network() {
    MEMORY.with_borrow_mut(Memory::record_network);
}

/// Says whether somebody is signing out. A refresh under way is given up, so that its answer brings back no cookies.
pub(super) fn leave(leaving: bool) {
    MEMORY.with_borrow_mut(|memory| memory.leave(leaving));
    if leaving && let Some(request) = UNDER_WAY.take() {
        request.abort();
    }
}

/// Calls back when the server's last word is that the session is over.
pub(super) fn on_session_over(listener: impl Fn() + 'static) {
    ON_SESSION_OVER.set(Some(Box::new(listener)));
}

/// Refreshes the session, or joins the refresh that is already under way.
///
/// The work is detached from whoever asked first, so that a call given up does not take the others' refresh along.
pub(super) fn refresh() -> Passenger<RefreshOutcome> {
    let (passenger, pilot) = FLIGHT.with(SingleFlight::join);
    if let Some(pilot) = pilot {
        let renewals_before = renewals();
        web_lock::alone(async move { pilot.land(refresh_in_turn(renewals_before).await) });
    }
    passenger
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
        // Whatever came, it is about a session that is being ended.
        return RefreshOutcome::Unreachable;
    }
    let outcome = RefreshOutcome::of(answer.as_ref().map(|answer| answer.status), state.token.is_some());
    let retry_after = answer.and_then(|answer| answer.header("Retry-After"));
    record(outcome, retry_after.as_deref().and_then(policy::retry_after));
    if outcome == RefreshOutcome::Refused {
        // Another tab may have signed in while the refusal was on its way: its cookie is not ours to delete.
        if dom::token_life_cookie() == cookie_before {
            dom::forget_token_life();
        }
        tabs::announce(&tabs::Message::SessionOver);
        ON_SESSION_OVER.with_borrow(|listener| listener.as_ref().map(|listener| listener()));
    }
    outcome
}

/// Sends the refresh and returns the answer, if one came. The cookies travel by themselves.
async fn post() -> Option<Response> {
    let request = dom::abort_after(PATIENCE)?;
    let signal = request.signal();
    UNDER_WAY.set(Some(request));
    Request::call(paths::api::REFRESH).send(None, Some(&signal)).await
}

fn record(outcome: RefreshOutcome, retry_after: Option<Duration>) {
    MEMORY.with_borrow_mut(|memory| memory.record(outcome, retry_after, dom::random(), dom::now()));
}
