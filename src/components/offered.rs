//! Which services stand behind this application: pages for those that do not are neither shown nor linked to.

use crate::model::Offered;
use leptos::prelude::*;

/// Takes over what the server provides for each request, and hands it to the browser. Called once, by the application.
pub fn provide_offered() {
    provide_context(SharedValue::new(|| use_context::<Offered>().unwrap_or_default()).into_inner());
}

/// What this application offers besides accounts.
#[must_use]
pub fn use_offered() -> Offered {
    use_context().unwrap_or_default()
}
