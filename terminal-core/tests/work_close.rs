//! Alone in its program, because it counts the files and threads of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, sync::mpsc, thread};
use terminal_core::{
    Error,
    platform::{Connectivity, Power, Surroundings},
    transport::CancelToken,
};

mod work_support;
use work_support::{Hand, enrol, open};

/// A network that is there; the address of the test's server answers nothing.
struct Online;

impl Surroundings for Online {
    fn connectivity(&self) -> Connectivity {
        Connectivity {
            online: true,
            ..Connectivity::default()
        }
    }
    fn power(&self) -> Power {
        Power::default()
    }
}

fn open_files(home: &std::path::Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let names = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    names.filter(|name| name.starts_with(home)).collect()
}

fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("xunge-")).collect()
}

#[test]
fn w05_a_closed_handset_leaves_no_file_lock_or_thread() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let kept = terminal.clone();
    let draft = terminal.new_report().unwrap();
    let observed = terminal.observe(|_| {}).unwrap();
    let (tell, told) = mpsc::channel();
    let watching = thread::spawn({
        let terminal = terminal.clone();
        move || {
            terminal.watch(&Online, &CancelToken::default(), &mut |event| {
                let _ = tell.send(format!("{event:?}"));
            })
        }
    });
    // The watch has tried to reach its server, so the network thread runs.
    told.recv().unwrap();
    assert!(!open_files(dir.path()).is_empty() && !threads().is_empty());
    terminal.close();
    let ended = watching.join().unwrap();
    assert!(
        matches!(ended, Ok(()) | Err(Error::Cancelled | Error::Closed)),
        "{ended:?}"
    );
    assert_eq!(open_files(dir.path()), Vec::<std::path::PathBuf>::new());
    drop(observed);
    // The runtime's thread is told to end and ends by itself.
    while !threads().is_empty() {
        thread::yield_now();
    }
    drop((kept, draft));
    // Another open of the same home works at once.
    open(dir.path(), &Hand::new()).queue().unwrap();
}
