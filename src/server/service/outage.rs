//! A task in the background that fails again and again, and how little of that belongs into the log.

use std::error::Error;
use tracing::{info, warn};

/// Says once that something fails, and once that it is over.
#[derive(Debug, Default)]
pub(super) struct Outage(bool);

impl Outage {
    /// Takes in what came of a try. `what` says what fails, and what that means.
    pub(super) fn record<E: Error + 'static>(&mut self, outcome: &Result<(), E>, what: &'static str) {
        match outcome {
            Err(error) if !self.0 => warn!(error = error as &dyn Error, "{what}"),
            Ok(()) if self.0 => info!("over: {what}"),
            _ => {}
        }
        self.0 = outcome.is_err();
    }
}
