//! The caller's own sessions, in the model of the sessions page and the account page.

use super::state;
use crate::{
    error::AppError,
    model::{ReuseNotice, SessionEntry},
    server::{auth::visitor::VisitorSession, domain::session::SessionId, wire},
};
use std::cmp::Reverse;

/// The sessions of the caller: the current one, then the others, the one used last first.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the store cannot be reached.
pub async fn list(caller: VisitorSession) -> Result<Vec<SessionEntry>, AppError> {
    let state = state();
    let mut sessions = state.sessions.list(caller.user_id).await?;
    sessions.sort_by_key(|session| Reverse(session.id == caller.session_id));
    let now = state.clock.now();
    let entry =
        |session| wire::session_entry(session, caller.session_id, &state.keyring, state.settings.access_ttl_secs, now);
    Ok(sessions.iter().map(entry).collect())
}

/// Ends one of the caller's sessions, given by its public id. The current one is ended by signing out.
///
/// # Errors
///
/// [`AppError::NotFound`] if the caller has no such session, [`AppError::Unavailable`] if the store cannot be reached.
pub async fn end(caller: VisitorSession, public_id: &str) -> Result<(), AppError> {
    let session = revealed(public_id)?;
    if session == caller.session_id {
        return super::sign_out().await;
    }
    let found = state().sessions.end_own(caller.user_id, session).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// Ends all sessions of the caller except the current one; returns how many.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the store cannot be reached.
pub async fn end_others(caller: VisitorSession) -> Result<u32, AppError> {
    let ended = state().sessions.end_others(caller.user_id, caller.session_id).await?;
    Ok(u32::try_from(ended).unwrap_or(u32::MAX))
}

/// The caller's sessions that ended by reuse, the newest first.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the store cannot be reached.
pub async fn list_reused_sessions(caller: VisitorSession) -> Result<Vec<ReuseNotice>, AppError> {
    let state = state();
    let reused = state.sessions.list_reused_sessions(caller.user_id).await?;
    Ok(reused.iter().map(|reused| wire::reuse_notice(reused, &state.keyring)).collect())
}

/// Records that the caller has dismissed the notice of such a session.
///
/// # Errors
///
/// [`AppError::NotFound`] if the caller has no such session, [`AppError::Unavailable`] if the store cannot be reached.
pub async fn dismiss_reused(caller: VisitorSession, public_id: &str) -> Result<(), AppError> {
    let session = revealed(public_id)?;
    let found = state().sessions.dismiss_reused(caller.user_id, session).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// The session id of a public id. Whether the session exists and whose it is has to be looked up.
fn revealed(public_id: &str) -> Result<SessionId, AppError> {
    state().keyring.session_called(public_id).ok_or(AppError::NotFound)
}
