//! The core's log: codes and numbers, never a text of a person, a server or a file.

use crate::listeners::ListenerError;
use std::{collections::HashMap, sync::Arc};
use terminal_core::{
    platform::{self, LogLevel, SystemClock, SystemRandom},
    protocol::time::Millis,
};

/// How important a record is.
#[uniffi::remote(Enum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

record! {
    /// One record of the log.
    LogEntry from &platform::LogRecord as record {
        at: Millis = record.at,
        level: LogLevel = record.level,
        /// The room of the core that reports.
        room: String = record.room.clone(),
        /// What happened, such as `grid.file_lost`.
        code: String = record.code.to_owned(),
        /// The error code behind it.
        cause: Option<String> = record.cause.clone(),
        numbers: HashMap<String, i64> = record.numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect(),
    }
}

/// Receives the core's log on the thread that reports: returns quickly and does not call the core.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    fn on_record(&self, entry: LogEntry) -> Result<(), ListenerError>;
}

struct AppSink(Arc<dyn LogSink>);

impl platform::LogSink for AppSink {
    fn record(&self, record: &platform::LogRecord) {
        drop(self.0.on_record(record.into()));
    }
}

/// Gives the process its log sink, once; also for panics of the core. False if it has one.
#[uniffi::export]
pub fn set_log(sink: Arc<dyn LogSink>, level: LogLevel) -> bool {
    let Ok(clock) = SystemClock::new(&SystemRandom) else {
        return false;
    };
    let is_first = platform::set_log(Arc::new(AppSink(sink)), Arc::new(clock), level);
    if is_first {
        std::panic::set_hook(Box::new(platform::log_panic));
    }
    is_first
}
