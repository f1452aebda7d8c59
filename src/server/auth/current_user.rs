//! The user that a request's page is for.

use super::visitor::VisitorSession;
use crate::{
    error::AppError,
    model::Current,
    server::{service::sessions::Sessions, wire},
};

/// The user of a request's session; `None` without one, or if it has just ended elsewhere.
///
/// # Errors
///
/// [`AppError::Unavailable`] if the session cannot be read from the store.
pub async fn current_user(sessions: &Sessions, session: Option<VisitorSession>) -> Current {
    let Some(session) = session else { return Ok(None) };
    if !session.is_confirmed {
        // The session layer has just queried the store in vain.
        return Err(AppError::Unavailable);
    }
    let found = sessions.find_live(session.session_id).await?;
    Ok(found.map(|(session, user)| wire::current_user(&session, &user)))
}
