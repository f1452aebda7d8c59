//! What the service offers: the whole of it on one screen.
//!
//! | | |
//! | --- | --- |
//! | `GET /?q=…` | the caller's notes, or those that hold a text, and the revision at which they stand |
//! | `POST /` | makes one of `{title, text}` |
//! | `GET /{id}` | one note |
//! | `PUT /{id}` | changes it to `{title, text}`, if it is still of the `version` named beside them |
//! | `DELETE /{id}?version=…` | deletes it, under the same condition |
//! | `GET /changes` | server-sent events: the revision, at once and as soon as it is another one |
//! | `GET /health` | for whoever wants to know that the service runs; the only one without a token |

use crate::{
    bearer::{Bearer, TokenCheck},
    error::Error,
    extract::{Json, Path, Query},
    feed::Feed,
    note::{Draft, Note},
    store::{Notes, Revision, Store},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};

/// Longer than any note can be as JSON.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Before every revision.
const NONE_YET: Revision = -1;

/// How soon a browser whose stream has ended comes again.
const RETRY: Duration = Duration::from_secs(1);

/// What every request can reach.
#[derive(Clone)]
pub struct Service {
    pub tokens: Arc<TokenCheck>,
    pub store: Store,
    pub feed: Arc<Feed>,
}

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/", get(list).post(add))
        .route("/{id}", get(find).put(change).delete(delete))
        .route("/changes", get(changes))
        .route("/health", get(StatusCode::NO_CONTENT))
        .fallback(async || Error::NotFound)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(not_stored))
        .with_state(service)
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Deserialize)]
struct Seen {
    version: Revision,
}

#[derive(Deserialize)]
struct Change {
    version: Revision,
    #[serde(flatten)]
    draft: Draft,
}

async fn list(
    State(service): State<Service>,
    caller: Bearer,
    Query(search): Query<Search>,
) -> Result<axum::Json<Notes>, Error> {
    Ok(axum::Json(service.store.list(&caller.owner, &search.q).await?))
}

async fn add(
    State(service): State<Service>,
    caller: Bearer,
    Json(draft): Json<Draft>,
) -> Result<impl IntoResponse, Error> {
    let content = draft.check().map_err(Error::Validation)?;
    let note = service.store.add(&caller.owner, &content).await?;
    service.feed.announce(&caller.owner, note.version);
    Ok((StatusCode::CREATED, axum::Json(note)))
}

async fn find(
    State(service): State<Service>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<axum::Json<Note>, Error> {
    let note = service.store.find(&caller.owner, &id).await?;
    note.map(axum::Json).ok_or(Error::NotFound)
}

async fn change(
    State(service): State<Service>,
    caller: Bearer,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Result<axum::Json<Note>, Error> {
    let content = change.draft.check().map_err(Error::Validation)?;
    let note = service.store.change(&caller.owner, &id, change.version, &content).await?;
    service.feed.announce(&caller.owner, note.version);
    Ok(axum::Json(note))
}

async fn delete(
    State(service): State<Service>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(seen): Query<Seen>,
) -> Result<StatusCode, Error> {
    let revision = service.store.delete(&caller.owner, &id, seen.version).await?;
    service.feed.announce(&caller.owner, revision);
    Ok(StatusCode::NO_CONTENT)
}

/// Tells at which revision the caller's notes stand, and each new one, until the token ends. The browser then comes
/// again with a new one; whatever it has missed, it sees that its revision is not the one it is told.
async fn changes(
    State(service): State<Service>,
    caller: Bearer,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Error> {
    // Listens first and looks then: no change falls between the two.
    let subscription = service.feed.subscribe(caller.owner.clone())?;
    service.feed.announce(&caller.owner, service.store.revision(&caller.owner).await?);
    let revisions = stream::unfold((subscription, NONE_YET), async |(mut subscription, told)| {
        let revision = subscription.newer_than(told).await?;
        let event = Event::default().event("revision").data(revision.to_string()).retry(RETRY);
        Some((Ok(event), (subscription, revision)))
    });
    let revisions = revisions.take_until(tokio::time::sleep(caller.time_left()));
    Ok(Sse::new(revisions).keep_alive(KeepAlive::default()))
}

/// Nothing here is anybody else's.
async fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
