//! A disk without free space (failure story 25): everything can be read, and a sync still sends. The disk is a small
//! tmpfs, so these tests need root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;
mod work_support;

use engine::World;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use terminal_core::{
    Error,
    photos::PhotoSource,
    platform::Platform,
    sync::Policy,
    terminal::Terminal,
    transport::CancelToken,
    work::{ItemState, QueueFilter},
};

/// A mounted tmpfs; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, kib: u32) -> Self {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={kib}k");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&at)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "this test mounts a small disk: {said}");
        Self(at)
    }
    /// Uses all free space.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[0x55; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

fn open(home: &Path, world: &World) -> Terminal {
    let mut platform = Platform::command_line(home).unwrap();
    platform.clock = Arc::clone(&world.clock) as _;
    Terminal::open(home, platform).unwrap()
}

/// An enrolled handset with a report and its photo, on a disk of its own.
fn handset() -> (World, tempfile::TempDir, SmallDisk) {
    let mut world = World::new(14);
    world.store = None;
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path().join("disk"), 4 * 1024);
    copy(&world.home(), &disk.0.join("home"));
    (world, folder, disk)
}

#[test]
fn use_a14_a_disk_without_space_lets_everything_be_read_after_a_start() {
    let (world, _folder, disk) = handset();
    let home = disk.0.join("home");
    let terminal = open(&home, &world);
    let mut draft = terminal.new_report().unwrap();
    draft.text("磁盘已满");
    draft
        .add_photo(PhotoSource::Bytes(&work_support::picture(1)))
        .unwrap();
    let filed = draft.submit().unwrap().item;
    drop((draft, terminal));

    // The reserve is gone too: another app has used it up.
    fs::remove_file(home.join("reserve")).unwrap();
    let filler = disk.fill();
    for _ in 0..2 {
        let terminal = open(&home, &world);
        let queue = terminal.queue().unwrap();
        assert_eq!(
            (queue.len(), queue[0].id, &queue[0].state),
            (1, filed, &ItemState::Queued)
        );
        assert!(terminal.tasks().unwrap().is_empty());
        assert_eq!(terminal.status().unwrap().items_waiting, 1);
        assert_eq!(
            terminal.queue_page(QueueFilter::Unsent, None, 9).unwrap().len(),
            1
        );
        assert!(terminal.grid().unwrap().is_none());
        assert!(terminal.data_use().unwrap().used.is_empty());
        // Two processes, and several threads of one, read at the same time.
        let beside = open(&home, &world);
        std::thread::scope(|threads| {
            for reads in [&terminal, &beside, &terminal, &beside] {
                threads.spawn(move || assert_eq!(reads.queue().unwrap().len(), 1));
            }
        });
        // What cannot be stored says so, and is not half there.
        let full = terminal
            .new_report()
            .unwrap()
            .text("没有空间".repeat(9000))
            .submit();
        assert!(matches!(full, Err(Error::Full)), "{full:?}");
        assert_eq!(beside.queue().unwrap().len(), 1);
    }
    fs::remove_file(filler).unwrap();
    let terminal = open(&home, &world);
    terminal.new_report().unwrap().text("有空间了").submit().unwrap();
    assert_eq!(terminal.queue().unwrap().len(), 2);
}

#[test]
fn use_a14_a_sync_on_a_disk_without_space_uses_the_reserve_and_takes_it_again() {
    let (world, _folder, disk) = handset();
    let home = disk.0.join("home");
    let reserve = home.join("reserve");
    let terminal = open(&home, &world);
    assert!(reserve.exists());
    for k in 0..5 {
        let mut draft = terminal.new_report().unwrap();
        draft.text(format!("第 {k} 条"));
        draft
            .add_photo(PhotoSource::Bytes(&work_support::picture(k)))
            .unwrap();
        draft.submit().unwrap();
    }
    drop(terminal);

    let filler = disk.fill();
    let terminal = open(&home, &world);
    let sync = || {
        terminal.sync_over(
            &world.network,
            Policy::MANUAL,
            &CancelToken::default(),
            &mut |_| {},
        )
    };
    let report = sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    let queue = terminal.queue().unwrap();
    assert_eq!(queue.len(), 5);
    for row in queue {
        assert_eq!((&row.state, row.photos_sent), (&ItemState::Received, 1));
    }
    assert!(!reserve.exists(), "the disk is still full");

    fs::remove_file(filler).unwrap();
    sync().unwrap();
    assert!(reserve.exists());
}

#[test]
fn use_a14_delivered_items_leave_a_full_disk_after_three_days() {
    let (world, _folder, disk) = handset();
    let home = disk.0.join("home");
    let terminal = open(&home, &world);
    let sync = || {
        terminal
            .sync_over(
                &world.network,
                Policy::MANUAL,
                &CancelToken::default(),
                &mut |_| {},
            )
            .unwrap()
    };
    terminal.new_report().unwrap().text("三天前").submit().unwrap();
    sync();
    world.clock.advance(4 * 86_400_000);
    sync();
    assert_eq!(terminal.queue().unwrap().len(), 1, "there is space");
    fs::remove_file(home.join("reserve")).unwrap();
    let filler = disk.fill();
    // A log of a few pages fits.
    fs::OpenOptions::new()
        .write(true)
        .open(&filler)
        .unwrap()
        .set_len(3 * 1024 * 1024)
        .unwrap();
    sync();
    assert!(terminal.queue().unwrap().is_empty());
}

#[test]
fn field_e_an_export_that_fills_the_disk_leaves_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path().join("disk"), 4 * 1024);
    let home = disk.0.join("home");
    work_support::enrol(&home);
    let terminal = work_support::open(&home, &work_support::Hand::new());
    for k in 0..8 {
        let mut draft = terminal.new_report().unwrap();
        draft
            .add_photo(PhotoSource::Bytes(&work_support::picture(k)))
            .unwrap();
        draft.submit().unwrap();
    }
    let filler = disk.fill();
    let size = fs::metadata(&filler).unwrap().len();
    // Room for a part of the export.
    fs::OpenOptions::new()
        .write(true)
        .open(&filler)
        .unwrap()
        .set_len(size - 128 * 1024)
        .unwrap();
    let target = disk.0.join("parcel");
    let error = terminal.export_parcels(&target).unwrap_err();
    assert_eq!(error.code(), "store.full");
    let names: Vec<_> = fs::read_dir(&disk.0)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with("parcel")),
        "{names:?}"
    );
    fs::remove_file(filler).unwrap();
    assert_eq!(terminal.export_parcels(&target).unwrap().photos, 8);
}
