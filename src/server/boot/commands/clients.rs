//! The commands that look after OAuth clients.

use super::{CommandError, in_utc, say, with_application};
use crate::server::{
    boot::{cli::ClientCommand, start::Application},
    state::AppState,
};
use std::path::Path;

/// Carries out a `client` command. A secret is printed alone on its line, for scripts that read it.
///
/// # Errors
///
/// [`CommandError`] if the application cannot be assembled, the client is refused or unknown, or the store fails.
pub fn client(settings: &Path, command: &ClientCommand) -> Result<(), CommandError> {
    with_application(settings, async |application| run(application, command).await)
}

async fn run(application: &Application, command: &ClientCommand) -> Result<(), CommandError> {
    let AppState { clients, clock, .. } = &application.state;
    match command {
        ClientCommand::Add { id, audience } => {
            let added = clients.register(id, audience.as_deref(), clock.now()).await;
            say(added?.as_str())
        }
        ClientCommand::List => list(application).await,
        ClientCommand::RotateSecret { id, at_once } => say(clients.rotate_secret(id, *at_once).await?.as_str()),
        ClientCommand::Remove { id } => {
            clients.remove(id).await?;
            say(&format!("{id} is removed; running servers refuse it within seconds"))
        }
    }
}

async fn list(application: &Application) -> Result<(), CommandError> {
    for client in application.store.list_clients().await? {
        let secrets = if client.previous_secret_hash.is_some() { "two secrets" } else { "one secret" };
        let audience = client.audience.as_deref().unwrap_or("this application");
        say(&format!("{}\t{secrets}\t{}\tfor {audience}", client.id, in_utc(client.created_at)))?;
    }
    Ok(())
}
