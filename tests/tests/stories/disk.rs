//! A disk that is full, on either end: a clear code, and nothing is lost. The disks are small tmpfs mounts, so
//! these stories need to be root; where they may not mount they fail.

use crate::stage::{self, Hand, Stage, cases, entries, file, photos, row};
use e2e::{city::City, handset::Handset};
use protocol::ids::EntryId;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use terminal_core::{photos::PhotoSource, work::ItemState};

on_both_engines!(
    story_25_a_full_handset_says_so_and_keeps_what_it_has,
    story_25_a_full_server_leaves_everything_with_the_handset_until_there_is_room,
);

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    pub fn mount(at: PathBuf, kib: u32) -> Self {
        std::fs::create_dir_all(&at).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], &at);
        Self(at)
    }
    fn enlarge(&self, kib: u32) {
        mount(&["-o", &format!("remount,size={kib}k")], &self.0);
    }
    /// Takes all room but this much; gives the file to be removed.
    pub fn fill(&self, leave_kib: u64) -> PathBuf {
        use std::io::Write as _;
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0x55; 4096]).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(leave_kib * 1024)).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still holds a file there ends soon after.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) {
    let output = Command::new("mount")
        .args(options)
        .arg(at)
        .output()
        .expect("the program mount");
    assert!(
        output.status.success(),
        "this story needs a small disk of its own, so it must be run as root with the right to mount: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Everything the queue says, to be compared.
fn queue(handset: &mut Handset) -> Vec<(EntryId, ItemState, usize)> {
    let rows = handset.open().unwrap().queue().unwrap();
    rows.into_iter()
        .map(|row| (row.id, row.state, row.photos_named))
        .collect()
}

fn story_25_a_full_handset_says_so_and_keeps_what_it_has(stage: &Stage) {
    let city = stage.city();
    let invited = stage::invite(&city, "901");
    let disk = SmallDisk::mount(stage.path("handset-full"), 6 * 1024);
    let mut handset = stage.handset(&city, &invited, "full", None, None);
    let kept = file(&city, &mut handset, "之前的上报", &[stage.small_photo(901)]);
    let before = queue(&mut handset);
    let picture = stage.photo(902, 900, 700);

    // Room for a row, none for a photo.
    let filler = disk.fill(96);
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.text("磁盘将满");
    let error = draft
        .add_photo(PhotoSource::Path(&picture))
        .err()
        .expect("there is no room for the photo");
    assert_eq!(error.code(), "photo.disk_full");
    assert!(error.reason().zh.contains("空间"), "{:?}", error.reason());
    drop(draft);
    assert_eq!(queue(&mut handset), before);
    std::fs::remove_file(filler).unwrap();

    // No room at all, not even for a row.
    let filler = disk.fill(0);
    let (code, said) = stage::xunge_json(handset.home(), &["report", "--text", &"没有空间".repeat(4000)]);
    assert_eq!(
        (code, said["error"]["code"].as_str()),
        (1, Some("store.full")),
        "{said}"
    );
    assert!(
        said["error"]["zh"].as_str().unwrap().contains("存储空间不足"),
        "{said}"
    );
    assert_eq!(
        queue(&mut handset),
        before,
        "the queue can be read and is as it was"
    );
    handset.die();
    assert_eq!(queue(&mut handset), before, "also after a start on the full disk");

    std::fs::remove_file(filler).unwrap();
    assert_eq!(queue(&mut handset), before);
    let later = file(&city, &mut handset, "有空间了", &[picture]);
    assert!(handset.sync().unwrap().is_success());
    for id in [kept, later] {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    assert_eq!((cases(&city), entries(&city), photos(&city)), (2, 2, (2, 2)));
    drop(handset);
}

fn story_25_a_full_server_leaves_everything_with_the_handset_until_there_is_room(stage: &Stage) {
    let disk = SmallDisk::mount(stage.path("server"), 40 * 1024);
    let city: City = stage.city();
    let hand = Hand::now();
    let mut handset = stage.patroller_by(&city, "911", None, &hand);
    let filed: Vec<EntryId> = (0..12)
        .map(|k| {
            let text = format!("第{k}条 {}", "满".repeat(6000));
            file(&city, &mut handset, &text, &[stage.photo(910 + k, 640, 480)])
        })
        .collect();

    let filler = disk.fill(16);
    let report = handset.sync().unwrap();
    assert!(!report.is_success());
    assert!(report.photos_waiting > 0, "{report:?}");
    let problem = report.problem.as_ref().unwrap();
    // A commit of SQLite that met the full disk has an unknown outcome, which is told as busy.
    let is_told = problem.code == "server.full" || (problem.code == "server.busy" && !stage.is_postgres());
    assert!(is_told, "{problem:?}");
    if !stage.is_postgres() {
        assert_eq!(
            (report.entries_received, report.entries_waiting),
            (0, 12),
            "the database is on that disk"
        );
    }
    assert!(report.next_try.is_some());
    for id in &filed {
        let photo = &handset.open().unwrap().store().item(*id).unwrap().unwrap().photos[0];
        let bytes = handset.open().unwrap().photo_folder().read(photo.sha256).unwrap();
        assert_eq!(bytes.len() as u64, photo.size, "everything is still here");
        assert!(!matches!(row(&mut handset, *id).state, ItemState::Returned(_)));
    }
    // It still answers who asks, and says nothing untrue.
    assert_eq!(photos(&city).1, 0);

    // More room; the handset comes back when the server said.
    disk.enlarge(200 * 1024);
    std::fs::remove_file(filler).unwrap();
    hand.advance(10 * 60_000);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!((cases(&city), entries(&city), photos(&city)), (12, 12, (12, 12)));
    for id in filed {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    drop(city);
}
