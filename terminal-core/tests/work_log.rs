//! The log holds codes and numbers only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use protocol::{
    feed::{Mailbox, kind},
    field::Device,
    manifest::FileName,
};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use terminal_core::{
    photos::PhotoSource,
    platform::{LogLevel, LogRecord, LogSink, Platform, log_panic, set_log},
    store::testing,
    sync::Policy,
    terminal::Terminal,
    transport::{CancelToken, Request, Response, Transport, TransportError},
};

mod work_support;
use work_support::{Hand, MORNING, enrol, open, picture, row, two_cells};

/// Keeps all records; panics if told to.
#[derive(Default)]
struct Kept {
    records: Mutex<Vec<LogRecord>>,
    panics: AtomicBool,
}

impl LogSink for Kept {
    fn record(&self, record: &LogRecord) {
        assert!(!self.panics.load(Ordering::SeqCst), "the sink panics");
        self.records.lock().unwrap().push(record.clone());
    }
}

/// Answers everything with the same status and words.
struct Failing(u16, &'static str);

impl Transport for Failing {
    fn exchange(&self, _: &Request) -> Result<Response, TransportError> {
        Ok(Response {
            status: self.0,
            headers: vec![("content-type".into(), "application/problem+json".into())],
            body: self.1.as_bytes().to_vec(),
        })
    }
}

const INVITATION: &str = "xunge1:eyJzZXJ2ZXIiOiJodHRwczovL2NlbnRyZS5leGFtcGxlIn0";

/// Files and syncs what must not be found in the log. Returns the words.
fn work(dir: &Path) -> Vec<String> {
    let home = dir.join("home-of-wang");
    enrol(&home);
    let hand = Hand::new();
    let terminal = open(&home, &hand);
    let photo = dir.join("李大爷家门口.jpg");
    std::fs::write(&photo, picture(1)).unwrap();
    let mut report = terminal.new_report().unwrap();
    report.text("垃圾堆在李大爷家门口").address("桂林路十二号三单元");
    report.add_photo(PhotoSource::Path(&photo)).unwrap();
    let filed = report.submit().unwrap();
    let known = r#"{"type":"urn:xunge:problem:stream.unknown","title":"王芳的终端","title_en":"Wang Fang",
        "status":403,"code":"stream.unknown","detail":"Wang Fang, 13800138000"}"#;
    let foreign = r#"{"type":"urn:xunge:problem:x","title":"王芳","title_en":"Wang Fang","status":422,
        "code":"王芳.13800138000"}"#;
    for transport in [
        Failing(403, known),
        Failing(422, foreign),
        Failing(503, "王芳"),
        Failing(200, "<html>王芳"),
    ] {
        terminal
            .sync_over(&transport, Policy::MANUAL, &CancelToken::default(), &mut |_| {})
            .unwrap();
    }
    // A row that this version cannot read, a lost grid, a malformed file of the phone, a wrong invitation.
    let words = serde_json::json!({ "entry": "王芳", "text": "不予立案：李大爷家门口" });
    let unread = row(Mailbox::Author, 7, kind::DISPOSITION, filed.item, words);
    testing::pull(terminal.store(), vec![unread]).unwrap();
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    for entry in std::fs::read_dir(&home).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            std::fs::write(path, "王芳").unwrap();
        }
    }
    assert!(terminal.grid().unwrap().is_none());
    std::fs::write(home.join("network-settings.json"), "王芳").unwrap();
    open(&home, &hand).store().network_settings().unwrap();
    let other = dir.join("other");
    let enrolled = Terminal::enrol(
        &other,
        Platform::command_line(&other).unwrap(),
        INVITATION,
        Device {
            model: "王芳的手机".into(),
            os: "13".into(),
            app: "1".into(),
        },
        &CancelToken::default(),
    );
    assert!(enrolled.is_err());
    let account = terminal.account();
    let mut words: Vec<String> = [
        "垃圾",
        "李大爷",
        "王芳",
        "桂林路",
        "Wang",
        "138",
        "127.0.0.1",
        "http:",
        "220104",
    ]
    .map(String::from)
    .into();
    words.push(INVITATION.into());
    words.push("eyJzZXJ2ZXI".into());
    words.push(dir.to_str().unwrap().into());
    words.push("home-of-wang".into());
    words.push(account.stream.to_string());
    words.push(account.holder.to_string());
    words.push(filed.item.to_string());
    words
}

#[test]
fn w17_the_log_holds_codes_and_numbers_and_no_words_names_paths_or_ids() {
    let sink = Arc::new(Kept::default());
    let hand = Arc::new(Hand::new());
    let kept = Arc::<Kept>::clone(&sink);
    assert!(set_log(kept, hand.clone(), LogLevel::Debug));
    let second = Arc::new(Kept::default());
    assert!(!set_log(second, hand, LogLevel::Debug), "set once");

    let dir = tempfile::tempdir().unwrap();
    let words = work(dir.path());
    // Events of others, and free text under the core's name, do not pass.
    tracing::error!("王芳 at /data/home");
    tracing::error!(target: "terminal_core::store", cause = "王芳", name = "王芳", "王芳 {}", 1);
    let records = sink.records.lock().unwrap().clone();
    let codes: BTreeSet<&str> = records.iter().map(|record| record.code).collect();
    for code in [
        "sync.step_failed",
        "mailbox.disposition_unread",
        "grid.file_lost",
        "phone.file_malformed",
    ] {
        assert!(codes.contains(code), "{code} is missing in {codes:?}");
    }
    let causes: BTreeSet<&str> = records.iter().filter_map(|r| r.cause.as_deref()).collect();
    assert!(
        causes.contains("stream.unknown") && causes.contains("unknown"),
        "{causes:?}"
    );
    for record in &records {
        let text = format!("{record:?}");
        for word in &words {
            assert!(!text.contains(word.as_str()), "{word} is in {text}");
        }
        assert!(record.at.0 >= MORNING);
        assert!(text.is_ascii(), "{text}");
    }
    let said = records.iter().find(|r| r.code == "sync.step_failed").unwrap();
    assert_eq!((said.room.as_str(), said.level), ("sync::state", LogLevel::Info));

    // A panic is a record without its message, and a sink that panics stops nothing.
    std::panic::set_hook(Box::new(log_panic));
    let count = || sink.records.lock().unwrap().len();
    let before = count();
    let panicked = std::panic::catch_unwind(|| panic!("王芳"));
    assert!(panicked.is_err());
    let last = sink.records.lock().unwrap().last().unwrap().clone();
    assert_eq!((count(), last.code), (before + 1, "core.panic"));
    assert!(matches!(last.numbers[..], [("line", line)] if line > 0));
    assert!(!format!("{last:?}").contains("王芳"));
    sink.panics.store(true, Ordering::SeqCst);
    let dir = tempfile::tempdir().unwrap();
    work(dir.path());
    assert!(std::panic::catch_unwind(|| panic!("王芳")).is_err());
    sink.panics.store(false, Ordering::SeqCst);
    assert_eq!(count(), before + 1);
    let dir = tempfile::tempdir().unwrap();
    work(dir.path());
    assert!(count() > before + 1, "the sink is called again");
    let _ = std::panic::take_hook();
}

#[test]
fn w17_every_event_of_the_core_is_a_code_with_numbers() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut events = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for level in ["error", "warn", "info", "debug", "trace"] {
                for event in text.split(&format!("tracing::{level}!(")).skip(1) {
                    events += 1;
                    let end = [");", "),"].into_iter().filter_map(|end| event.find(end)).min();
                    let event = &event[..end.unwrap()];
                    let rest = event.trim_start().strip_prefix("name: \"");
                    let (code, fields) = rest.and_then(|rest| rest.split_once('"')).unwrap_or_else(|| {
                        panic!("{}: no code in {event}", path.display());
                    });
                    assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)));
                    let is_plain = !fields.contains(['%', '?', '"']);
                    assert!(is_plain, "{}: text in {event}", path.display());
                }
            }
        }
    }
    assert!(events > 15, "{events} events");
}
