//! Log lines on standard error: for people, or one JSON object a line for programs.
//!
//! What may stand in one is decided where it is written; here only those of the HTTP libraries are
//! kept quiet, whose finest lines show headers and so tokens.

use std::{io::IsTerminal, str::FromStr};

use sandkasse_engine::SPANS;
use serde::Deserialize;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Whatever is asked for, these stay at this level.
const QUIET: [&str; 4] = ["h2=info", "hyper=info", "hyper_util=info", "rustls=info"];

/// A listener to what is logged and traced.
pub(crate) type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: `timestamp`, `level`, `message`, `target`, and what else is told of, each by its
    /// name.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{other}` is neither text nor json")),
        }
    }
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<LogFormat, String> {
        text.parse()
    }
}

/// Begins to log, and has panics logged too. Spans go to `traces`, where there is one.
pub(crate) fn begin(format: LogFormat, wanted: Option<&str>, traces: Option<Listener>) {
    let lines = lines(format, std::io::stderr, std::io::stderr().is_terminal());
    let mut listeners = vec![lines.with_filter(filter(wanted)).boxed()];
    listeners.extend(traces);
    let log = tracing_subscriber::registry().with(listeners);
    // A second start in one process, as in tests, keeps the first one's.
    if log.try_init().is_ok() {
        std::panic::set_hook(Box::new(note_panic));
    }
}

fn filter(wanted: Option<&str>) -> EnvFilter {
    let mut filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(wanted.unwrap_or_default());
    for directive in QUIET {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    // Spans are for the collector only.
    match format!("{SPANS}=off").parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

fn lines<W>(format: LogFormat, writer: W, is_terminal: bool) -> Listener
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => lines.with_ansi(is_terminal).with_target(false).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    }
}

/// Only a fixed message is written: one that was put together may show the data at hand.
fn note_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let fixed = info.payload().downcast_ref::<&str>().copied();
    tracing::error!(message = fixed, "panicked at {place}");
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use parking_lot::Mutex;
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What stands in the log after `write`.
    fn written(format: LogFormat, wanted: Option<&str>, write: impl FnOnce()) -> String {
        let paper = Paper::default();
        let copy = paper.clone();
        let lines = lines(format, move || copy.clone(), false);
        let log = tracing_subscriber::registry().with(lines.with_filter(filter(wanted)));
        tracing::subscriber::with_default(log, write);
        String::from_utf8(paper.0.lock().clone()).unwrap()
    }

    #[test]
    fn lines_of_json_have_fields_of_fixed_names() {
        let text = written(LogFormat::Json, None, || {
            tracing::warn!(msn = "220001", calls = 3, "a \"quoted\" word\nand a line");
            tracing::debug!("not asked for");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "a \"quoted\" word\nand a line");
        assert_eq!(line["msn"], "220001");
        assert_eq!(line["calls"], 3);
        assert_eq!(line["target"], "sandkasse::logging::tests");
        let at = line["timestamp"].as_str().unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
        let fields = line.as_object().unwrap().len();
        assert_eq!(fields, 6, "{text}");
    }

    #[test]
    fn what_is_logged_can_be_said_and_libraries_stay_quiet() {
        for (wanted, fine, theirs) in [
            (None, false, false),
            (Some("debug"), true, false),
            (Some("warn,sandkasse=debug"), true, false),
            (Some("hyper=trace"), false, false),
            (Some("no directive at all!"), false, false),
        ] {
            let text = written(LogFormat::Text, wanted, || {
                tracing::debug!("fine");
                tracing::trace!(target: "hyper", "a header");
            });
            assert_eq!(text.contains("fine"), fine, "{wanted:?} {text}");
            assert_eq!(text.contains("a header"), theirs, "{wanted:?} {text}");
        }
    }

    #[test]
    fn a_format_that_is_none_is_told() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        let told = "xml".parse::<LogFormat>().unwrap_err();
        assert!(told.contains("text nor json"), "{told}");
    }
}
