//! The progress of a sync, in one line on stderr.

use crate::{
    cli::{args::HandsetCli, table::clip, text},
    sync::report::SyncProgress,
    words::{self, Lang},
};
use protocol::text::for_terminal;
use std::io::{self, IsTerminal as _, Write as _};

/// A progress line that is overwritten; shown only on a terminal.
pub struct ProgressLine {
    lang: Lang,
    is_shown: bool,
}

/// Returns true if somebody sits before this program and can be asked.
pub fn asks(cli: &HandsetCli) -> bool {
    !cli.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr; everything but a clear yes is a no.
pub fn yes(question: &str) -> bool {
    let mut answer = String::new();
    let mut screen = io::stderr().lock();
    let asked = write!(screen, "{} [y/N] ", for_terminal(question)).and_then(|()| screen.flush());
    let read = asked.and_then(|()| io::stdin().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "是")
}

impl ProgressLine {
    pub fn new(cli: &HandsetCli) -> Self {
        Self {
            lang: cli.lang,
            is_shown: !cli.json && io::stderr().is_terminal(),
        }
    }
    pub fn show(&mut self, progress: &SyncProgress) {
        let lang = self.lang;
        let text = match progress {
            SyncProgress::Connected => lang.pick("已连接", "Connected").to_owned(),
            SyncProgress::Received { items: ids } => lang.pick(
                format!("已收到 {} 条", ids.len()),
                format!("Received {} entries", ids.len()),
            ),
            SyncProgress::Refused {
                item: id,
                why: reason,
            } => {
                format!("{}: {}", text::short(id), words::of_reason(lang, reason))
            }
            SyncProgress::Photo {
                position, sent, size, ..
            } => lang.pick(
                format!(
                    "照片 {}：{} / {} KB",
                    position + 1,
                    sent / 1024,
                    size.div_ceil(1024)
                ),
                format!(
                    "Photo {}: {} / {} KB",
                    position + 1,
                    sent / 1024,
                    size.div_ceil(1024)
                ),
            ),
            SyncProgress::PhotoReceived { position, .. } => lang.pick(
                format!("照片 {} 已收到", position + 1),
                format!("Photo {} received", position + 1),
            ),
            SyncProgress::Pulled { rows } => {
                lang.pick(format!("收取 {rows} 条"), format!("{rows} updates received"))
            }
            SyncProgress::File { name, have, size } => {
                format!("{name}: {} / {} KB", have / 1024, size.div_ceil(1024))
            }
            SyncProgress::Sealed { entries, photos } => lang.pick(
                format!("已封存 {entries} 条内容、{photos} 张照片待交接"),
                format!("{entries} entries and {photos} photos sealed for hand-over"),
            ),
            SyncProgress::Problem { why: reason } => words::of_reason(lang, reason).to_owned(),
        };
        self.line(&text);
    }
    fn line(&mut self, text: &str) {
        if self.is_shown {
            let mut out = io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K{}", clip(&for_terminal(text), 76)).and_then(|()| out.flush());
        }
    }
    pub fn clear(&mut self) {
        self.line("");
    }
}
