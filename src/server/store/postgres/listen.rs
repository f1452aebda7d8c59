//! News of ended sessions: the database's own notifications, on a connection of their own.

use super::PostgresSettings;
use crate::server::{
    domain::session::SessionId,
    store::{EndedListener, StoreError},
};
use sqlx::{Executor as _, postgres::PgListener};
use std::{io, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// Where the trigger on `sessions` tells of what ended.
const CHANNEL: &str = "tokenlife_session_ended";
/// After how long a silence the connection has to show that it is there still.
const SILENCE: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Listens until the connection is lost.
pub(super) async fn listen(settings: &PostgresSettings, tell: &EndedListener<'_>) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(&settings.single().await?).await?;
    listener.eager_reconnect(false);
    let schema: String = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut listener).await?;
    listener.listen(CHANNEL).await?;
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(id) = read(notification.payload(), &schema) {
                    tell(id);
                }
            }
            Ok(Ok(None)) => return Err(lost(io::ErrorKind::ConnectionAborted)),
            Ok(Err(error)) => return Err(error.into()),
            Err(_silence) => {
                let answer = timeout(ANSWER_WITHIN, listener.execute("SELECT 1")).await;
                answer.map_err(|_| lost(io::ErrorKind::TimedOut))??;
            }
        }
    }
}

/// The session that a notification tells of, if it is one of ours.
fn read(payload: &str, schema: &str) -> Option<SessionId> {
    let (owner, id) = payload.rsplit_once(' ')?;
    (owner == schema).then(|| Uuid::parse_str(id).ok().map(SessionId::from_uuid)).flatten()
}

fn lost(kind: io::ErrorKind) -> StoreError {
    sqlx::Error::Io(kind.into()).into()
}
