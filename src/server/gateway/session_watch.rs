//! What streams goes on for as long as the session does.

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

/// How often the sessions that have ended are looked at. That is a look into memory.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks, and again if it could not tell, the store is asked when the session's time will be up; most answers have long ended by then.
const LOOKS_BEFORE_ASKING: u32 = 3;

/// Comes to its end when a session does.
pub(super) struct SessionWatch {
    sessions: Arc<Sessions>,
    session: SessionId,
    /// Begins when somebody first waits for it: short answers never do.
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
    for look in 1.. {
        sleep(LOOK).await;
        if sessions.is_over(session, expires_at) {
            return;
        }
        if expires_at.is_none() && look % LOOKS_BEFORE_ASKING == 0 {
            match sessions.find_live(session).await {
                Ok(Some((session, _))) => expires_at = Some(session.expires_at),
                Ok(None) => return,
                // The stream does not suffer from it; the next look may find out.
                Err(error) => tracing::debug!(%error, "cannot find out how long a session goes on"),
            }
        }
    }
}
