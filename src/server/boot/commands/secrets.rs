//! The commands that look after the master secret.

use super::{CommandError, in_utc, say, with_application};
use crate::server::{
    boot::{
        cli::SecretCommand,
        start::{self, Application},
    },
    config::{Config, MasterSecrets, SecretSource},
};
use std::path::{Path, PathBuf};

/// Carries out a `secret` command.
///
/// # Errors
///
/// [`CommandError`] if the settings or the master secret cannot be read, the version may not be added or removed, or the
/// store fails.
pub fn secret(settings: &Path, command: SecretCommand) -> Result<(), CommandError> {
    match command {
        SecretCommand::List => with_application(settings, list),
        SecretCommand::Rotate { standby } => rotate(settings, standby),
        SecretCommand::Retire { version, force } => retire(settings, version, force),
    }
}

async fn list(application: &Application) -> Result<(), CommandError> {
    let keyring = &application.state.keyring;
    let now = application.state.clock.now();
    let known = application.secrets.known();
    let mut versions: Vec<u8> = keyring.fingerprints().map(|(version, _)| version).collect();
    versions.extend(known.iter().map(|known| known.version));
    versions.sort_unstable();
    versions.dedup();
    for version in versions {
        let here = if version == keyring.primary_version() {
            "makes"
        } else if keyring.fingerprints().any(|(known, _)| known == version) {
            "opens"
        } else {
            "not here"
        };
        let need = match known.iter().find(|known| known.version == version).map(|known| known.needed_until) {
            Some(until) if until > now => format!("needed until {}", in_utc(until)),
            Some(_) => "not needed any more".to_owned(),
            None => "not used yet".to_owned(),
        };
        say(&format!("{version}\t{here}\t{need}"))?;
    }
    Ok(())
}

fn rotate(settings: &Path, standby: bool) -> Result<(), CommandError> {
    let (secrets, file) = secrets_in_file(settings)?;
    let rotated = if standby { secrets.with_standby() } else { secrets.rotated() };
    let rotated = rotated.ok_or(CommandError::NoRoomForVersion)?;
    rotated.replace(&file)?;
    let then = if standby {
        "give this file to all servers and start them again; then run `tokenlife secret rotate`"
    } else {
        "give this file to all servers and start them again; keep the old version until `tokenlife secret list` says \
         that it is not needed any more"
    };
    say(&format!("{} now holds: {rotated}; {then}", file.display()))
}

fn retire(settings: &Path, version: u8, force: bool) -> Result<(), CommandError> {
    let (secrets, file) = secrets_in_file(settings)?;
    if !secrets.has(version) {
        return Err(CommandError::UnknownVersion { file, version });
    }
    if version == secrets.primary() {
        return Err(CommandError::PrimaryVersion(version));
    }
    with_application(settings, async |application| {
        let now = application.state.clock.now();
        let known = application.secrets.known();
        if !known.iter().any(|known| known.version == secrets.primary()) {
            return Err(CommandError::UnusedVersion(secrets.primary()));
        }
        let needed = known.iter().find(|known| known.version == version && known.needed_until > now);
        if let Some(needed) = needed.filter(|_| !force) {
            return Err(CommandError::NeededVersion { version, until: needed.needed_until });
        }
        application.state.tokens.keys().reseal().await?;
        application.store.retire_secret_version(version, now).await?;
        secrets.without(version).replace(&file)?;
        say(&format!("version {version} is out of {}; take it away from the other servers as well", file.display()))
    })
}

/// The versions, and the file they are in.
fn secrets_in_file(settings: &Path) -> Result<(MasterSecrets, PathBuf), CommandError> {
    let config = Config::load(settings)?;
    let secrets = start::master_secrets(&config)?;
    match MasterSecrets::load(&config.auth.master_secret, &config.data.dir)? {
        Some((secrets, SecretSource::File(file) | SecretSource::Generated(file))) => Ok((secrets, file)),
        _ => Err(CommandError::SecretInVariable { secrets: secrets.to_string() }),
    }
}
