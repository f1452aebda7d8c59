//! What a page loads before it is shown.

use crate::encoding::Wire;
use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// What a page has loaded, or is loading: a [`Resource`], brought to the browser as [`Wire`].
pub type Loaded<T> = Resource<T, Wire>;

/// Loads what a page shows.
///
/// The server calls `fetcher` once while it renders the page, whose head waits for it, so that it can still choose the
/// status. What it has brought comes with the page; the browser calls `fetcher` when the page is reached by a link, and
/// when what `source` reads changes.
#[must_use]
pub fn use_loader<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetcher: impl Fn(S) -> F + Send + Sync + 'static,
) -> Loaded<T>
where
    S: Clone + PartialEq + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetcher, true)
}
