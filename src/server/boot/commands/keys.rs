//! The commands that look after the signing keys.

use super::{CommandError, in_utc, say, with_application};
use crate::server::{
    boot::cli::KeyCommand,
    clock::Timestamp,
    domain::key_schedule::KeyWindow,
    service::signing_keys::{KeyError, Rotated, SigningKeys},
    store::StoredSigningKey,
};
use std::path::Path;

/// Carries out a `key` command.
///
/// # Errors
///
/// [`CommandError`] if the application cannot be assembled or the store fails.
pub fn key(settings: &Path, command: KeyCommand) -> Result<(), CommandError> {
    with_application(settings, async |application| {
        let (keys, now) = (application.state.tokens.keys(), application.state.clock.now());
        match command {
            KeyCommand::List => list(keys, now).await,
            KeyCommand::Rotate { at_once: false } => report(keys.rotate(now).await),
            KeyCommand::Rotate { at_once: true } => report(keys.replace_all(now).await),
        }
    })
}

async fn list(keys: &SigningKeys, now: Timestamp) -> Result<(), CommandError> {
    for (key, window) in keys.list().await? {
        say(&line(&key, &window, now))?;
    }
    Ok(())
}

fn line(key: &StoredSigningKey, window: &KeyWindow, now: Timestamp) -> String {
    let state = if window.signs(now) {
        "signs"
    } else if key.times.signs_from > now {
        "signs next"
    } else {
        "verifies"
    };
    format!("{}\t{}\t{state}\tsigns from {}", key.times.number, key.id, in_utc(key.times.signs_from))
}

fn report(rotated: Result<Rotated, KeyError>) -> Result<(), CommandError> {
    match rotated? {
        Rotated::Made(key) => {
            say(&format!("key {} is published; it signs from {}", key.number, in_utc(key.signs_from)))
        }
        Rotated::Underway(key) => {
            say(&format!("key {} is published already; it signs from {}", key.number, in_utc(key.signs_from)))
        }
    }
}
