//! `[app.log]`: what is logged, and in what form.

use super::{
    keys::{KeyWalker, Section, Value, Written, quoted},
    problems::Problems,
};
use tracing_subscriber::EnvFilter;

/// The log, which goes to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// What is logged, as `tracing_subscriber`'s `EnvFilter` reads it. `RUST_LOG` goes before it.
    pub filter: String,
    /// Whether text may have colours when it goes to a terminal: not if `NO_COLOR` is set.
    pub colours: bool,
}

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text for each event.
    #[default]
    Text,
    /// One JSON object a line for each event.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info,tokenlife=info,sqlx=warn".to_owned(), colours: true }
    }
}

impl Section for LogConfig {
    fn name(&self) -> &'static str {
        "log"
    }

    fn keys(&mut self, walker: &mut dyn KeyWalker) {
        walker.key("format", &mut self.format);
        walker.key("filter", &mut self.filter);
    }

    fn validate(&self, problems: &mut Problems) {
        if let Err(error) = EnvFilter::builder().parse(&self.filter) {
            let remedy = "write levels by target, such as \"info,tokenlife=debug\"";
            problems.refuse(("log", "filter"), format_args!("not a filter ({error})"), remedy);
        }
    }
}

impl Value for LogFormat {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = match written.text()? {
            "text" => Self::Text,
            "json" => Self::Json,
            _ => return Err("no such format".to_owned()),
        };
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }

    fn example(&self) -> &'static str {
        "\"text\" or \"json\""
    }
}
