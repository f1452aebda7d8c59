//! The log: one event, one line, on standard error.
//!
//! Whatever an event contains, it stays one line: control characters and those that change the direction of writing are
//! escaped by the formatter itself, so that no value can forge a line or a terminal's colours (CWE-117).
//! `tracing_subscriber` alone leaves line breaks in `Display` values as they are.

mod security_events;

use crate::server::config::{LogConfig, LogFormat};
pub use security_events::SECURITY;
use std::{
    fmt::{self, Display, Write as _},
    io::{self, IsTerminal as _},
};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Full, Json, JsonFields, Writer, format},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// Starts logging for the whole process. A second call has no effect, so each test may make it.
pub fn init(config: &LogConfig) {
    let colours = config.colours && io::stderr().is_terminal();
    if dispatch(config, colours, io::stderr).try_init().is_err() {
        tracing::debug!("logging has already begun");
    }
}

/// Logs every panic like any other error, in place of the text on standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("(not a text)");
        tracing::error!(place, message = %Untrusted(message), "panicked");
    }));
}

fn dispatch<W>(config: &LogConfig, colours: bool, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::builder().parse(&config.filter).unwrap_or_else(|_| EnvFilter::new(LogConfig::default().filter));
    // Colours are added here: those of the library could not be distinguished from forged ones.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    // A line that cannot be written is lost. Reporting that on standard error would panic if standard error is what
    // fails.
    let builder = builder.log_internal_errors(false);
    match config.format {
        LogFormat::Text => builder.event_format(TextLine::new(colours)).into(),
        LogFormat::Json => builder.fmt_fields(JsonFields::new()).event_format(JsonLine::new()).into(),
    }
}

/// An untrusted value, made safe for a log line: escaped, and cut after 512 characters.
///
/// The formatter escapes all values; this limits the length as well, and is safe with other formatters.
#[derive(Clone, Copy, Debug)]
pub struct Untrusted<'a>(pub &'a str);

impl Untrusted<'_> {
    const MAX_CHARS: usize = 512;
}

impl Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.0.chars().enumerate() {
            if index == Self::MAX_CHARS {
                return f.write_char('…');
            }
            if is_dangerous(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Characters that begin a new line, control a terminal, or change the direction of writing (UAX #9 §2,
/// CVE-2021-42574).
fn is_dangerous(character: char) -> bool {
    let changes_direction = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let breaks_the_line = matches!(character, '\u{2028}' | '\u{2029}');
    character.is_control() || changes_direction || breaks_the_line
}

/// Time, level, spans, target, message and fields, for human readers.
struct TextLine {
    inner: Format<Full, ()>,
    colours: bool,
}

impl TextLine {
    fn new(colours: bool) -> Self {
        Self { inner: format().without_time().with_level(false), colours }
    }

    fn write_level(&self, writer: &mut Writer<'_>, level: Level) -> fmt::Result {
        let colour = match level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            Level::DEBUG => 34,
            Level::TRACE => 35,
        };
        if self.colours { write!(writer, " \x1b[{colour}m{level:>5}\x1b[0m ") } else { write!(writer, " {level:>5} ") }
    }
}

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        SystemTime.format_time(&mut writer)?;
        self.write_level(&mut writer, *event.metadata().level())?;
        for character in line.trim_end_matches('\n').chars() {
            if is_dangerous(character) {
                write!(writer, "{}", character.escape_default())?;
            } else {
                writer.write_char(character)?;
            }
        }
        writeln!(writer)
    }
}

/// The same as one JSON object, for machines.
struct JsonLine {
    inner: Format<Json>,
}

impl JsonLine {
    fn new() -> Self {
        Self { inner: format().json().flatten_event(true).with_current_span(false).with_span_list(true) }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        // The serialiser has escaped what JSON forbids in strings. All other dangerous characters are inside strings.
        for character in line.trim_end_matches('\n').chars() {
            if is_dangerous(character) {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            } else {
                writer.write_char(character)?;
            }
        }
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What an attacker would like to see in a log: a forged line, colours, a C1 sequence, a text turned around.
    const ATTACK: &str = "a\r\n2026-11-23T12:00:00Z  INFO forged\x1b[31m\u{9b}31m\u{202e}txt.\u{2066}\u{2028}\0\x7fz";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer {ATTACK}")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner {ATTACK}")]
    struct Inner;

    fn logged(format: LogFormat, colours: bool, event: impl FnOnce()) -> String {
        let written = Written::default();
        let config = LogConfig { format, filter: "trace".to_owned(), colours };
        let writer = written.clone();
        tracing::dispatcher::with_default(&dispatch(&config, colours, move || writer.clone()), event);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn attack() {
        let span = tracing::info_span!("request", shown = %ATTACK, quoted = ATTACK);
        let _entered = span.enter();
        let error: &dyn std::error::Error = &Outer(Inner);
        tracing::info!(shown = %ATTACK, debugged = ?ATTACK, quoted = ATTACK, error, "message {ATTACK}");
    }

    fn assert_one_clean_line(log: &str) {
        assert_eq!(log.matches('\n').count(), 1, "{log:?}");
        assert!(log.ends_with('\n') && !log.trim_end_matches('\n').contains(is_dangerous), "{log:?}");
    }

    #[test]
    fn nothing_in_an_event_breaks_its_line_of_text() {
        let log = logged(LogFormat::Text, false, attack);
        assert_one_clean_line(&log);
        assert!(log.contains(r"\r\n2026-11-23T12:00:00Z  INFO forged\u{1b}[31m\u{9b}31m\u{202e}txt."), "{log}");
        assert!(
            log.contains(" INFO request{") && log.contains("tokenlife::server::telemetry::tests: message a"),
            "{log}"
        );
    }

    #[test]
    fn nothing_in_an_event_breaks_its_line_of_json() {
        let log = logged(LogFormat::Json, true, attack);
        assert_one_clean_line(&log);
        let line: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], format!("message {ATTACK}"));
        assert_eq!(line["shown"], ATTACK);
        assert_eq!(line["spans"][0]["name"], "request");
        assert_eq!(line["spans"][0]["shown"], ATTACK);
    }

    #[test]
    fn times_are_utc() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = logged(format, false, || tracing::info!("hello"));
            let time = log.trim_start_matches("{\"timestamp\":\"").split([' ', '"']).next().unwrap();
            assert!(time.len() >= "2026-11-23T12:00:00Z".len() && time.ends_with('Z') && time.contains('T'), "{log}");
        }
    }

    #[test]
    fn only_the_level_has_a_colour_and_only_on_a_terminal() {
        let coloured = logged(LogFormat::Text, true, || tracing::warn!(shown = %ATTACK, "hello"));
        assert_eq!(coloured.matches('\x1b').count(), 2, "{coloured:?}");
        assert!(coloured.contains(" \x1b[33m WARN\x1b[0m "), "{coloured:?}");
        assert!(!logged(LogFormat::Text, false, || tracing::warn!("hello")).contains('\x1b'));
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        let written = Written::default();
        let config = LogConfig { filter: "info,tokenlife=warn".to_owned(), ..LogConfig::default() };
        let writer = written.clone();
        tracing::dispatcher::with_default(&dispatch(&config, false, move || writer.clone()), || {
            tracing::info!("quiet");
            tracing::warn!("loud");
        });
        let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("loud") && !log.contains("quiet"), "{log}");
    }

    #[test]
    fn an_untrusted_value_is_escaped_and_cut() {
        let shown = Untrusted(ATTACK).to_string();
        assert_eq!(
            shown,
            r"a\r\n2026-11-23T12:00:00Z  INFO forged\u{1b}[31m\u{9b}31m\u{202e}txt.\u{2066}\u{2028}\u{0}\u{7f}z"
        );
        assert_eq!(Untrusted("Grüße, 世界 👋").to_string(), "Grüße, 世界 👋");
        assert_eq!(Untrusted(&"é".repeat(512)).to_string(), "é".repeat(512));
        assert_eq!(Untrusted(&"é".repeat(513)).to_string(), format!("{}…", "é".repeat(512)));
    }

    #[test]
    fn logging_can_begin_twice() {
        init(&LogConfig::default());
        init(&LogConfig { format: LogFormat::Json, ..LogConfig::default() });
    }
}
