//! The refresh of this tab: one for all calls that wait for it.

use super::{
    browser,
    decide::{Known, RefreshOutcome},
    flight::{Passenger, SingleFlight},
    memory::Memory,
    tabs,
};
use crate::paths;
use gloo_net::http::Request;
use std::cell::RefCell;
use web_sys::AbortSignal;

/// A refresh without an answer must not hold up the calls behind it for ever.
const PATIENCE_MS: u32 = 10_000;

type Listener = Box<dyn Fn()>;

thread_local! {
    static MEMORY: RefCell<Memory> = const { RefCell::new(Memory::new()) };
    static FLIGHT: SingleFlight<RefreshOutcome> = const { SingleFlight::new() };
    static ON_SESSION_OVER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// What is known at this moment.
pub(super) fn look() -> Known {
    MEMORY.with_borrow_mut(|memory| memory.look(browser::token_life_cookie().as_deref(), browser::now()))
}

/// How many refreshes have succeeded in this page.
pub(super) fn renewals() -> u32 {
    MEMORY.with_borrow(Memory::renewals)
}

/// Says whether the page shows somebody as signed in.
pub(super) fn believe(somebody_is_signed_in: bool) {
    MEMORY.with_borrow_mut(|memory| memory.believe(somebody_is_signed_in));
}

/// Says that a call was refused although the session had just been renewed: asking again at once would not help.
pub(super) fn note_in_vain() {
    MEMORY.with_borrow_mut(|memory| memory.note(RefreshOutcome::InVain, browser::now()));
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
        wasm_bindgen_futures::spawn_local(async move { pilot.land(ask_server().await) });
    }
    passenger
}

async fn ask_server() -> RefreshOutcome {
    let cookie_before = browser::token_life_cookie();
    let status = post().await;
    let outcome = RefreshOutcome::of(status, look().token.is_some());
    MEMORY.with_borrow_mut(|memory| memory.note(outcome, browser::now()));
    if outcome == RefreshOutcome::Refused {
        // Another tab may have signed in while the refusal was on its way: its cookie is not ours to delete.
        if browser::token_life_cookie() == cookie_before {
            browser::forget_token_life();
        }
        tabs::announce(&tabs::Message::SessionOver);
        ON_SESSION_OVER.with_borrow(|listener| listener.as_ref().map(|listener| listener()));
    }
    outcome
}

/// Sends the refresh and returns the answer's status, if one came. The cookies travel by themselves.
async fn post() -> Option<u16> {
    let patience = AbortSignal::timeout_with_u32(PATIENCE_MS);
    let request = Request::post(paths::api::REFRESH)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Accept", "application/json")
        .abort_signal(Some(&patience))
        .body("")
        .ok()?;
    Some(request.send().await.ok()?.status())
}
