//! Ends streams when their session ends.

use crate::server::{
    auth::visitor::VisitorSession, clock::Timestamp, domain::session::SessionId, service::sessions::Sessions,
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::sleep;

/// How often the ended sessions in memory are checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// After this many checks, and again after a failure, the store is queried for the session's expiry; most responses
/// have long ended by then.
const CHECKS_BEFORE_QUERY: u32 = 3;

/// Completes when a session ends.
pub(super) struct SessionWatch {
    sessions: Arc<Sessions>,
    session: SessionId,
    /// Created on the first poll, which short responses never reach.
    over: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl SessionWatch {
    pub(super) fn over(sessions: &Arc<Sessions>, session: VisitorSession) -> Self {
        Self { sessions: Arc::clone(sessions), session: session.session_id, over: None }
    }
}

impl Future for SessionWatch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { sessions, session, over } = &mut *self;
        over.get_or_insert_with(|| Box::pin(until_over(Arc::clone(sessions), *session))).as_mut().poll(cx)
    }
}

async fn until_over(sessions: Arc<Sessions>, session: SessionId) {
    let mut expires_at: Option<Timestamp> = None;
    for check in 1.. {
        sleep(CHECK_INTERVAL).await;
        if sessions.is_over(session, expires_at) {
            return;
        }
        if expires_at.is_none() && check % CHECKS_BEFORE_QUERY == 0 {
            match sessions.find_live(session).await {
                Ok(Some((session, _))) => expires_at = Some(session.expires_at),
                Ok(None) => return,
                // The stream continues; the next query may succeed.
                Err(error) => tracing::debug!(%error, "cannot query when a session expires"),
            }
        }
    }
}
