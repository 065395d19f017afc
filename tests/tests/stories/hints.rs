//! Hints replace polling, and many syncs use one connection and one token.

use crate::stage::{StoryStage, Unmetered, cases, desk, file, line, row};
use protocol::role::Role;
use serde_json::json;
use std::{sync::mpsc, thread};
use terminal_core::{live::WatchEvent, store::NetworkSettings, transport::CancelToken};

on_both_engines!(
    hint_triggers_a_sync_without_polling_and_the_hint_stream_reconnects,
    one_connection_and_one_token_serve_many_syncs,
);

/// Cancels the watch when dropped, so that a failed story does not leave it running.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn hint_triggers_a_sync_without_polling_and_the_hint_stream_reconnects(stage: &StoryStage) {
    let mut city = stage.city();
    let mut handset = stage.patroller(&city, "139", None);
    let id = file(&city, &mut handset, "提示", &[]);
    // Only a hint can trigger a sync within this story.
    let settings = NetworkSettings {
        poll_minutes: 600,
        ..NetworkSettings::default()
    };
    let terminal = handset.open().unwrap().clone();
    terminal.store().set_network_settings(&settings).unwrap();
    let cancel = CancelToken::default();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let _end = CancelOnDrop(cancel.clone());
        let watching = scope.spawn(|| {
            terminal.watch(&Unmetered, &cancel, &mut |watched| {
                let _ = tell.send(watched);
            })
        });
        let until = |wanted: &dyn Fn(&WatchEvent) -> bool| {
            let patience = std::time::Duration::from_secs(120);
            while !wanted(
                &told
                    .recv_timeout(patience)
                    .expect("the expected event never came"),
            ) {}
        };
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.entries_received == 1));
        until(&|watched| matches!(watched, WatchEvent::HintStream(true)));
        // The stream of hints starts with a hint.
        until(&|watched| matches!(watched, WatchEvent::Synced(_)));
        let acceptor = desk(&city, "shouli", Role::Acceptor);
        let case = acceptor.all("/v1/cases").unwrap()[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let version = acceptor.get(&format!("/v1/cases/{case}")).unwrap()["version"].clone();
        let body = json!({ "action": "prefile", "expected_version": version });
        acceptor
            .post(&format!("/v1/cases/{case}/actions"), &body)
            .unwrap();
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.rows_pulled > 0));

        // The server stops and restarts: the stream of hints reconnects and delivers what is new.
        assert!(city.server.stop().unwrap());
        until(&|watched| matches!(watched, WatchEvent::HintStream(false)));
        city.server.start().unwrap();
        until(&|watched| matches!(watched, WatchEvent::HintStream(true)));
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.pulled));
        cancel.cancel();
        watching.join().unwrap().unwrap();
    });
    assert!(row(&mut handset, id).case.is_some());
    // The bytes of the stream of hints are counted.
    let plan = handset.open().unwrap().data_use().unwrap();
    assert!(
        plan.used
            .iter()
            .any(|used| used.kind == "mailbox" && used.traffic.received > 0)
    );
}

fn one_connection_and_one_token_serve_many_syncs(stage: &StoryStage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "140", Some(&line));
    let connections = line.connections();
    for k in 0..5 {
        file(&city, &mut handset, &format!("第{k}条"), &[]);
        assert!(handset.sync().unwrap().is_success());
    }
    assert_eq!(
        line.connections(),
        connections,
        "the connection of the first sync must be reused"
    );
    assert_eq!(cases(&city), 5);
}
