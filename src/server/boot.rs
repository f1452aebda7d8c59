//! Starting: the command line, its commands, and the server from the settings to the first request.

pub mod background;
mod cli;
pub mod commands;
mod open_files;
pub mod start;

use super::config::Environment;
use clap::Parser;
use cli::{Cli, Command, ConfigCommand};
use commands::CommandError;
use std::process::ExitCode;

/// Runs what the command line asks for. Each problem is reported in one line.
#[must_use]
#[expect(clippy::print_stderr, reason = "the operator has to see what keeps the program from starting")]
pub fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let done = match command.unwrap_or_default() {
        Command::Serve => start::serve(&config).map_err(CommandError::from),
        Command::User { command } => commands::user(&config, &command),
        Command::Secret { command } => commands::secrets::secret(&config, command),
        Command::Client { command } => commands::clients::client(&config, &command),
        Command::Key { command } => commands::keys::key(&config, command),
        Command::Config { command: ConfigCommand::Check } => {
            let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
            return commands::settings::config_check(&config, &Environment::of_process(), &mut out, &mut err)
                .unwrap_or(ExitCode::FAILURE);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.lines() {
                eprintln!("tokenlife: {line}");
            }
            ExitCode::FAILURE
        }
    }
}
