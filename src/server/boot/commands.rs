//! The commands that look after accounts, clients, keys, the master secret and the settings. Most work beside a running
//! server, on the same database.

pub(super) mod clients;
mod error;
pub(super) mod keys;
pub(super) mod secrets;
pub mod settings;

use super::{
    cli::UserCommand,
    start::{self, Application},
};
use crate::server::{
    clock::{SystemClock, Timestamp},
    config::{Config, leptos_options},
    domain::{email::EmailKey, user::User},
    service::accounts::Accounts,
    store::UserStore,
    telemetry,
};
pub use error::CommandError;
use std::{io::BufRead, path::Path, sync::Arc};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const PAGE: u32 = 500;

/// Carries out a `user` command.
///
/// # Errors
///
/// [`CommandError`] if the application cannot be assembled, the account is refused or unknown, or the store fails.
pub fn user(settings: &Path, command: &UserCommand) -> Result<(), CommandError> {
    with_application(settings, async |application| run(&application.state.accounts, &*application.store, command).await)
}

/// Does something with the application as the settings describe it.
fn with_application(
    settings: &Path,
    work: impl AsyncFnOnce(&Application) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let config = Config::load(settings)?;
    let options = leptos_options(settings)?;
    telemetry::init(&config.log);
    let secrets = start::master_secrets(&config)?;
    start::runtime()?.block_on(async {
        let store = start::open_store(&config).await?;
        let application =
            Application::assemble(&config, options, &secrets, Arc::clone(&store), Arc::new(SystemClock)).await?;
        let done = work(&application).await;
        store.close().await;
        done
    })
}

async fn run(accounts: &Accounts, store: &dyn UserStore, command: &UserCommand) -> Result<(), CommandError> {
    match command {
        UserCommand::Add { email, name } => add(accounts, email, name).await,
        UserCommand::List => list(store).await,
        UserCommand::Disable { email } => {
            let found = accounts.disable(&key(email)?).await?;
            report(found, email, "disabled; a running server ends their sessions within a second")
        }
        UserCommand::Enable { email } => {
            let found = store.enable_user(&key(email)?).await?;
            report(found, email, "enabled")
        }
    }
}

async fn add(accounts: &Accounts, email: &str, name: &str) -> Result<(), CommandError> {
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password)?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password).to_owned();
    let id = accounts.add_user(email, name, password.into()).await?;
    say(&format!("added {email} as {id}"))
}

async fn list(store: &dyn UserStore) -> Result<(), CommandError> {
    let mut after = None;
    loop {
        let users = store.list_users(after, PAGE).await?;
        let Some(last) = users.last() else { return Ok(()) };
        after = Some(last.id);
        for user in &users {
            say(&line(user))?;
        }
    }
}

fn line(user: &User) -> String {
    let created = in_utc(user.created_at);
    let state = if user.disabled_at.is_some() { "disabled" } else { "active" };
    format!("{}\t{state}\t{created}\t{}\t{}", user.id, user.email.as_typed(), user.display_name.as_str())
}

fn in_utc(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default()
}

fn key(email: &str) -> Result<EmailKey, CommandError> {
    EmailKey::of(email).ok_or_else(|| CommandError::NotAnEmail(email.to_owned()))
}

fn report(found: bool, email: &str, done: &str) -> Result<(), CommandError> {
    if found { say(&format!("{email} is {done}")) } else { Err(CommandError::UnknownAccount(email.to_owned())) }
}

fn say(line: &str) -> Result<(), CommandError> {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}") {
        // The reading end of the pipe was closed (`| head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
