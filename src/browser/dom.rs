//! The browser's APIs that the session uses: cookies, a clock, navigation. Nothing here runs on the server.

use crate::model::TokenLife;
use futures::channel::oneshot;
use leptos::prelude::{document, set_timeout, window};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{AbortController, HtmlDocument};

const CONCEALED: &str = "data-concealed";
const HYDRATED: &str = "data-hydrated";

/// The value of the readable `tokenLife` cookie.
pub(crate) fn token_life_cookie() -> Option<String> {
    let cookies = document().unchecked_into::<HtmlDocument>().cookie().ok()?;
    cookie_value(&cookies, TokenLife::cookie_name(is_https())).map(str::to_owned)
}

/// Deletes `tokenLife`, after the server has finally refused the session. The only cookie that the browser writes.
pub(crate) fn forget_token_life() {
    let https = is_https();
    let secure = if https { "; Secure" } else { "" };
    let cookie = format!("{}=; Max-Age=0; Path=/; SameSite=Lax{secure}", TokenLife::cookie_name(https));
    // A browser that stores no cookies has nothing to delete.
    _ = document().unchecked_into::<HtmlDocument>().set_cookie(&cookie);
}

/// The page's monotonic clock, independent of the time of day.
pub(crate) fn now() -> Duration {
    let millis = window().performance().map_or(0.0, |performance| performance.now());
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

/// Whether a moment has passed, by the clock of the user's device. That may be wrong: only a convenience may depend on
/// it.
pub(crate) fn has_passed(rfc3339: &str) -> bool {
    js_sys::Date::parse(rfc3339) <= js_sys::Date::now()
}

/// A random number in `0.0..1.0`, to spread requests. Not cryptographically secure.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// Hides the whole page at once, because its content may belong to a user who is no longer signed in.
pub(crate) fn conceal() {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute(CONCEALED, "");
    }
}

/// Whether the page is concealed.
pub(crate) fn is_concealed() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(CONCEALED))
}

/// Reverts [`conceal`].
pub(crate) fn reveal() {
    if let Some(root) = document().document_element() {
        _ = root.remove_attribute(CONCEALED);
    }
}

/// Marks the page as hydrated. Browser tests wait for it.
pub(crate) fn mark_hydrated() {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute(HYDRATED, "");
    }
}

/// Whether [`mark_hydrated`] has been called.
pub(crate) fn is_hydrated() -> bool {
    document().document_element().is_some_and(|root| root.has_attribute(HYDRATED))
}

/// Reloads this page from the server, concealing the old one until then.
pub(crate) fn reload() {
    conceal();
    _ = window().location().reload();
}

/// Loads another page of this application in place of this one, concealing the old one until then.
pub(crate) fn leave_for(path: &str) {
    conceal();
    _ = window().location().replace(path);
}

/// Loads a page of this application, keeping this one in the history.
pub(crate) fn go_to(path: &str) {
    _ = window().location().assign(path);
}

/// A controller that aborts its requests after some time; `None` if the browser has no `AbortController`.
pub(crate) fn abort_after(time: Duration) -> Option<AbortController> {
    let controller = AbortController::new().ok()?;
    let timed = controller.clone();
    set_timeout(move || timed.abort(), time);
    Some(controller)
}

/// Waits.
pub(crate) async fn sleep(time: Duration) {
    let (wake, woken) = oneshot::channel();
    set_timeout(move || _ = wake.send(()), time);
    _ = woken.await;
}

fn is_https() -> bool {
    window().location().protocol().is_ok_and(|protocol| protocol == "https:")
}

/// Finds a cookie in `document.cookie`. Two different values under one name count as none.
fn cookie_value<'cookies>(cookies: &'cookies str, name: &str) -> Option<&'cookies str> {
    let mut values = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(found, value)| (found == name).then_some(value));
    let value = values.next()?;
    values.all(|other| other == value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let cookies = "theme=dark; xtokenLife=7.8; tokenLife=1.2; tokenLifeX=5.6; flag";
        assert_eq!(cookie_value(cookies, "tokenLife"), Some("1.2"));
        assert_eq!(cookie_value(cookies, "token"), None);
        assert_eq!(cookie_value("", "tokenLife"), None);
        assert_eq!(cookie_value("tokenLife", "tokenLife"), None);
        assert_eq!(cookie_value("tokenLife=", "tokenLife"), Some(""));
        assert_eq!(cookie_value("__Host-tokenLife=1.2", TokenLife::cookie_name(true)), Some("1.2"));
    }

    #[test]
    fn two_values_under_one_name_are_none() {
        assert_eq!(cookie_value("tokenLife=1.2; tokenLife=3.4", "tokenLife"), None);
        assert_eq!(cookie_value("tokenLife=1.2; tokenLife=1.2", "tokenLife"), Some("1.2"));
    }
}
