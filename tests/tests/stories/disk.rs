//! A full disk on either end: a clear error code, and nothing is lost. The disks are small tmpfs mounts, so
//! these stories need root; without the right to mount they fail.

use crate::stage::{self, ManualClock, StoryStage, cases, entries, file, photos, row};
use e2e::{city::City, handset::Handset};
use protocol::ids::EntryId;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use terminal_core::{photos::PhotoSource, work::ItemState};

on_both_engines!(
    story_25_full_handset_disk_is_reported_and_keeps_existing_items,
    story_25_full_server_disk_leaves_items_on_the_handset_until_space_is_free,
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
    /// Uses all free space except this much; returns the file to delete.
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
        // Lazily, because a process that still has a file open there ends soon after.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) {
    let output = Command::new("mount")
        .args(options)
        .arg(at)
        .output()
        .expect("the program mount must be installed");
    assert!(
        output.status.success(),
        "this story mounts a small disk, so it must run as root with the right to mount: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The content of the queue, for comparison.
fn queue(handset: &mut Handset) -> Vec<(EntryId, ItemState, usize)> {
    let rows = handset.open().unwrap().queue().unwrap();
    rows.into_iter()
        .map(|row| (row.id, row.state, row.photos_named))
        .collect()
}

fn story_25_full_handset_disk_is_reported_and_keeps_existing_items(stage: &StoryStage) {
    let city = stage.city();
    let invited = stage::invite(&city, "901");
    let disk = SmallDisk::mount(stage.path("handset-full"), 6 * 1024);
    let mut handset = stage.handset(&city, &invited, "full", None, None);
    let kept = file(&city, &mut handset, "之前的上报", &[stage.small_photo(901)]);
    let before = queue(&mut handset);
    let picture = stage.photo(902, 900, 700);

    // Free space for a row, but not for a photo.
    let filler = disk.fill(96);
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.text("磁盘将满");
    let error = draft
        .add_photo(PhotoSource::Path(&picture))
        .err()
        .expect("the photo must not fit");
    assert_eq!(error.code(), "photo.disk_full");
    assert!(error.reason().zh.contains("空间"), "{:?}", error.reason());
    drop(draft);
    assert_eq!(queue(&mut handset), before);
    std::fs::remove_file(filler).unwrap();

    // No free space, not even for a row.
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
        "the queue must be readable and unchanged"
    );
    handset.kill();
    assert_eq!(
        queue(&mut handset),
        before,
        "the queue must be unchanged after a start on the full disk"
    );

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

fn story_25_full_server_disk_leaves_items_on_the_handset_until_space_is_free(stage: &StoryStage) {
    let disk = SmallDisk::mount(stage.path("server"), 40 * 1024);
    let city: City = stage.city();
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "911", None, &clock);
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
    // SQLite: a COMMIT on a full disk may have an unknown outcome, which is reported as busy.
    let is_told = problem.code == "server.full" || (problem.code == "server.busy" && !stage.is_postgres());
    assert!(is_told, "{problem:?}");
    if !stage.is_postgres() {
        assert_eq!(
            (report.entries_received, report.entries_waiting),
            (0, 12),
            "the database must be on that disk"
        );
    }
    assert!(report.next_try.is_some());
    for id in &filed {
        let photo = &handset.open().unwrap().store().item(*id).unwrap().unwrap().photos[0];
        let bytes = handset.open().unwrap().photo_folder().read(photo.sha256).unwrap();
        assert_eq!(
            bytes.len() as u64,
            photo.size,
            "every photo must still be on the handset"
        );
        assert!(!matches!(row(&mut handset, *id).state, ItemState::Returned(_)));
    }
    // The server still answers, and its answers are true.
    assert_eq!(photos(&city).1, 0);

    // More space; the handset syncs again at the time that the server asked for.
    disk.enlarge(200 * 1024);
    std::fs::remove_file(filler).unwrap();
    clock.advance(10 * 60_000);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!((cases(&city), entries(&city), photos(&city)), (12, 12, (12, 12)));
    for id in filed {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    drop(city);
}
