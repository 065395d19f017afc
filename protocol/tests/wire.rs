//! Every wire type under a snapshot: what is written today must be readable by handsets for years, so a change
//! here is a decision, not an accident. And what every codec promises, as properties.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use protocol::{
    case::{Action, CaseState, Field, FieldKind, Guard},
    codes::{CellCode, CommunityCode, MatterClass, MatterCode},
    duty::{Answer, Purpose, TaskRow, TaskState},
    entry::{Disposition, Entry, Reason, Receipt, receipt_number},
    evidence::{ClockReading, Evidence, Position},
    feed::{
        ActivityRow, ActivityState, CaseRow, DispositionRow, FeedRow, Mailbox, PostRow, PresenceRow,
        PullAnswer,
    },
    field::*,
    geo::PointE7,
    ids::*,
    manifest::{Manifest, ManifestFile, SignedManifest},
    open::Open,
    parcel::{Contents, Head, MissingPhoto, ParcelAnswer, SealedDraft, SealedFor, SealedPhoto},
    payload::*,
    photo::{PhotoRef, PhotoRole, Sha256},
    problem::{Problem, ProblemCode},
    push::{Envelope, PushAnswer, Refused, StreamMark},
    role::Role,
    sign::{Algorithm, PublicKey, Signature},
    time::Millis,
};
use serde::{Serialize, de::DeserializeOwned};

const T0: Millis = Millis(1_795_305_600_000);

fn id(n: u8) -> uuid::Uuid {
    uuid::Builder::from_unix_timestamp_millis(1_795_305_600_000, &[n; 10]).into_uuid()
}
fn clock() -> ClockReading {
    ClockReading {
        wall: T0,
        boot: "b-1".into(),
        monotonic_ms: 86_400_000,
        offset_ms: Some(-1_250),
    }
}
fn position() -> Position {
    Position {
        point: PointE7 {
            lat: 438_965_000,
            lon: 1_253_252_000,
        },
        accuracy_cm: 800,
        provider: "gps".into(),
        mock: false,
        fix_time: T0,
    }
}
fn photo(n: u8) -> PhotoRef {
    PhotoRef {
        sha256: Sha256([n; 32]),
        size: 291_034,
        role: PhotoRole::Scene,
        width: 1600,
        height: 1200,
    }
}
fn cell() -> CellCode {
    "220104050317".parse().unwrap()
}
fn entry(payload: &Payload) -> Entry {
    Entry {
        v: 1,
        id: EntryId(id(1)),
        n: 7,
        kind: payload.kind().into(),
        record: RecordId(id(2)),
        after: Some(EntryId(id(3))),
        supersedes: None,
        author: PersonId(id(4)),
        post: PostId(id(5)),
        grid: Some(protocol::codes::GridVersion("220104.1".into())),
        payload: payload.to_json().unwrap(),
        evidence: Evidence {
            position: Some(position()),
            clock: clock(),
        },
    }
}
fn key() -> PublicKey {
    PublicKey::new(Algorithm::Ed25519, vec![3; 32])
}
fn signature() -> Signature {
    Signature::new(Algorithm::Ed25519, vec![4; 64])
}

/// Snapshot of the JSON, and the JSON reads back to itself.
fn frozen<T: Serialize + DeserializeOwned>(name: &str, value: &T) {
    let json = serde_json::to_string_pretty(value).unwrap();
    let back: T = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string_pretty(&back).unwrap(), json, "{name}");
    insta::assert_snapshot!(name, json);
}

#[test]
fn entries_of_every_kind_are_frozen() {
    let payloads = [
        Payload::CheckIn(CheckIn {
            note: "早班".into()
        }),
        Payload::CheckOut(CheckOut::default()),
        Payload::Report(Report {
            matter: Some("E0102".parse().unwrap()),
            text: "路口东北角垃圾外溢".into(),
            place: Some(position()),
            cell: Some(cell()),
            address: "桂林路 12 号".into(),
            self_handled: false,
            photos: vec![photo(1), photo(2)],
        }),
        Payload::Activity(Activity {
            category: "fitness".into(),
            title: "社区太极拳".into(),
            starts: T0,
            ends: T0.plus(3_600_000),
            place: "文化广场".into(),
            cell: Some(cell()),
            organiser: "桂林路街道文体站".into(),
            participants: 42,
            summary: String::new(),
            photos: vec![photo(3)],
        }),
        Payload::Answer(TaskAnswer {
            task: TaskId(id(6)),
            answer: Answer::Rectified.into(),
            text: "已清理".into(),
            photos: vec![photo(4)],
        }),
        Payload::Withdraw(Withdraw {
            entry: EntryId(id(9)),
            reason: "报错了".into(),
        }),
        Payload::Void,
    ];
    for payload in payloads {
        let entry = entry(&payload);
        frozen(&format!("entry_{}", payload.kind()), &entry);
        let bytes = entry.to_bytes().unwrap();
        assert_eq!(Entry::read(&bytes).unwrap().1, Some(payload));
    }
}

#[test]
fn push_and_its_answer_are_frozen() {
    let raw = serde_json::value::to_raw_value(&entry(&Payload::Void)).unwrap();
    frozen(
        "envelope",
        &Envelope {
            v: 1,
            stream: StreamId(id(1)),
            clock: clock(),
            entries: vec![raw],
        },
    );
    frozen(
        "push_answer",
        &PushAnswer {
            epoch: "e1".into(),
            server_time: T0,
            body_sha256: Sha256([9; 32]),
            receipts: vec![Receipt {
                id: EntryId(id(1)),
                n: 7,
                sha256: Sha256([8; 32]),
                received: T0,
            }],
            refused: vec![Refused {
                index: 1,
                id: None,
                code: "entry.unframed".into(),
                detail: "no id".into(),
            }],
            mark: StreamMark {
                upto: 7,
                highest: 9,
                holes: vec![(8, 8)],
            },
            taken: None,
        },
    );
    frozen(
        "push_answer_brief",
        &PushAnswer {
            epoch: "e1".into(),
            server_time: T0,
            body_sha256: Sha256([9; 32]),
            receipts: vec![],
            refused: vec![],
            mark: StreamMark {
                upto: 7,
                highest: 7,
                holes: vec![],
            },
            taken: Some(T0),
        },
    );
}

#[test]
fn mailbox_rows_are_frozen() {
    let reason = Reason::new(
        "task.late",
        "案卷已结案，转人工核对",
        "the case was closed meanwhile",
    );
    frozen(
        "row_disposition",
        &DispositionRow {
            entry: EntryId(id(1)),
            record: RecordId(id(2)),
            disposition: Disposition::review(reason),
            at: T0,
        },
    );
    frozen(
        "row_task",
        &TaskRow {
            task: TaskId(id(1)),
            purpose: Purpose::Check.into(),
            wording: "垃圾是否清理".into(),
            cell: cell(),
            place: Some(position().point),
            address: None,
            due: T0.plus(7_200_000),
            compare: Some(Sha256([1; 32])),
            case: Some(CaseId(id(2))),
            post: PostId(id(3)),
            holder: PersonId(id(4)),
            issued: T0,
        },
    );
    frozen(
        "row_case",
        &CaseRow {
            case: CaseId(id(1)),
            record: RecordId(id(2)),
            number: receipt_number(EntryId(id(3))),
            state: CaseState::Handling.into(),
            photos_held: 1,
            photos_named: 3,
            at: T0,
        },
    );
    frozen(
        "row_activity",
        &ActivityRow {
            record: RecordId(id(1)),
            entry: EntryId(id(2)),
            version: 2,
            title: "社区太极拳".into(),
            state: ActivityState::Returned.into(),
            reason: Some("照片看不清，请补拍".into()),
            at: T0,
        },
    );
    frozen(
        "row_post",
        &PostRow {
            name: "桂林路一岗".into(),
            number: "20104-011".into(),
            area: vec!["2201040503".into()],
        },
    );
    frozen(
        "row_presence",
        &PresenceRow {
            person: PersonId(id(1)),
            present: true,
            since: T0,
        },
    );
    frozen(
        "pull_answer",
        &PullAnswer {
            epoch: "e1".into(),
            server_time: T0,
            reset: vec![Mailbox::Post.into()],
            rows: vec![FeedRow {
                mailbox: Mailbox::Author.into(),
                n: 3,
                kind: "case".into(),
                entity: "x".into(),
                body: None,
            }],
            cursor: "e1.3".into(),
            more: false,
        },
    );
}

#[test]
fn enrolment_and_tokens_are_frozen() {
    frozen(
        "invitation",
        &Invitation {
            v: 1,
            server: "https://127.0.0.1:8443".into(),
            code: "K7PQ-2M4X".into(),
            pins: vec![Sha256([1; 32]), Sha256([2; 32])],
            parcel_key: "x25519:AAAA".into(),
        },
    );
    let device = Device {
        model: "M1".into(),
        os: "Android 11".into(),
        app: "0.1.0".into(),
    };
    frozen(
        "enrol_request",
        &EnrolRequest {
            v: 1,
            code: "K7PQ-2M4X".into(),
            stream: StreamId(id(1)),
            key: key(),
            device,
            predecessor: Some(StreamId(id(2))),
            signature: signature(),
        },
    );
    frozen(
        "certificate",
        &Certificate {
            v: 1,
            stream: StreamId(id(1)),
            key: key(),
            terminal: TerminalId(id(2)),
            post: PostId(id(3)),
            holder: PersonId(id(4)),
            county: "220104".parse().unwrap(),
            issued: T0,
            predecessor: None,
        },
    );
    let certificate = SignedCertificate {
        certificate: "{}".into(),
        signature: signature(),
    };
    frozen(
        "enrol_answer",
        &EnrolAnswer {
            epoch: "e1".into(),
            server_time: T0,
            certificate: certificate.clone(),
            server_key: key(),
            holder_name: "巡查员甲".into(),
            roles: vec![Role::Patroller.into()],
        },
    );
    frozen(
        "challenge_request",
        &ChallengeRequest {
            stream: StreamId(id(1)),
        },
    );
    frozen(
        "challenge_answer",
        &ChallengeAnswer {
            epoch: "e1".into(),
            server_time: T0,
            challenge: "c".into(),
        },
    );
    frozen(
        "token_request",
        &TokenRequest {
            stream: StreamId(id(1)),
            challenge: "c".into(),
            signature: signature(),
            clock: clock(),
            certificate: Some(certificate),
        },
    );
    frozen(
        "token_answer",
        &TokenAnswer {
            pins: vec![Sha256([1; 32])],
            epoch: "e1".into(),
            server_time: T0,
            token: "t".into(),
            expires_in_s: 3600,
            mark: StreamMark::default(),
        },
    );
    frozen(
        "photo_receipt",
        &PhotoReceipt {
            sha256: Sha256([1; 32]),
            size: 5,
            received: T0,
        },
    );
}

#[test]
fn manifests_and_problems_are_frozen() {
    let file = ManifestFile {
        name: protocol::manifest::FileName::Grid.into(),
        version: "220104.1".into(),
        sha256: Sha256([1; 32]),
        size: 840_000,
    };
    frozen(
        "manifest",
        &Manifest {
            v: 1,
            issued: T0,
            files: vec![file],
        },
    );
    frozen(
        "signed_manifest",
        &SignedManifest {
            manifest: "{}".into(),
            signature: signature(),
        },
    );
    let mut problem = Problem::new(ProblemCode::CaseGuard);
    problem.request_id = Some(RequestId(id(1)));
    problem.errors.push(protocol::problem::FieldError {
        at: Guard::TypeAndPlace.as_str().into(),
        zh: Guard::TypeAndPlace.zh().into(),
        en: Guard::TypeAndPlace.en().into(),
    });
    frozen("problem", &problem);
}

#[test]
fn parcels_and_their_answer_are_frozen() {
    frozen(
        "parcel_head",
        &Head {
            v: 1,
            stream: StreamId(id(1)),
            key: "0123456789abcdef".into(),
            certificate: SignedCertificate {
                certificate: "{}".into(),
                signature: signature(),
            },
        },
    );
    frozen(
        "parcel_contents",
        &Contents {
            v: 1,
            clock: clock(),
            sealed_for: SealedFor::Revoked.into(),
            left: 2,
            entries: vec![serde_json::value::RawValue::from_string("{\"n\":1}".into()).unwrap()],
            drafts: vec![SealedDraft {
                id: EntryId(id(2)),
                kind: "report".into(),
                json: "{}".into(),
                updated: T0,
            }],
            photos: vec![SealedPhoto {
                sha256: Sha256([3; 32]),
                size: 5,
            }],
            missing: vec![MissingPhoto {
                sha256: Sha256([4; 32]),
                code: "photo.file_missing".into(),
            }],
        },
    );
    frozen(
        "parcel_answer",
        &ParcelAnswer {
            epoch: "e1".into(),
            server_time: T0,
            parcel: Sha256([5; 32]),
            receipts: vec![],
            kept: vec![Sha256([6; 32])],
            photos: vec![PhotoReceipt {
                sha256: Sha256([3; 32]),
                size: 5,
                received: T0,
            }],
            mark: StreamMark::default(),
        },
    );
}

#[test]
fn the_texts_of_all_enums_and_codes_are_frozen() {
    fn texts<T: std::fmt::Display>(all: &[T]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
    let problems: Vec<String> = ProblemCode::ALL
        .iter()
        .map(|c| format!("{} {} {:?}", c.as_str(), c.status(), c.verdict()))
        .collect();
    insta::assert_snapshot!(
        "texts",
        [
            texts(CaseState::ALL),
            texts(Action::ALL),
            texts(Guard::ALL),
            texts(Role::ALL),
            texts(EntryKind::ALL),
            texts(Purpose::ALL),
            texts(Answer::ALL),
            texts(TaskState::ALL),
            texts(ActivityState::ALL),
            texts(Mailbox::ALL),
            texts(Field::ALL),
            texts(FieldKind::ALL),
        ]
        .join("\n")
    );
    insta::assert_snapshot!("problem_codes", problems.join("\n"));
}

#[test]
fn story_20_values_of_a_newer_server_survive_an_old_handset() {
    let json = r#"{"case":"019f0000-0000-7000-8000-000000000001","record":"019f0000-0000-7000-8000-000000000002",
        "number":"x","state":"archived","photos_held":0,"photos_named":0,"at":1,"colour":"new field"}"#;
    let row: CaseRow = serde_json::from_str(json).unwrap();
    assert_eq!(row.state, Open::Other("archived".into()));
    assert_eq!(serde_json::to_value(&row).unwrap()["state"], "archived");
    let roles: Vec<Open<Role>> = serde_json::from_str(r#"["patroller","drone_pilot"]"#).unwrap();
    assert_eq!(
        roles,
        [Open::Known(Role::Patroller), Open::Other("drone_pilot".into())]
    );
}

#[test]
fn an_entry_of_an_unknown_kind_is_read_without_its_payload() {
    let mut json = serde_json::to_value(entry(&Payload::Void)).unwrap();
    json["kind"] = "drone_flight".into();
    json["payload"] = serde_json::json!({"altitude": 30});
    let (entry, payload) = Entry::read(&serde_json::to_vec(&json).unwrap()).unwrap();
    assert_eq!(entry.kind, Open::Other("drone_flight".into()));
    assert_eq!(payload, None);
    assert_eq!(entry.payload.get(), r#"{"altitude":30}"#);
}

#[test]
fn the_receipt_number_comes_from_the_id_alone() {
    assert_eq!(receipt_number(EntryId(id(1))), receipt_number(EntryId(id(1))));
    assert_ne!(receipt_number(EntryId(id(1))), receipt_number(EntryId(id(2))));
    assert!(receipt_number(EntryId(id(1))).starts_with("261122-"));
}

proptest! {
    #[test]
    fn cell_codes_are_built_from_their_parts(county in "[0-9]{6}", street in 1u8..=99, community in 1u8..=99, serial in 1u8..=99) {
        let county: protocol::codes::CountyCode = county.parse().unwrap();
        let cell = county.street(street).unwrap().community(community).unwrap().cell(serial).unwrap();
        prop_assert_eq!(cell.to_string().parse::<CellCode>().unwrap(), cell);
        prop_assert_eq!((cell.county(), cell.serial()), (county, serial));
        prop_assert_eq!(cell.community().street(), cell.street());
        prop_assert_eq!(cell.grouped().replace('-', ""), cell.to_string());
    }

    #[test]
    fn text_that_is_no_code_is_refused(text in "\\PC{0,16}") {
        let digits = |n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        prop_assert_eq!(text.parse::<CellCode>().is_ok(), digits(12));
        prop_assert_eq!(text.parse::<CommunityCode>().is_ok(), digits(10));
        let _ = text.parse::<MatterCode>();
    }

    #[test]
    fn matter_codes_read_back(component: bool, large in 1u8..=99, small in 1u8..=99) {
        let class = if component { MatterClass::Component } else { MatterClass::Event };
        let code = MatterCode { class, large, small };
        prop_assert_eq!(code.to_string().parse::<MatterCode>().unwrap(), code);
    }

    #[test]
    fn degrees_survive_the_integer_form(lat in -90.0f64..=90.0, lon in -180.0f64..=180.0) {
        let point = PointE7::from_degrees(lat, lon).unwrap();
        let (a, b) = point.degrees();
        prop_assert!((a - lat).abs() <= 0.51e-7 && (b - lon).abs() <= 0.51e-7);
    }

    #[test]
    fn a_number_of_an_unknown_row_is_passed_on_to_the_last_digit(number in any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite())) {
        let body = serde_json::json!({ "reading": number });
        let written = serde_json::to_vec(&body).unwrap();
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap(), body);
    }

    #[test]
    fn hostile_bytes_never_panic_a_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::read(&bytes);
        let _ = serde_json::from_slice::<Envelope>(&bytes);
        let _ = serde_json::from_slice::<PullAnswer>(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Invitation::from_text(&format!("xunge1:{text}"));
        let _ = text.parse::<PublicKey>();
    }

    #[test]
    fn trusted_time_is_never_after_the_arrival(wall: i64, offset: Option<i64>, m1 in 0i64..1 << 50, m2 in 0i64..1 << 50, same: bool) {
        let reading = |boot: &str, monotonic_ms| ClockReading { wall: Millis(wall), boot: boot.into(), monotonic_ms, offset_ms: offset };
        let (made, sent) = (reading("a", m1), reading(if same { "a" } else { "b" }, m2));
        let t = protocol::evidence::trusted_time(&made, &sent, T0);
        prop_assert!(t.at <= T0 && t.uncertainty_ms >= 0);
    }

    #[test]
    fn workdays_forward_and_back_meet(start in 0i64..2000, n in 1i32..200) {
        let calendar = protocol::calendar::Calendar::shipped().unwrap();
        let day = jiff::civil::date(2020, 6, 1).checked_add(jiff::Span::new().days(start)).unwrap();
        let there = calendar.add_workdays(day, n).at;
        let back = calendar.add_workdays(there, -n).at;
        prop_assert!(calendar.is_workday(there).at);
        prop_assert!(back <= day && calendar.add_workdays(back, n).at == there);
    }

    #[test]
    fn a_mark_knows_every_number(mut numbers in proptest::collection::btree_set(1u64..200, 0..100)) {
        let mark = StreamMark::of(numbers.iter().copied());
        let missing: Vec<u64> = mark.holes.iter().flat_map(|(a, b)| *a..=*b).collect();
        prop_assert!(missing.iter().all(|n| !numbers.contains(n)));
        numbers.extend(missing);
        prop_assert_eq!(numbers.len() as u64, mark.highest);
    }
}
