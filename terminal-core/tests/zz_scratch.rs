#![allow(clippy::unwrap_used)]
use protocol::{duty::*, feed::*, entry::*, ids::*, manifest::FileName, time::Millis};
use terminal_core::{store::{Store, testing}, terminal::Platform};
use uuid::Uuid;
mod work_support;
use work_support::*;
#[test]
fn scratch() {
    let home = std::path::PathBuf::from("/tmp/w/eye");
    let _ = std::fs::remove_dir_all(&home);
    enrol(&home.join("h"));
    for k in 1..5 { std::fs::write(home.join(format!("p{k}.jpg")), picture(k)).unwrap(); }
    std::fs::write(home.join("bad.jpg"), b"nope").unwrap();
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let platform = Platform::command_line(&home.join("h")).unwrap();
    let store = Store::open(&home.join("h"), platform.vault.database_key().unwrap()).unwrap();
    testing::file(&store, FileName::Grid, "220104.1", &two_cells()).unwrap();
    let t = |n: u128, p: Purpose, due| TaskRow { task: TaskId(Uuid::from_u128(n)), purpose: p.into(), wording: "有人反映桂林路 12 号门前积水，请到现场核实".into(), cell: "220104010102".parse().unwrap(), place: Some(in_the_west_cell().point), address: Some("桂林路 12 号".into()), due: Millis(due), compare: None, case: None, post: PostId(Uuid::from_u128(3)), holder: PersonId(Uuid::from_u128(4)), issued: Millis(now) };
    let rows = vec![
        row(Mailbox::Post, 1, kind::TASK, "a", t(0x0193_0000_0000_7000_8000_00ab_cdef_0111, Purpose::Verify, now + 8_050_000)),
        row(Mailbox::Post, 2, kind::TASK, "b", t(0x0193_0000_0000_7000_8000_00ab_cdef_0222, Purpose::Check, now - 400_000)),
        row(Mailbox::Post, 3, kind::POST, "p", PostRow { name: "桂林路街道第三网格".into(), number: "8803".into(), area: vec!["22010401".into()] }),
    ];
    testing::pull(&store, rows).unwrap();
}
#[test]
#[ignore]
fn receive() {
    let home = std::path::PathBuf::from("/tmp/w/eye/h");
    let platform = Platform::command_line(&home).unwrap();
    let store = Store::open(&home, platform.vault.database_key().unwrap()).unwrap();
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let got = testing::receive_all(&store, Millis(now), false).unwrap();
    let id = got[1];
    let body = DispositionRow { entry: id, record: store.item(id).unwrap().unwrap().record, disposition: Disposition::rejected(Reason::new("x.y", "照片看不清，请重拍", "The photo is blurred, take it again")), at: Millis(now) };
    testing::pull(&store, vec![row(Mailbox::Author, 1, kind::DISPOSITION, id, body)]).unwrap();
}
