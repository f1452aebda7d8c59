//! One tab at a time, by the browser's Web Locks.
//!
//! This only saves work: a tab that does not get the lock goes on without it, and the server gives all tabs the same
//! successor token. Nothing may depend on it, because tabs hang, browsers lack it, and any script can steal a lock.

use super::dom;
use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::window;
use std::{cell::Cell, rc::Rc, time::Duration};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

const NAME: &str = "tokenlife-refresh";

/// How long a tab waits for the others: one that hangs must not delay a click for longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Runs `work` while no other tab does; without the lock if it cannot be acquired in time.
pub(super) fn alone(work: impl Future<Output = ()> + 'static) {
    let waiting = Rc::new(Cell::new(Some(work)));
    let with_lock = {
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
        if let Some(released) = request(&with_lock) {
            // Rejected if the lock could not be acquired, or was stolen: then the work is running, and goes on.
            _ = JsFuture::from(released).await;
        }
        if let Some(work) = waiting.take() {
            work.await;
        }
    });
}

/// Requests the lock. The binding in `web_sys` is unstable, so the method is called by name.
fn request(with_lock: &JsValue) -> Option<Promise> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    let options = Object::new();
    Reflect::set(&options, &"signal".into(), &dom::abort_after(PATIENCE)?.signal()).ok()?;
    request.call3(&locks, &NAME.into(), &options, with_lock).ok()?.dyn_into().ok()
}
