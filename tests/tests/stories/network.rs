//! The handset's report about a sync is true, and the handset waits when the network is bad or the server is
//! busy.

use crate::stage::{self, ManualClock, StoryStage, cases, completeness, file, line, row, xunge_json};
use e2e::{handset::Handset, line::LineFault};
use protocol::{ids::EntryId, role::Role, time::Millis};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use terminal_core::{
    store::Account,
    transport::{Https, Request, Response, Transport, TransportError},
    work::ItemState,
};

on_both_engines!(
    story_15_cut_or_timed_out_sync_is_never_reported_as_success,
    story_23_captive_portal_and_error_pages_lose_nothing_and_keep_the_order,
    story_30_handset_waits_as_long_as_a_busy_server_asks,
);

/// Sends the request, but the response comes after the handset's timeout: from the `nth` request to `path`
/// on.
struct LateResponse {
    inner: Https,
    path: &'static str,
    nth: u32,
    asked: AtomicU32,
}

impl LateResponse {
    fn answering(account: &Account, path: &'static str, nth: u32) -> Self {
        let inner = Https::new(&account.server, &account.pins).unwrap();
        let asked = AtomicU32::new(0);
        Self {
            inner,
            path,
            nth,
            asked,
        }
    }
    fn happened(&self) -> bool {
        self.asked.load(Ordering::SeqCst) >= self.nth
    }
}

impl Transport for LateResponse {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.inner.exchange(request)?;
        if request.path.starts_with(self.path) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.happened() {
                return Err(TransportError::Timeout);
            }
        }
        Ok(answer)
    }
}

fn story_15_cut_or_timed_out_sync_is_never_reported_as_success(stage: &StoryStage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "115", Some(&line));
    let account = handset.open().unwrap().account().clone();
    let first_sync = handset.open().unwrap().status().unwrap().last_sync;
    let id = file(&city, &mut handset, "超时", &[stage.photo(15, 900, 700)]);

    // The response to each kind of request comes too late, once for each kind.
    handset.kill();
    let steps = [
        ("/v1/field/challenge", (0, false)),
        ("/v1/field/token", (0, false)),
        ("/v1/field/push", (0, false)),
        ("/v1/field/pull", (1, false)),
        ("/v1/field/photos", (0, true)),
    ];
    for (path, (received, pulled)) in steps {
        let late = LateResponse::answering(&account, path, 1);
        let report = handset.sync_over(&late).unwrap();
        assert!(late.happened(), "{path} must be requested");
        assert!(!report.is_success(), "{path}: {report:?}");
        assert_eq!(
            (report.entries_received, report.pulled),
            (received, pulled),
            "{path}: {report:?}"
        );
        assert_eq!(report.problem.as_ref().unwrap().code, "network.timeout", "{path}");
        assert!(report.next_try.is_some(), "{path}: must announce the next try");
        assert_eq!(report.photos_waiting, 1, "{path}");
        assert_eq!(
            handset.open().unwrap().status().unwrap().last_sync,
            first_sync,
            "{path}"
        );
    }

    // Cut during the photo, and no network: the command line reports it too, in text and exit code.
    let home = handset.home().to_owned();
    for fault in [
        LineFault::CutUp(120_000),
        LineFault::CutDown(800),
        LineFault::Down,
    ] {
        line.set(fault.clone());
        let faults = line.faults();
        let (code, said) = xunge_json(&home, &["sync"]);
        assert!(line.faults() > faults, "{fault:?}");
        assert_eq!(
            (code, &said["delivered"]),
            (3, &json!(false)),
            "{fault:?}: {said}"
        );
        assert_eq!(said["report"]["photos_waiting"], 1, "{fault:?}");
        let code = said["report"]["problem"]["code"].as_str().unwrap();
        assert!(code.starts_with("network."), "{fault:?}: {said}");
        assert_eq!(handset.open().unwrap().status().unwrap().last_sync, first_sync);
    }
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);

    // Everything is delivered, but the dispositions were not read: this is no success either.
    line.set(LineFault::Good);
    let late = LateResponse::answering(&account, "/v1/field/pull", 2);
    let report = handset.sync_over(&late).unwrap();
    assert!(late.happened());
    assert_eq!(
        (report.photos_received, report.photos_waiting, report.pulled),
        (1, 0, false),
        "{report:?}"
    );
    assert!(!report.is_success());

    let (code, said) = xunge_json(&home, &["sync"]);
    assert_eq!((code, &said["delivered"]), (0, &json!(true)), "{said}");
    assert!(handset.open().unwrap().status().unwrap().last_sync > first_sync);
    assert_eq!(cases(&city), 1);
}

fn page(status: &str, headers: &str, body: &str) -> LineFault {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    LineFault::Portal(answer.into_bytes())
}

fn story_23_captive_portal_and_error_pages_lose_nothing_and_keep_the_order(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "123", Some(&line));
    let login = "<!DOCTYPE html><html><title>欢迎使用免费 WiFi</title><form action=/login></form></html>";
    let mut filed: Vec<EntryId> = Vec::new();
    for (k, (fault, code)) in [
        (page("200 OK", "", login), "answer.foreign"),
        (
            page("302 Found", "location: http://10.0.0.1/login\r\n", ""),
            "answer.foreign",
        ),
        (page("401 Unauthorized", "", login), "http.401"),
        (page("404 Not Found", "", login), "http.404"),
        (page("403 Forbidden", "", login), "http.403"),
        (page("511 Network Authentication Required", "", login), "http.511"),
        (
            page(
                "520 Web Server Returned an Unknown Error",
                "",
                "<html>cloud</html>",
            ),
            "http.520",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let photos = if k == 0 {
            vec![stage.small_photo(23)]
        } else {
            vec![]
        };
        filed.push(file(&city, &mut handset, &format!("第{k}条"), &photos));
        line.set(fault);
        let faults = line.faults();
        let report = handset.sync().unwrap();
        assert!(line.faults() > faults, "the page was not served");
        assert!(!report.is_success());
        let problem = report.problem.unwrap();
        assert_eq!(problem.code, code);
        assert!(
            !problem.zh.contains('<'),
            "the page must not be shown to the worker: {problem:?}"
        );
        // A page decides nothing: everything stays unsent, in order.
        let waiting: Vec<bool> = filed
            .iter()
            .map(|id| row(&mut handset, *id).waits_for_receipt())
            .collect();
        assert_eq!(waiting, vec![true; k + 1], "{code}");
        assert_eq!(report.entries_waiting, k as u64 + 1);
        assert_eq!(cases(&city), 0);
    }
    line.set(LineFault::Good);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    let numbers: Vec<u64> = filed.iter().map(|id| row(&mut handset, *id).n.unwrap()).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{numbers:?}"
    );
    assert_eq!(
        completeness(&city, &mut handset)["mark"],
        json!({"upto": 7, "highest": 7})
    );
    // In the order of creation and with its distances, however long each request was under way.
    let cases = stage::desk(&city, "shouli", Role::Acceptor)
        .all("/v1/cases")
        .unwrap();
    let reported = |k: usize| {
        let text = format!("第{k}条");
        let case = cases.iter().find(|case| case["text"] == text.as_str()).unwrap();
        case["reported"].as_i64().unwrap()
    };
    assert_eq!(cases.len(), 7);
    let store = handset.open().unwrap();
    let made: Vec<i64> = filed
        .iter()
        .map(|id| store.store().entry(*id).unwrap().0.evidence.clock.monotonic_ms)
        .collect();
    for k in 1..7 {
        assert_eq!(reported(k) - reported(0), made[k] - made[0], "{k}: {cases:?}");
    }
    assert!(made.is_sorted(), "{made:?}");

    // A page during a photo upload drops nothing either.
    let id = file(&city, &mut handset, "又一条", &[stage.small_photo(24)]);
    line.set(LineFault::LoseAnswer("POST /v1/field/photos".into()));
    handset.sync().unwrap();
    line.set(page("200 OK", "", login));
    assert!(!handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);
    line.set(LineFault::Good);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).photos_sent, 1);
}

/// The wait until the announced next try, by this clock.
fn wait(clock: &ManualClock, next_try: Option<Millis>) -> i64 {
    use terminal_core::platform::Clock as _;
    next_try.unwrap().since(clock.read().wall)
}

fn story_30_handset_waits_as_long_as_a_busy_server_asks(stage: &StoryStage) {
    let setup = e2e::process::ServerSetup {
        plain_http: true,
        ..stage.setup()
    };
    let mut city = e2e::city::City::small(&stage.path("server"), setup).unwrap();
    let line = line(&city);
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "130", Some(&line), &clock);
    let id = file(&city, &mut handset, "服务器忙", &[stage.small_photo(30)]);

    // 503 with Retry-After, from a proxy in front of the server.
    line.set(page(
        "503 Service Unavailable",
        "retry-after: 120\r\n",
        "<html>maintenance</html>",
    ));
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    assert_eq!(report.problem.as_ref().unwrap().code, "http.503");
    let asked = wait(&clock, report.next_try);
    assert!((120_000..=132_000).contains(&asked), "{asked}");
    // Neither background nor manual syncs contact the server before that time.
    line.set(LineFault::Good);
    let connections = line.connections();
    clock.advance(100_000);
    for report in [handset.sync().unwrap(), handset.sync_in_background().unwrap()] {
        assert!(!report.is_success());
        assert!(report.next_try.is_some());
    }
    handset.kill();
    assert!(
        !handset.sync().unwrap().is_success(),
        "the wait must survive a restart"
    );
    assert_eq!(line.connections(), connections);
    assert!(row(&mut handset, id).waits_for_receipt());

    // 429 from the server itself: it limits requests per minute.
    assert!(city.server.stop().unwrap());
    city.server.set_settings("field_requests_per_minute = 1").unwrap();
    city.server.start().unwrap();
    clock.advance(40_000);
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    let problem = report.problem.as_ref().unwrap();
    assert_eq!(
        (problem.code.as_str(), problem.zh.as_str()),
        ("request.rate", "请求过于频繁，请稍后再试")
    );
    let asked = wait(&clock, report.next_try);
    assert!(
        (1_000..=67_000).contains(&asked),
        "must be the rest of the minute: {asked}"
    );
    // The worker sees it at the item and in the command line's text.
    let shown = row(&mut handset, id);
    assert!(
        !matches!(shown.state, ItemState::Returned(_)),
        "must not be shown as rejected: {:?}",
        shown.state
    );
    let connections = line.connections();
    assert!(!handset.sync().unwrap().is_success());
    assert_eq!(
        line.connections(),
        connections,
        "no request before the time, not even by a manual sync"
    );

    assert!(city.server.stop().unwrap());
    city.server
        .set_settings("field_requests_per_minute = 600")
        .unwrap();
    city.server.start().unwrap();
    clock.advance(70_000);
    let report = handset.sync_in_background().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(
        (cases(&city), row(&mut handset, id).state),
        (1, ItemState::Received)
    );
    let _: &Handset = &handset;
}
