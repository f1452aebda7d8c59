//! The commands that look after OAuth clients.

use super::{in_utc, say, with_application};
use crate::server::{
    boot::{
        cli::ClientCommand,
        start::{Application, StartError},
    },
    service::clients::ClientError,
    state::AppState,
};
use std::path::Path;

/// Carries out a `client` command. A secret is printed alone on its line, for whoever reads it with a script.
///
/// # Errors
///
/// [`StartError`], to be told in one line.
pub fn client(settings: &Path, command: &ClientCommand) -> Result<(), StartError> {
    with_application(settings, async |application| run(application, command).await)
}

async fn run(application: &Application, command: &ClientCommand) -> Result<(), StartError> {
    let AppState { clients, clock, .. } = &application.state;
    match command {
        ClientCommand::Add { id, audience } => {
            let added = clients.register(id, audience.as_deref(), clock.now()).await;
            say(added.map_err(refused)?.as_str())
        }
        ClientCommand::List => list(application).await,
        ClientCommand::RotateSecret { id, at_once } => {
            say(clients.rotate_secret(id, *at_once).await.map_err(refused)?.as_str())
        }
        ClientCommand::Remove { id } => {
            clients.remove(id).await.map_err(refused)?;
            say(&format!("{id} is removed; running servers refuse it within seconds"))
        }
    }
}

async fn list(application: &Application) -> Result<(), StartError> {
    for client in application.store.list_clients().await? {
        let secrets = if client.previous_secret_hash.is_some() { "two secrets" } else { "one secret" };
        let audience = client.audience.as_deref().unwrap_or("this application");
        say(&format!("{}\t{secrets}\t{}\tfor {audience}", client.id, in_utc(client.created_at)))?;
    }
    Ok(())
}

fn refused(error: ClientError) -> StartError {
    match error {
        ClientError::Store(error) => error.into(),
        other => StartError::Command(other.to_string()),
    }
}
