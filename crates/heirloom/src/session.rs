//! One run of the program: what was typed, made ready to use.

use crate::args::Global;
use crate::config::{Cloud, Environment, Laptop, Loaded, Pi, discover};
use crate::failure::{Colour, Failure};
use crate::printed;
use crate::report::{Format, Look, Report, Screen, Verbosity};
use model::UnixNanos;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What every command is given.
pub(crate) struct Session {
    /// Where to say things.
    pub(crate) report: Report,
    /// The process's environment.
    pub(crate) environment: Environment,
    config: Option<PathBuf>,
    logging: Logging,
}

/// Which log lines are wanted when nobody asked for more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logging {
    /// A daemon's log is where it tells what it does.
    Daemon,
    /// A trial prints where everything is; its log tells what moves from then on.
    Trial,
    /// A command prints its results; its log has only what is wrong.
    Command,
}

impl Session {
    /// Makes ready: the output port, and logging to standard error.
    pub(crate) fn start(global: &Global, environment: Environment, logging: Logging) -> Self {
        let format = if global.json { Format::Json } else { Format::Human };
        // `-v` is about the log, see `filter`.
        let verbosity = if global.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        let screen = if io::stderr().is_terminal() { Screen::Terminal } else { Screen::Plain };
        let look = Look { format, verbosity, screen, colour: colour(&environment) };
        let report = Report::new(look, Box::new(io::stdout()), Box::new(io::stderr()));
        start_logging(&report, filter(global, &environment, logging), colour(&environment));
        Self { report, environment, config: global.config.clone(), logging }
    }

    /// The configuration that this run uses.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let file = discover::find(self.config.as_deref(), &self.environment, &here)?;
        match (self.logging, &self.config) {
            // What a daemon prints is run elsewhere, with another environment.
            (Logging::Daemon, _) => printed::name_configuration(&std::path::absolute(&file)?),
            (_, Some(typed)) => printed::name_configuration(typed),
            (_, None) => {}
        }
        Ok(Loaded::from_file(&file, &self.environment)?)
    }

    /// The configuration, which must be a laptop's.
    pub(crate) fn laptop(&self, command: &str) -> Result<Laptop, Failure> {
        Ok(self.load()?.laptop(command)?)
    }

    /// The configuration, which must be a cloud's.
    pub(crate) fn cloud(&self, command: &str) -> Result<Cloud, Failure> {
        Ok(self.load()?.cloud(command)?)
    }

    /// The configuration, which must be a pi's.
    pub(crate) fn pi(&self, command: &str) -> Result<Pi, Failure> {
        Ok(self.load()?.pi(command)?)
    }

    /// Shows how the run failed.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.report.fail(failure);
    }
}

/// The time, for what records it. No decision hangs on it.
pub(crate) fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// `NO_COLOR` counts when it is set to anything, by its own definition (no-color.org).
fn colour(environment: &Environment) -> Colour {
    match (io::stderr().is_terminal(), environment.given("NO_COLOR"), environment.get("TERM")) {
        (false, ..) | (_, Some(_), _) | (_, _, Some("dumb")) => Colour::Off,
        (true, None, _) => Colour::On,
    }
}

/// Whose log lines are Heirloom's own. The libraries below log for their own authors; what an S3 request came to is
/// said by the gateway, better than by the library that parsed it.
const OWN: [&str; 9] =
    ["heirloom", "accounts", "archive", "bucket", "disk", "gateway", "journal", "sync", "web"];

fn filter(global: &Global, environment: &Environment, logging: Logging) -> EnvFilter {
    let own = |others: &str, level: &str| {
        let own: Vec<String> = OWN.iter().map(|name| format!("{name}={level}")).collect();
        format!("{others},s3s=off,{}", own.join(","))
    };
    let chosen = match (global.quiet, global.verbose, logging) {
        (true, ..) => own("error", "error"),
        (false, 0, Logging::Command) => own("warn", "warn"),
        (false, 0, Logging::Trial) => {
            format!("{},heirloom::profile::keep=info,heirloom::profile::snapshots=info", own("warn", "warn"))
        }
        (false, 0, Logging::Daemon) => own("warn", "info"),
        (false, 1, _) => own("warn", "debug"),
        (false, ..) => own("info", "trace"),
    };
    EnvFilter::new(environment.given("RUST_LOG").map_or(chosen, ToOwned::to_owned))
}

fn start_logging(report: &Report, filter: EnvFilter, colour: Colour) {
    let writer = LogWriter(report.clone());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour == Colour::On);
    // Only a second subscriber could fail, and there is one `start` in the program.
    drop(match report.format() {
        Format::Human => lines.with_writer(writer).try_init(),
        Format::Json => lines.json().flatten_event(true).with_writer(writer).try_init(),
    });
}

struct LogWriter(Report);

impl MakeWriter<'_> for LogWriter {
    type Writer = Report;

    fn make_writer(&self) -> Report {
        self.0.clone()
    }
}
