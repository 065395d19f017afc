//! What the handset says of a sync is true, and a bad or busy network is waited for calmly.

use crate::stage::{self, Hand, Stage, cases, completeness, file, line, row, xunge_json};
use e2e::{handset::Handset, line::Weather};
use protocol::{ids::EntryId, role::Role, time::Millis};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use terminal_core::{
    store::Account,
    transport::{Https, Request, Response, Transport, TransportError},
    work::ItemState,
};

on_both_engines!(
    story_15_a_sync_that_was_cut_or_timed_out_is_never_called_a_success,
    story_23_login_and_error_pages_are_waited_out_and_order_is_kept,
    story_30_a_busy_server_is_left_alone_for_as_long_as_it_asks,
);

/// Sends the request, and the answer comes after the handset has given up: from the `nth` request to `path` on.
struct TooLate {
    inner: Https,
    path: &'static str,
    nth: u32,
    asked: AtomicU32,
}

impl TooLate {
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

impl Transport for TooLate {
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

fn story_15_a_sync_that_was_cut_or_timed_out_is_never_called_a_success(stage: &Stage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "115", Some(&line));
    let account = handset.open().unwrap().account().clone();
    let first_sync = handset.open().unwrap().status().unwrap().last_sync;
    let id = file(&city, &mut handset, "超时", &[stage.photo(15, 900, 700)]);

    // The answer to each kind of request comes too late, once for each.
    handset.die();
    let steps = [
        ("/v1/field/challenge", (0, false)),
        ("/v1/field/token", (0, false)),
        ("/v1/field/push", (0, false)),
        ("/v1/field/pull", (1, false)),
        ("/v1/field/photos", (0, true)),
    ];
    for (path, (received, pulled)) in steps {
        let late = TooLate::answering(&account, path, 1);
        let report = handset.sync_over(&late).unwrap();
        assert!(late.happened(), "{path} was asked");
        assert!(!report.is_success(), "{path}: {report:?}");
        assert_eq!(
            (report.entries_received, report.pulled),
            (received, pulled),
            "{path}: {report:?}"
        );
        assert_eq!(report.problem.as_ref().unwrap().code, "network.timeout", "{path}");
        assert!(report.next_try.is_some(), "{path} says when it goes on");
        assert_eq!(report.photos_waiting, 1, "{path}");
        assert_eq!(
            handset.open().unwrap().status().unwrap().last_sync,
            first_sync,
            "{path}"
        );
    }

    // Cut in the photo, and no network at all; the command line says so too, by words and exit code.
    let home = handset.home().to_owned();
    for weather in [Weather::CutUp(120_000), Weather::CutDown(800), Weather::Down] {
        line.set(weather.clone());
        let faults = line.faults();
        let (code, said) = xunge_json(&home, &["sync"]);
        assert!(line.faults() > faults, "{weather:?}");
        assert_eq!(
            (code, &said["delivered"]),
            (3, &json!(false)),
            "{weather:?}: {said}"
        );
        assert_eq!(said["report"]["photos_waiting"], 1, "{weather:?}");
        let code = said["report"]["problem"]["code"].as_str().unwrap();
        assert!(code.starts_with("network."), "{weather:?}: {said}");
        assert_eq!(handset.open().unwrap().status().unwrap().last_sync, first_sync);
    }
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);

    // All is delivered, but what became of it was not read: that is no success either.
    line.set(Weather::Good);
    let late = TooLate::answering(&account, "/v1/field/pull", 2);
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

fn page(status: &str, headers: &str, body: &str) -> Weather {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    Weather::Portal(answer.into_bytes())
}

fn story_23_login_and_error_pages_are_waited_out_and_order_is_kept(stage: &Stage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "123", Some(&line));
    let login = "<!DOCTYPE html><html><title>欢迎使用免费 WiFi</title><form action=/login></form></html>";
    let mut filed: Vec<EntryId> = Vec::new();
    for (k, (weather, code)) in [
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
        line.set(weather);
        let faults = line.faults();
        let report = handset.sync().unwrap();
        assert!(line.faults() > faults, "the page was met");
        assert!(!report.is_success());
        let problem = report.problem.unwrap();
        assert_eq!(problem.code, code);
        assert!(
            !problem.zh.contains('<'),
            "no page is shown to the worker: {problem:?}"
        );
        // Nothing was settled by a page: everything waits, in its order.
        let waiting: Vec<bool> = filed
            .iter()
            .map(|id| row(&mut handset, *id).waits_for_receipt())
            .collect();
        assert_eq!(waiting, vec![true; k + 1], "{code}");
        assert_eq!(report.entries_waiting, k as u64 + 1);
        assert_eq!(cases(&city), 0);
    }
    line.set(Weather::Good);
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
    // In the order in which they were made; two may fall into one tick of the handset's clock.
    let cases = stage::desk(&city, "shouli", Role::Acceptor)
        .all("/v1/cases")
        .unwrap();
    let reported = |k: usize| {
        let text = format!("第{k}条");
        let case = cases.iter().find(|case| case["text"] == text.as_str()).unwrap();
        case["reported"].as_i64().unwrap()
    };
    assert_eq!(cases.len(), 7);
    assert!((0..7).map(reported).is_sorted(), "{cases:?}");

    // A page in the middle of a photo drops nothing either.
    let id = file(&city, &mut handset, "又一条", &[stage.small_photo(24)]);
    line.set(Weather::LoseAnswer("POST /v1/field/photos".into()));
    handset.sync().unwrap();
    line.set(page("200 OK", "", login));
    assert!(!handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);
    line.set(Weather::Good);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).photos_sent, 1);
}

/// The wait that a report announces, from now on this clock.
fn wait(hand: &Hand, next_try: Option<Millis>) -> i64 {
    use terminal_core::platform::Clock as _;
    next_try.unwrap().since(hand.read().wall)
}

fn story_30_a_busy_server_is_left_alone_for_as_long_as_it_asks(stage: &Stage) {
    let setup = e2e::process::Setup {
        plain_http: true,
        ..stage.setup()
    };
    let mut city = e2e::city::City::small(&stage.path("server"), setup).unwrap();
    let line = line(&city);
    let hand = Hand::now();
    let mut handset = stage.patroller_by(&city, "130", Some(&line), &hand);
    let id = file(&city, &mut handset, "服务器忙", &[stage.small_photo(30)]);

    // 503 with Retry-After, from whatever stands before the server.
    line.set(page(
        "503 Service Unavailable",
        "retry-after: 120\r\n",
        "<html>maintenance</html>",
    ));
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    assert_eq!(report.problem.as_ref().unwrap().code, "http.503");
    let asked = wait(&hand, report.next_try);
    assert!((120_000..=132_000).contains(&asked), "{asked}");
    // Calm: neither by itself nor by hand is the server asked before its time.
    line.set(Weather::Good);
    let connections = line.connections();
    hand.advance(100_000);
    for report in [handset.sync().unwrap(), handset.sync_by_itself().unwrap()] {
        assert!(!report.is_success());
        assert!(report.next_try.is_some());
    }
    handset.die();
    assert!(
        !handset.sync().unwrap().is_success(),
        "the wait survives the process"
    );
    assert_eq!(line.connections(), connections);
    assert!(row(&mut handset, id).waits_for_receipt());

    // 429 from our own server: it counts the requests of a minute.
    assert!(city.server.stop().unwrap());
    city.server.set("field_requests_per_minute = 1").unwrap();
    city.server.start().unwrap();
    hand.advance(40_000);
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    let problem = report.problem.as_ref().unwrap();
    assert_eq!(
        (problem.code.as_str(), problem.zh.as_str()),
        ("request.rate", "请求过于频繁，请稍后再试")
    );
    let asked = wait(&hand, report.next_try);
    assert!(
        (1_000..=67_000).contains(&asked),
        "the rest of the minute: {asked}"
    );
    // The worker reads it at the item and in the command line's words.
    let shown = row(&mut handset, id);
    assert!(
        !matches!(shown.state, ItemState::Returned(_)),
        "busy is no refusal: {:?}",
        shown.state
    );
    let connections = line.connections();
    assert!(!handset.sync().unwrap().is_success());
    assert_eq!(
        line.connections(),
        connections,
        "not before its time, even by hand"
    );

    assert!(city.server.stop().unwrap());
    city.server.set("field_requests_per_minute = 600").unwrap();
    city.server.start().unwrap();
    hand.advance(70_000);
    let report = handset.sync_by_itself().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(
        (cases(&city), row(&mut handset, id).state),
        (1, ItemState::Received)
    );
    let _: &Handset = &handset;
}
