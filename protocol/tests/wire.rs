//! Every wire type has a snapshot, because handsets keep and send today's JSON for years: a change here must be
//! deliberate.
//!
//! Over 500 lines: one example of every wire type, side by side.
#![allow(clippy::unwrap_used)]

use protocol::{
    boot_time::Exchange,
    case::{CaseState, Guard},
    codes::CellCode,
    duty::{Answer, Purpose, TaskRow, TaskState},
    entry::{Disposition, Entry, Reason, Receipt, receipt_number},
    evidence::{ClockReading, Evidence, Position},
    feed::{
        ActivityRow, ActivityState, CaseRow, DispositionRow, FeedRow, Mailbox, PostRow, PresenceRow,
        PullAnswer, UnsettledRow,
    },
    field::*,
    geo::PointE7,
    ids::*,
    manifest::{Catalogue, CatalogueItem, Manifest, ManifestFile, SignedManifest},
    parcel::{Contents, Head, MissingPhoto, ParcelAnswer, SealedDraft, SealedFor, SealedPhoto},
    payload::*,
    photo::{PhotoEvidence, PhotoOrigin, PhotoPlace, PhotoRef, PhotoRole, Sha256},
    problem::{HandsetCode, Problem, ProblemCode, ReasonCode},
    push::{Envelope, PushAnswer, RefusedEntry, StreamMark},
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
        monotonic_ms: None,
    }
}
fn photo(n: u8) -> PhotoRef {
    PhotoRef {
        sha256: Sha256([n; 32]),
        size: 291_034,
        role: PhotoRole::Scene,
        width: 1600,
        height: 1200,
        evidence: None,
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

/// Compares the JSON with its snapshot, and checks that the JSON parses back to the same value.
fn assert_frozen<T: Serialize + DeserializeOwned>(name: &str, value: &T) {
    let json = serde_json::to_string_pretty(value).unwrap();
    let back: T = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string_pretty(&back).unwrap(), json, "{name}");
    insta::assert_snapshot!(name, json);
}

#[test]
fn field_03_a_fix_says_when_it_was_measured() {
    let fix = Position {
        monotonic_ms: Some(86_399_000),
        ..position()
    };
    assert_eq!(fix.age_at(86_400_000), Some(1_000));
    assert_eq!(
        (fix.age_at(86_398_999), position().age_at(86_400_000)),
        (None, None)
    );
    assert_frozen("position_with_its_own_time", &fix);
}

#[test]
fn field_01_evidence_of_an_original_is_frozen() {
    let evidence = PhotoEvidence {
        origin: PhotoOrigin::Library.into(),
        original: Sha256([9; 32]),
        taken_at: Some("2025:03:02 14:20:00".into()),
        place: Some(PhotoPlace {
            point: PointE7 {
                lat: 312_304_000,
                lon: 1_214_737_000,
            },
            datum: Some("WGS-84".into()),
        }),
    };
    let named = PhotoRef {
        evidence: Some(evidence),
        ..photo(1)
    };
    assert_frozen("photo_with_evidence", &named);
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
            cell_chosen: false,
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
        assert_frozen(&format!("entry_{}", payload.kind()), &entry);
        let bytes = entry.to_bytes().unwrap();
        assert_eq!(Entry::read(&bytes).unwrap().1, Some(payload));
    }
}

#[test]
fn a_report_whose_cell_the_worker_chose_is_frozen() {
    let payload = Payload::Report(Report {
        matter: None,
        text: "井盖丢失".into(),
        place: None,
        cell: Some(cell()),
        cell_chosen: true,
        address: String::new(),
        self_handled: false,
        photos: Vec::new(),
    });
    assert_frozen("entry_report_cell_chosen", &entry(&payload));
}

#[test]
fn the_catalogue_is_frozen() {
    assert_frozen(
        "catalogue",
        &Catalogue {
            version: "cjt214.2".into(),
            items: vec![CatalogueItem {
                code: "C0606".parse().unwrap(),
                zh: "重井".into(),
                en: "example".into(),
                verified: true,
                pinyin: "zhong/chong jing".into(),
            }],
        },
    );
}

#[test]
fn push_and_its_answer_are_frozen() {
    let raw = serde_json::value::to_raw_value(&entry(&Payload::Void)).unwrap();
    assert_frozen(
        "envelope",
        &Envelope {
            v: 1,
            stream: StreamId(id(1)),
            clock: clock(),
            exchange: None,
            entries: vec![raw],
        },
    );
    assert_frozen(
        "exchange",
        &Exchange {
            server_time: T0,
            sent_ms: 90_000,
            got_ms: 90_050,
        },
    );
    assert_frozen(
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
            refused: vec![RefusedEntry {
                index: 1,
                id: None,
                code: ProblemCode::EntryUnframed.into(),
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
    assert_frozen(
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
        ReasonCode::TaskLate,
        "案卷已结案，转人工核对",
        "the case was closed meanwhile",
    );
    assert_frozen(
        "row_disposition",
        &DispositionRow {
            entry: EntryId(id(1)),
            record: RecordId(id(2)),
            disposition: Disposition::review(reason),
            at: T0,
        },
    );
    let rejected = Disposition::rejected(Reason::new(
        ReasonCode::ActivityRecordTaken,
        "这条记录已提交，请以修改方式提交",
        "the record exists, mend it instead",
    ));
    assert_frozen(
        "row_unsettled",
        &UnsettledRow {
            entry: EntryId(id(1)),
            record: RecordId(id(2)),
            kind: EntryKind::Activity.into(),
            made: T0,
            disposition: rejected.clone(),
            at: T0,
            content: Some(serde_json::json!({ "id": id(1), "kind": "activity" })),
        },
    );
    assert_frozen(
        "row_unsettled_without_content",
        &UnsettledRow {
            entry: EntryId(id(1)),
            record: RecordId(id(2)),
            kind: EntryKind::Activity.into(),
            made: T0,
            disposition: rejected,
            at: T0,
            content: None,
        },
    );
    assert_frozen(
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
            holder_name: None,
            issued: T0,
        },
    );
    assert_frozen(
        "row_case",
        &CaseRow {
            case: CaseId(id(1)),
            record: RecordId(id(2)),
            number: receipt_number(EntryId(id(3))),
            state: CaseState::Handling.into(),
            photos_held: 1,
            photos_named: 3,
            at: T0,
            made: None,
            matter: None,
            cell: None,
            address: None,
            text: None,
            withdrawn: false,
            reason: None,
        },
    );
    assert_frozen(
        "row_case_history",
        &CaseRow {
            case: CaseId(id(1)),
            record: RecordId(id(2)),
            number: receipt_number(EntryId(id(3))),
            state: CaseState::Closed.into(),
            photos_held: 3,
            photos_named: 3,
            at: T0.plus(86_400_000),
            made: Some(T0),
            matter: Some("E0102".parse().unwrap()),
            cell: Some(cell()),
            address: Some("同志街 88 号门前".into()),
            text: Some("纸箱堆在盲道上".into()),
            withdrawn: true,
            reason: None,
        },
    );
    assert_frozen(
        "row_activity",
        &ActivityRow {
            record: RecordId(id(1)),
            entry: EntryId(id(2)),
            version: 2,
            title: "社区太极拳".into(),
            state: ActivityState::Returned.into(),
            reason: Some("照片看不清，请补拍".into()),
            at: T0,
            made: None,
            starts: None,
            ends: None,
            category: None,
            participants: None,
            place: None,
        },
    );
    assert_frozen(
        "row_activity_history",
        &ActivityRow {
            record: RecordId(id(1)),
            entry: EntryId(id(2)),
            version: 1,
            title: "社区太极拳".into(),
            state: ActivityState::Approved.into(),
            reason: None,
            at: T0.plus(86_400_000),
            made: Some(T0),
            starts: Some(T0.plus(-7_200_000)),
            ends: Some(T0.plus(-3_600_000)),
            category: Some("fitness".into()),
            participants: Some(60),
            place: Some("文化广场".into()),
        },
    );
    assert_frozen(
        "row_post",
        &PostRow {
            name: "桂林路一岗".into(),
            number: "20104-011".into(),
            area: vec!["2201040503".into()],
        },
    );
    assert_frozen(
        "row_presence",
        &PresenceRow {
            person: PersonId(id(1)),
            present: true,
            since: T0,
        },
    );
    assert_frozen(
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
    assert_frozen(
        "invitation",
        &Invitation {
            v: 1,
            server: "https://127.0.0.1:8443".into(),
            code: "K7PQ-2M4X".into(),
            pins: vec![Sha256([1; 32]), Sha256([2; 32])],
            parcel_key: "x25519:AAAA".into(),
            contact: None,
        },
    );
    let device = Device {
        model: "M1".into(),
        os: "Android 11".into(),
        app: "0.1.0".into(),
    };
    assert_frozen(
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
    assert_frozen(
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
    assert_frozen(
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
    assert_frozen(
        "challenge_request",
        &ChallengeRequest {
            stream: StreamId(id(1)),
        },
    );
    assert_frozen(
        "challenge_answer",
        &ChallengeAnswer {
            epoch: "e1".into(),
            server_time: T0,
            challenge: "c".into(),
        },
    );
    assert_frozen(
        "token_request",
        &TokenRequest {
            stream: StreamId(id(1)),
            challenge: "c".into(),
            signature: signature(),
            clock: clock(),
            certificate: Some(certificate),
        },
    );
    assert_frozen(
        "token_answer",
        &TokenAnswer {
            pins: vec![Sha256([1; 32])],
            server_keys: vec![key()],
            epoch: "e1".into(),
            server_time: T0,
            token: "t".into(),
            expires_in_s: 3600,
            mark: StreamMark::default(),
        },
    );
    assert_frozen(
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
    assert_frozen(
        "manifest",
        &Manifest {
            v: 1,
            issued: T0,
            files: vec![file.clone()],
            app: None,
            contact: None,
            asked: None,
        },
    );
    let mut both = vec![file.clone()];
    both.push(ManifestFile {
        name: protocol::manifest::FileName::GridSecond.into(),
        sha256: Sha256([4; 32]),
        size: 280_000,
        ..file.clone()
    });
    assert_frozen(
        "manifest_with_both_packs",
        &Manifest {
            v: 1,
            issued: T0,
            files: both,
            app: None,
            contact: None,
            asked: None,
        },
    );
    assert_frozen(
        "manifest_with_app",
        &Manifest {
            v: 1,
            issued: T0,
            files: vec![file],
            app: Some(protocol::manifest::AppRelease {
                version: "1.4.0".into(),
                build: 14,
                sha256: Sha256([2; 32]),
                size: 12_000_000,
                signer: Sha256([3; 32]),
                oldest: 11,
            }),
            contact: None,
            asked: None,
        },
    );
    assert_frozen(
        "manifest_with_contact",
        &Manifest {
            v: 1,
            issued: T0,
            files: vec![],
            app: None,
            contact: Some(Contact {
                name: "信息中心".into(),
                phone: "010-6500 0000".into(),
            }),
            asked: None,
        },
    );
    assert_frozen(
        "manifest_with_asked_evidence",
        &Manifest {
            v: 1,
            issued: T0,
            files: vec![],
            app: None,
            contact: None,
            asked: Some(protocol::manifest::AskedEvidence::default()),
        },
    );
    assert_frozen(
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
    assert_frozen("problem", &problem);
}

#[test]
fn parcels_and_their_answer_are_frozen() {
    assert_frozen(
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
    assert_frozen(
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
                code: HandsetCode::PhotoFileMissing.into(),
            }],
        },
    );
    assert_frozen(
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

/// The words of a case are frozen by `docs/cases.md`, which lists them.
#[test]
fn the_texts_of_all_enums_and_codes_are_frozen() {
    fn texts<T: std::fmt::Display>(all: &[T]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
    let problems: Vec<String> = ProblemCode::ALL
        .iter()
        .map(|c| format!("{} {} {:?}", c.as_str(), c.status(), c.recovery()))
        .collect();
    insta::assert_snapshot!(
        "texts",
        [
            texts(Role::ALL),
            texts(EntryKind::ALL),
            texts(Purpose::ALL),
            texts(Answer::ALL),
            texts(TaskState::ALL),
            texts(ActivityState::ALL),
            texts(Mailbox::ALL),
        ]
        .join("\n")
    );
    insta::assert_snapshot!("problem_codes", problems.join("\n"));
}

protocol::text_enum_values! {
    /// The file names of the handsets that were issued before the pack of format 2.
    pub enum OldFileName {
        Grid = "grid",
        Catalogue = "catalogue",
        Calendar = "calendar",
    }
}

#[test]
fn pack_2_an_older_handset_reads_a_manifest_with_both_packs_and_sees_the_old_one() {
    #[derive(serde::Deserialize)]
    struct OldFile {
        name: protocol::open::Open<OldFileName>,
        sha256: Sha256,
    }
    #[derive(serde::Deserialize)]
    struct OldManifest {
        files: Vec<OldFile>,
    }
    let snapshot = include_str!("snapshots/wire__manifest_with_both_packs.snap");
    let (_, json) = snapshot.rsplit_once("---\n").unwrap();
    let old: OldManifest = serde_json::from_str(json).unwrap();
    let known = old
        .files
        .iter()
        .filter_map(|file| Some((*file.name.known()?, file.sha256)));
    assert_eq!(known.collect::<Vec<_>>(), [(OldFileName::Grid, Sha256([1; 32]))]);
    assert_eq!(old.files.len(), 2);
    // The manifest of an older server reads as ever.
    let older = include_str!("snapshots/wire__manifest.snap");
    let (_, json) = older.rsplit_once("---\n").unwrap();
    let older: Manifest = serde_json::from_str(json).unwrap();
    assert_eq!(older.files[0].name, protocol::manifest::FileName::Grid.into());
}
