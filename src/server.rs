//! Everything that runs on the server only: from the command line to the last request.

pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod cookies;
pub mod domain;
pub mod error;
pub mod gateway;
pub mod http;
pub mod keyring;
pub mod oauth;
pub mod random;
pub mod request;
pub mod service;
pub mod start;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod visitor;
pub mod wire;

use clap::Parser;
use cli::{Cli, Command, ConfigCommand};
use config::Environment;
use std::process::ExitCode;

/// Runs what the command line asks for. Everything that can be wrong is told in one line each.
#[must_use]
#[expect(clippy::print_stderr, reason = "what keeps the program from starting is told to whoever started it")]
pub fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let done = match command.unwrap_or_default() {
        Command::Serve => start::serve(&config),
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
