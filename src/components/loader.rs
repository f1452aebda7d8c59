//! The data that a page loads before it is shown.

use crate::encoding::Wire;
use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// The data of a page: a [`Resource`], serialized into the page as [`Wire`].
pub type Loaded<T> = Resource<T, Wire>;

/// Loads the data that a page shows.
///
/// The server calls `fetcher` once while it renders the page; the response's head waits for it, so that it can still
/// set the status. The result is part of the page; the browser calls `fetcher` after navigation by a link, and when the
/// signals that `source` reads change.
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
