//! The command line: commands and their arguments.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Serves the application, and looks after its accounts.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The settings file.
    #[arg(long, global = true, value_name = "FILE", default_value = "Leptos.toml")]
    pub config: PathBuf,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the application (this is what happens without a command).
    #[default]
    Serve,
    /// Look at the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Look after the accounts.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Look after the OAuth clients that may use the token service.
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },
    /// Look after the keys that access tokens are signed with.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Look after the master secret, which every key is derived from.
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print the settings in effect, without secrets, or what is wrong with them.
    Check,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Create an account. Its password is read from standard input, one line.
    Add {
        #[arg(long, value_name = "EMAIL")]
        email: String,
        /// The name shown to its owner.
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Print all accounts.
    List,
    /// Keep a user from signing in, and end their sessions.
    Disable {
        #[arg(long, value_name = "EMAIL")]
        email: String,
    },
    /// Let a user sign in again.
    Enable {
        #[arg(long, value_name = "EMAIL")]
        email: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ClientCommand {
    /// Register a client, and print its secret, once.
    Add {
        #[arg(long, value_name = "ID")]
        id: String,
        /// Audience of the tokens it gets in its own name; this application if left out.
        #[arg(long, value_name = "URL")]
        audience: Option<String>,
    },
    /// Print all clients.
    List,
    /// Give a client a new secret, and print it, once. The one before stays valid until the next time.
    RotateSecret {
        #[arg(long, value_name = "ID")]
        id: String,
        /// Refuse the one before at once, for example because it has leaked.
        #[arg(long)]
        at_once: bool,
    },
    /// Remove a client. Running servers refuse it within seconds.
    Remove {
        #[arg(long, value_name = "ID")]
        id: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum KeyCommand {
    /// Print all signing keys and what each is for now.
    List,
    /// Make the next signing key before its time. It is published now and signs soon; no user notices.
    Rotate {
        /// Sign with it at once, and refuse all that was signed before, for example because a key has leaked.
        /// No user is signed out.
        #[arg(long)]
        at_once: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum SecretCommand {
    /// Print the versions of the master secret, and until when each is needed.
    List,
    /// Add a new version, which signs as soon as the servers restart. The old ones still verify, so that no user is
    /// signed out.
    Rotate {
        /// Only verify with it for now: the first of two steps for several servers.
        #[arg(long)]
        standby: bool,
    },
    /// Remove a version that is no longer needed.
    Retire {
        #[arg(long, value_name = "NUMBER")]
        version: u8,
        /// Even if it is still needed: people who have not been back since it was replaced must sign in again.
        #[arg(long)]
        force: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parsed(arguments: &[&str]) -> (PathBuf, Command) {
        let cli = Cli::try_parse_from([&["tokenlife"], arguments].concat()).unwrap();
        (cli.config, cli.command.unwrap_or_default())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert_eq!(parsed(&[]), ("Leptos.toml".into(), Command::Serve));
        assert_eq!(parsed(&["serve"]), ("Leptos.toml".into(), Command::Serve));
        assert_eq!(parsed(&["--config", "x.toml"]), ("x.toml".into(), Command::Serve));
    }

    #[test]
    fn the_settings_file_can_be_named_before_and_after_the_command() {
        let check = Command::Config { command: ConfigCommand::Check };
        assert_eq!(parsed(&["--config", "x.toml", "config", "check"]), ("x.toml".into(), check.clone()));
        assert_eq!(parsed(&["config", "check", "--config", "x.toml"]), ("x.toml".into(), check));
    }

    #[test]
    fn accounts_are_looked_after() {
        let user = |arguments: &[&str]| match parsed(&[&["user"], arguments].concat()).1 {
            Command::User { command } => command,
            other => panic!("{other:?}"),
        };
        let email = || "a@example.com".to_owned();
        let added = UserCommand::Add { email: email(), name: "Alice B".to_owned() };
        assert_eq!(user(&["add", "--email", "a@example.com", "--name", "Alice B"]), added);
        assert_eq!(user(&["list"]), UserCommand::List);
        assert_eq!(user(&["disable", "--email", "a@example.com"]), UserCommand::Disable { email: email() });
        assert_eq!(user(&["enable", "--email", "a@example.com"]), UserCommand::Enable { email: email() });
    }

    #[test]
    fn signing_keys_are_looked_after() {
        let key = |arguments: &[&str]| parsed(&[&["key"], arguments].concat()).1;
        assert_eq!(key(&["list"]), Command::Key { command: KeyCommand::List });
        assert_eq!(key(&["rotate"]), Command::Key { command: KeyCommand::Rotate { at_once: false } });
        assert_eq!(key(&["rotate", "--at-once"]), Command::Key { command: KeyCommand::Rotate { at_once: true } });
    }

    #[test]
    fn the_master_secret_is_looked_after() {
        let secret = |arguments: &[&str]| match parsed(&[&["secret"], arguments].concat()).1 {
            Command::Secret { command } => command,
            other => panic!("{other:?}"),
        };
        assert_eq!(secret(&["list"]), SecretCommand::List);
        assert_eq!(secret(&["rotate"]), SecretCommand::Rotate { standby: false });
        assert_eq!(secret(&["rotate", "--standby"]), SecretCommand::Rotate { standby: true });
        assert_eq!(secret(&["retire", "--version", "1"]), SecretCommand::Retire { version: 1, force: false });
        let forced = secret(&["retire", "--version", "1", "--force"]);
        assert_eq!(forced, SecretCommand::Retire { version: 1, force: true });
    }

    #[test]
    fn clients_are_looked_after() {
        let client = |arguments: &[&str]| match parsed(&[&["client"], arguments].concat()).1 {
            Command::Client { command } => command,
            other => panic!("{other:?}"),
        };
        let id = || "notes".to_owned();
        let audience = Some("https://notes.example".to_owned());
        assert_eq!(client(&["add", "--id", "notes"]), ClientCommand::Add { id: id(), audience: None });
        let added = client(&["add", "--id", "notes", "--audience", "https://notes.example"]);
        assert_eq!(added, ClientCommand::Add { id: id(), audience });
        assert_eq!(client(&["list"]), ClientCommand::List);
        let rotated = client(&["rotate-secret", "--id", "notes", "--at-once"]);
        assert_eq!(rotated, ClientCommand::RotateSecret { id: id(), at_once: true });
        assert_eq!(client(&["remove", "--id", "notes"]), ClientCommand::Remove { id: id() });
    }

    #[test]
    fn a_password_is_never_an_argument() {
        let arguments = ["tokenlife", "user", "add", "--email", "a@example.com", "--name", "A", "--password", "secret"];
        assert!(Cli::try_parse_from(arguments).is_err());
    }
}
