//! Notifications of ended sessions (`LISTEN`), on a connection of their own.

use super::PostgresSettings;
use crate::server::{
    domain::session::SessionId,
    store::{EndedListener, StoreError},
};
use sqlx::{Executor as _, postgres::PgListener};
use std::{io, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// The channel on which the trigger on `sessions` announces ended sessions.
const CHANNEL: &str = "tokenlife_session_ended";
/// After how long without a notification the connection is tested.
const SILENCE: Duration = Duration::from_secs(30);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens until the connection is lost.
pub(super) async fn listen(settings: &PostgresSettings, listener: &EndedListener<'_>) -> Result<(), StoreError> {
    let mut connection = PgListener::connect_with(&settings.single().await?).await?;
    connection.eager_reconnect(false);
    let schema: String = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut connection).await?;
    connection.listen(CHANNEL).await?;
    loop {
        match timeout(SILENCE, connection.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(id) = read(notification.payload(), &schema) {
                    listener(id);
                }
            }
            Ok(Ok(None)) => return Err(lost(io::ErrorKind::ConnectionAborted)),
            Ok(Err(error)) => return Err(error.into()),
            Err(_silence) => {
                let response = timeout(RESPONSE_TIMEOUT, connection.execute("SELECT 1")).await;
                response.map_err(|_| lost(io::ErrorKind::TimedOut))??;
            }
        }
    }
}

/// The session that a notification names, if it is of this schema.
fn read(payload: &str, schema: &str) -> Option<SessionId> {
    let (owner, id) = payload.rsplit_once(' ')?;
    (owner == schema).then(|| Uuid::parse_str(id).ok().map(SessionId::from_uuid)).flatten()
}

fn lost(kind: io::ErrorKind) -> StoreError {
    sqlx::Error::Io(kind.into()).into()
}
