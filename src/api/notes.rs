//! Notes: the calls of the upstream service, and the server functions for plain forms.

use super::{form_post::FormPost, upstream};
use crate::{
    error::AppError,
    model::notes::{Note, NoteChange, NoteDraft, Notes},
    paths::{self, NOTES_SERVICE},
    upstream::CallError,
};
use leptos::prelude::*;
use std::future::Future;

/// The caller's notes, or those that contain this text.
///
/// # Errors
///
/// The service's error; [`AppError::Unavailable`] or [`AppError::Transport`] if it cannot be reached.
pub fn list(search: &str) -> impl Future<Output = Result<Notes, AppError>> + Send + use<> {
    let notes = upstream::get(paths::with_parameter(NOTES_SERVICE, "q", search));
    async move { Ok(notes.await?) }
}

/// Writes a new note.
///
/// # Errors
///
/// [`AppError::Validation`] with each refused field; [`AppError::Full`] if the user has the maximum; else as [`list`].
pub fn add(content: &NoteDraft) -> impl Future<Output = Result<Note, AppError>> + Send + use<> {
    let note = upstream::post(NOTES_SERVICE, content);
    async move { Ok(note.await?) }
}

/// Changes a note.
///
/// # Errors
///
/// [`AppError::Conflict`] if it was changed elsewhere meanwhile; else as [`add`].
pub fn change(id: &str, change: &NoteChange) -> impl Future<Output = Result<Note, AppError>> + Send + use<> {
    let note = upstream::put(paths::below(NOTES_SERVICE, id), change);
    async move { Ok(note.await?) }
}

/// Deletes a note at the version that was seen. A note that is gone already counts as deleted.
///
/// # Errors
///
/// As [`change`].
pub fn delete(id: &str, seen: i64) -> impl Future<Output = Result<(), AppError>> + Send + use<> {
    let done = upstream::delete(paths::with_parameter(&paths::below(NOTES_SERVICE, id), "version", &seen.to_string()));
    async move {
        match done.await {
            Ok(()) | Err(CallError::App(AppError::NotFound)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Writes a new note, sent by a plain form.
///
/// # Errors
///
/// As [`add`]; [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "note/add", protocol = FormPost)]
pub async fn add_note(#[server(default)] title: String, #[server(default)] text: String) -> Result<(), AppError> {
    use crate::server::context;

    context::require_session()?;
    let added = add(&NoteDraft { title, text }).await;
    context::report_then_go_to(added.map(drop), paths::NOTES)
}

/// Changes a note, sent by a plain form.
///
/// # Errors
///
/// As [`change`]; [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "note/change", protocol = FormPost)]
pub async fn change_note(
    id: String,
    version: i64,
    #[server(default)] title: String,
    #[server(default)] text: String,
) -> Result<(), AppError> {
    use crate::server::context;

    context::require_session()?;
    let changed = change(&id, &NoteChange { content: NoteDraft { title, text }, version }).await;
    context::report_then_go_to(changed.map(drop), paths::NOTES)
}

/// Deletes a note, sent by a plain form.
///
/// # Errors
///
/// As [`delete`]; [`AppError::Unauthenticated`] without a session.
#[server(prefix = "/api", endpoint = "note/delete", protocol = FormPost)]
pub async fn delete_note(id: String, version: i64) -> Result<(), AppError> {
    use crate::server::context;

    context::require_session()?;
    context::report_then_go_to(delete(&id, version).await, paths::NOTES)
}
