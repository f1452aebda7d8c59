//! One tab at a time, by the browser's Web Locks.
//!
//! This only saves work: whoever does not get the lock goes on without it, and the server gives everybody the same
//! successor. Nothing may depend on it, because tabs hang, browsers lack it, and any script can steal a lock.

use super::dom;
use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc, time::Duration};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

const NAME: &str = "tokenlife-refresh";

/// So long a tab waits for the others: one that hangs must not hold up a click for longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Does `work` while no other tab does such work; or all the same, if that cannot be had in time.
pub(super) fn alone(work: impl Future<Output = ()> + 'static) {
    let waiting = Rc::new(Cell::new(Some(work)));
    let on_granted = {
        let waiting = Rc::clone(&waiting);
        // The browser keeps the lock until the promise that this returns is settled.
        Closure::once_into_js(move || match waiting.take() {
            Some(work) => JsValue::from(future_to_promise(async move {
                work.await;
                Ok(JsValue::UNDEFINED)
            })),
            None => JsValue::UNDEFINED,
        })
    };
    spawn_local(async move {
        if let Some(given_back) = request(&on_granted) {
            // It fails if the lock could not be had, or was stolen: then the work is under way, and goes on.
            _ = JsFuture::from(given_back).await;
        }
        if let Some(work) = waiting.take() {
            work.await;
        }
    });
}

/// Asks for the lock. `web_sys` counts its own binding as unstable, so the call is made by name.
fn request(on_granted: &JsValue) -> Option<Promise> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    let options = Object::new();
    Reflect::set(&options, &"signal".into(), &dom::abort_after(PATIENCE)?.signal()).ok()?;
    request.call3(&locks, &NAME.into(), &options, on_granted).ok()?.dyn_into().ok()
}
