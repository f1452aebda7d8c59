//! Logs the start and the end of a background task's failures instead of each failure.

use std::error::Error;
use tracing::{info, warn};

/// Logs once that a task fails, and once that it has recovered.
#[derive(Debug, Default)]
pub(super) struct Outage(bool);

impl Outage {
    /// Records the outcome of an attempt. `what` names what fails and the consequence.
    pub(super) fn record<E: Error + 'static>(&mut self, outcome: &Result<(), E>, what: &'static str) {
        match outcome {
            Err(error) if !self.0 => warn!(error = error as &dyn Error, "{what}"),
            Ok(()) if self.0 => info!("recovered: {what}"),
            _ => {}
        }
        self.0 = outcome.is_err();
    }
}
