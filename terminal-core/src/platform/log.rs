//! The log: what the core reports to the platform, without personal data.
//!
//! A record is a time, a level, the room, a code, and numbers. By construction it holds no text that comes from a
//! person, a server or a file: the code and the names of the numbers are literals of the source, the cause must be a
//! code of the registry, and every other text, message or value of a `tracing` event is left out. Events of other
//! libraries are left out too, because their texts name hosts and paths.

use crate::platform::clock::Clock;
use protocol::{problem::ErrorCode, time::Millis};
use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// How important a record is, least important last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Data may be in danger.
    Error,
    /// Something that should not happen, and was handled.
    Warn,
    /// What happened.
    Info,
    /// For developers.
    Debug,
}

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The wall clock, which may be wrong.
    pub at: Millis,
    pub level: LogLevel,
    /// The room and file of the core that reports, such as `store::database`.
    pub room: String,
    /// What happened, such as `grid.file_lost`.
    pub code: &'static str,
    /// The error code behind it; `unknown` for one that this version does not know.
    pub cause: Option<String>,
    pub numbers: Vec<(&'static str, i64)>,
}

/// Receives the records of the core.
pub trait LogSink: Send + Sync {
    /// Called on the thread that reports, also while locks of the core are held: must return quickly and must not call
    /// the core. A panic is caught. Records that arise during the call are dropped.
    fn record(&self, record: &LogRecord);
}

struct Log {
    sink: Arc<dyn LogSink>,
    clock: Arc<dyn Clock>,
    level: LogLevel,
}

static LOG: OnceLock<Log> = OnceLock::new();

thread_local! {
    /// This thread is inside [`LogSink::record`].
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// How long a panicking thread waits for the sink.
const PANIC_WAIT: Duration = Duration::from_millis(500);

/// Gives the whole process its log sink, once; records less important than `level` are left out. Returns false and
/// changes nothing if the process has a sink, or another `tracing` subscriber.
pub fn set_log(sink: Arc<dyn LogSink>, clock: Arc<dyn Clock>, level: LogLevel) -> bool {
    if tracing::dispatcher::has_been_set() && LOG.get().is_none() {
        return false;
    }
    let is_first = LOG.set(Log { sink, clock, level }).is_ok();
    is_first && tracing::subscriber::set_global_default(CoreEvents).is_ok()
}

/// Reports a panic as `core.panic` with its line, to be called in the program's panic hook. The message of the panic is
/// left out: it may hold a worker's words.
///
/// The sink runs on a thread of its own, because a panic inside a hook ends the process.
pub fn log_panic(info: &PanicHookInfo<'_>) {
    let Some(log) = LOG.get() else { return };
    if IN_SINK.try_with(Cell::get).unwrap_or(true) {
        return;
    }
    let (room, line) = info.location().map_or_else(
        || (String::new(), 0),
        |at| (room_of_file(at.file()), i64::from(at.line())),
    );
    let (done, wait) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("xunge-log".into())
        .spawn(move || {
            emit(
                log,
                LogLevel::Error,
                room,
                "core.panic",
                None,
                vec![("line", line)],
            );
            // Nobody waits after the time limit.
            let _ = done.send(());
        });
    if thread.is_ok() {
        let _ = wait.recv_timeout(PANIC_WAIT);
    }
}

/// `terminal-core/src/store/database.rs` → `store::database`; empty for a file of another library.
fn room_of_file(file: &str) -> String {
    file.split_once("terminal-core/src/")
        .and_then(|(_, rest)| rest.strip_suffix(".rs"))
        .map(|path| path.replace('/', "::"))
        .unwrap_or_default()
}

fn emit(
    log: &Log,
    level: LogLevel,
    room: String,
    code: &'static str,
    cause: Option<String>,
    numbers: Vec<(&'static str, i64)>,
) {
    // Without the mark (the thread is ending), or inside the sink, the record is dropped.
    if IN_SINK.try_with(|inside| inside.replace(true)).unwrap_or(true) {
        return;
    }
    // Clock and sink are the platform's; the panic hook has reported what they did.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        log.sink.record(&LogRecord {
            at: log.clock.read().wall,
            level,
            room,
            code,
            cause,
            numbers,
        });
    }));
    let _ = IN_SINK.try_with(|inside| inside.set(false));
}

fn level_of(level: Level) -> Option<LogLevel> {
    match level {
        Level::ERROR => Some(LogLevel::Error),
        Level::WARN => Some(LogLevel::Warn),
        Level::INFO => Some(LogLevel::Info),
        Level::DEBUG => Some(LogLevel::Debug),
        _ => None,
    }
}

/// Passes events of this crate to the sink. Spans do not exist for it.
struct CoreEvents;

const CRATE: &str = "terminal_core::";

impl Subscriber for CoreEvents {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_wanted = |log: &Log| level_of(*metadata.level()).is_some_and(|level| level <= log.level);
        metadata.is_event() && metadata.target().starts_with(CRATE) && LOG.get().is_some_and(is_wanted)
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LOG.get()?.level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        })
    }
    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let (Some(log), Some(level)) = (LOG.get(), level_of(*metadata.level())) else {
            return;
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let room = metadata.target().trim_start_matches(CRATE).to_owned();
        emit(log, level, room, metadata.name(), fields.cause, fields.numbers);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The numbers and the cause of an event.
#[derive(Default)]
struct Fields {
    cause: Option<String>,
    numbers: Vec<(&'static str, i64)>,
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.numbers.push((field.name(), value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i64(field, i64::try_from(value).unwrap_or(i64::MAX));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_i64(field, i64::from(value));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "cause" {
            self.cause = Some(known_code(value));
        }
    }
    // Everything else, such as the message, is left out.
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The text of a code of the registry, or of an HTTP status. Another text may come from a server and may say anything.
fn known_code(text: &str) -> String {
    let is_http = |status: &str| status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    match ErrorCode::parse(text) {
        ErrorCode::Other(_) if !text.strip_prefix("http.").is_some_and(is_http) => "unknown".into(),
        _ => text.into(),
    }
}
