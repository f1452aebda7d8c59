//! A service behind the gateway: the notes of people who are signed in.
//!
//! It is a small axum service of its own, on a port of its own, with a database of its own, and shows what any service
//! does with the tokens it is handed. Of the application in front it knows two names and an address: who issues the
//! tokens, for whom they have to be, and where the issuer publishes its keys. It shares no secret with it.

mod bearer;
mod error;
mod extract;
mod feed;
mod keys;
mod note;
mod routes;
mod store;
#[cfg(test)]
mod tests;

use bearer::TokenCheck;
use clap::Parser;
use feed::Feed;
use hyper::Uri;
use keys::Keys;
use routes::Service;
use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use store::Store;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// So often the published keys are fetched anew, so that one that was withdrawn is soon not believed any more.
const KEYS_EVERY: Duration = Duration::from_mins(5);
/// A token that names an unknown key has them fetched, but not more often than this.
const KEYS_PAUSE: Duration = Duration::from_secs(5);

/// The notes of people who are signed in elsewhere.
#[derive(Debug, Parser)]
struct Settings {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// The SQLite file; made if it is missing.
    #[arg(long, default_value = "data/notes.sqlite3")]
    database: PathBuf,
    /// Who issues the tokens: their `iss`.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    issuer: String,
    /// Who this service is: the `aud` of the tokens for it.
    #[arg(long, default_value = "http://127.0.0.1:4000")]
    audience: String,
    /// Where the issuer publishes its keys.
    #[arg(long, default_value = "http://127.0.0.1:3000/.well-known/jwks.json")]
    jwks: Uri,
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{address} cannot be listened on: {cause}; stop what listens there, or pass another --listen")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("the database {} cannot be opened: {cause}; pass another --database", file.display())]
    Database { file: PathBuf, cause: sqlx::Error },
    #[error("the service failed: {0}")]
    Io(#[from] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match serve(Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> Result<(), StartError> {
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })?;
    let store = Store::open(&settings.database)
        .await
        .map_err(|cause| StartError::Database { file: settings.database, cause })?;
    let keys = Arc::new(Keys::new(settings.jwks, KEYS_PAUSE));
    tokio::spawn(Arc::clone(&keys).keep_fresh(KEYS_EVERY));
    let tokens = Arc::new(TokenCheck::new(&settings.issuer, &settings.audience, keys));
    let feed = Arc::new(Feed::default());
    let stop = stop_signal()?;

    tracing::info!(%address, issuer = settings.issuer, audience = settings.audience, "serving notes");
    let router = routes::router(Service { tokens, store, feed: Arc::clone(&feed) });
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            stop.await;
            // The streams would go on for as long as somebody listens.
            feed.close();
        })
        .await?;
    tracing::info!("stopped");
    Ok(())
}

/// Ready when the service is told to stop, by Ctrl-C or by whoever has started it.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
