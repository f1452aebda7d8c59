//! What a run is told as: a line while it goes on, one table at the end.

use super::lab::StoreKind;
use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};
use tokio::time::Instant;

/// What a scenario found.
#[derive(Debug, Default)]
pub struct Outcome {
    figures: Vec<String>,
    broken: Vec<String>,
    left_out: Option<String>,
}

impl Outcome {
    /// A scenario that needs what is not there.
    pub fn left_out(why: &str) -> Self {
        Self { left_out: Some(why.to_owned()), ..Self::default() }
    }

    /// Something that was counted or measured.
    pub fn figure(&mut self, value: impl Display, what: &str) {
        self.figures.push(format!("{value} {what}"));
    }

    /// Something that has to hold; if it does not, `what` is told.
    pub fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    /// Something that must not happen: how often it did.
    pub fn never(&mut self, count: usize, what: &str) {
        self.figure(count, what);
        self.require(count == 0, || format!("{count} {what}"));
    }
}

/// How a scenario ended.
#[derive(Debug)]
pub enum Verdict {
    Held(Vec<String>),
    Broken {
        figures: Vec<String>,
        broken: Vec<String>,
    },
    LeftOut(String),
    /// The lab itself could not go on.
    Failed(String),
}

impl Verdict {
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome { left_out: Some(why), .. } => Self::LeftOut(why),
            Outcome { figures, broken, .. } if broken.is_empty() => Self::Held(figures),
            Outcome { figures, broken, .. } => Self::Broken { figures, broken },
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Held(_) => "holds",
            Self::Broken { .. } => "BROKEN",
            Self::LeftOut(_) => "left out",
            Self::Failed(_) => "FAILED",
        }
    }

    const fn is_bad(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Failed(_))
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::Held(figures) => wrapped(figures),
            Self::Broken { figures, broken } => {
                let broken = broken.iter().map(|what| format!("broken: {what}"));
                wrapped(figures).into_iter().chain(broken).collect()
            }
            Self::LeftOut(why) | Self::Failed(why) => vec![why.clone()],
        }
    }
}

#[derive(Debug)]
struct Row {
    scenario: &'static str,
    store: StoreKind,
    took: Duration,
    verdict: Verdict,
}

/// A run, from its seed to its table.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    quick: bool,
    rows: Vec<Row>,
    now: Option<(&'static str, StoreKind, Instant)>,
}

impl Report {
    pub fn begin(seed: u64, quick: bool) -> Self {
        let report = Self { seed, quick, rows: Vec::new(), now: None };
        say(&format!("race lab, seed {seed}{}", report.size()));
        report
    }

    fn size(&self) -> &'static str {
        if self.quick { ", quick" } else { "" }
    }

    pub fn starts(&mut self, scenario: &'static str, store: StoreKind) {
        self.now = Some((scenario, store, Instant::now()));
    }

    pub fn ends(&mut self, verdict: Verdict) {
        let Some((scenario, store, began)) = self.now.take() else { return };
        let took = began.elapsed();
        say(&format!("{scenario} on {store}: {} after {:.1} s", verdict.word(), took.as_secs_f64()));
        self.rows.push(Row { scenario, store, took, verdict });
    }

    /// Prints the table; the exit code says whether everything held.
    pub fn tell(self) -> ExitCode {
        say("");
        say(&format!("{:<9} {:<9} {:<72} {:>7}  verdict", "scenario", "store", "figures", "time"));
        for row in &self.rows {
            let (mut name, mut store) = (row.scenario.to_owned(), row.store.to_string());
            let mut end = format!("{:>5.1} s  {}", row.took.as_secs_f64(), row.verdict.word());
            for line in row.verdict.lines() {
                say(format!("{name:<9} {store:<9} {line:<72} {end}").trim_end());
                (name, store, end) = <_>::default();
            }
        }
        let bad: Vec<&Row> = self.rows.iter().filter(|row| row.verdict.is_bad()).collect();
        say(&format!("\nseed {}: {} held, {} did not", self.seed, self.count_held(), bad.len()));
        for row in &bad {
            let quick = if self.quick { " --quick" } else { "" };
            let store = row.store.to_string().to_lowercase();
            say(&format!(
                "repeat: script/chaos{quick} --seed {} --scenario {} --store {store}",
                self.seed, row.scenario
            ));
        }
        if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn count_held(&self) -> usize {
        self.rows.iter().filter(|row| matches!(row.verdict, Verdict::Held(_))).count()
    }
}

/// Ends the run for a reason that is no scenario's.
pub fn give_up(why: &str) -> ExitCode {
    drop(writeln!(io::stderr(), "error: {why}"));
    ExitCode::from(2)
}

fn say(line: &str) {
    // Nobody listens any more: the exit code still tells.
    drop(writeln!(io::stdout(), "{line}"));
}

/// Figures, with commas between, on as many lines as it takes.
fn wrapped(figures: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for figure in figures {
        match lines.last_mut() {
            Some(line) if line.chars().count() + figure.chars().count() < 70 => {
                line.push_str(", ");
                line.push_str(figure);
            }
            _ => lines.push(figure.clone()),
        }
    }
    lines
}
