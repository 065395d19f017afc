//! Tests: fetched grids, old homes, altered files, and a crash between any two steps.

use super::*;
use crate::{
    platform::{
        disk::{Disk, DiskFile, DiskLock},
        home::GRID_PART,
        system_disk::SystemDisk,
    },
    store::database::CommitFault,
};
use protocol::{
    manifest::{Manifest, ManifestFile},
    time::Millis,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

const KEY: [u8; 32] = [3; 32];

fn content(seed: u8) -> Vec<u8> {
    (0..200_000_u32).map(|k| k.to_le_bytes()[0] ^ seed).collect()
}

fn publish(store: &HandsetStore, version: &str, bytes: &[u8]) {
    let file = ManifestFile {
        name: FileName::Grid.into(),
        version: version.into(),
        sha256: Sha256::of(bytes),
        size: bytes.len() as u64,
    };
    store
        .save_manifest(&Manifest {
            v: 1,
            issued: Millis(0),
            files: vec![file],
            app: None,
            contact: None,
            asked: None,
        })
        .unwrap();
}

/// Fetches what is wanted, in two parts.
fn fetch(store: &HandsetStore, bytes: &[u8]) -> Result<()> {
    let Some(wanted) = store.wanted_files()?.pop() else {
        return Ok(());
    };
    let have = usize::try_from(wanted.have).unwrap();
    let half = bytes.len() / 2;
    if have < half {
        store.add_file_part(&wanted.file, wanted.have, &bytes[have..half])?;
    }
    let have = have.max(half);
    store.add_file_part(&wanted.file, have as u64, &bytes[have..])?;
    Ok(())
}

fn grid_files(home: &Path) -> Vec<String> {
    let mut names = SystemDisk.names(home).unwrap();
    names.retain(|name| is_grid_file(name));
    names
}

fn count(store: &HandsetStore, table: &str) -> i64 {
    store
        .read(|c| Ok(c.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?))
        .unwrap()
}

/// Puts the pack where versions before the file kept it.
fn as_an_old_home(store: &HandsetStore, bytes: &[u8]) {
    publish(store, "220104.1", bytes);
    store
        .write(|tx| {
            run(
                tx,
                "INSERT INTO blob (sha256, bytes) VALUES (?1, ?2)",
                params![Sha256::of(bytes).to_string(), bytes],
            )?;
            run(
                tx,
                "INSERT INTO file (name, version, sha256, size)
                 SELECT name, version, sha256, size FROM wanted_file",
                [],
            )?;
            run(tx, "DELETE FROM wanted_file", [])
        })
        .unwrap();
}

#[test]
fn w11_the_grid_is_one_file_beside_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    for (version, bytes) in [("220104.1", content(1)), ("220104.2", content(2))] {
        publish(&store, version, &bytes);
        fetch(&store, &bytes).unwrap();
        let (file, here) = store.file(FileName::Grid).unwrap().unwrap();
        assert_eq!((file.version.as_str(), here == bytes), (version, true));
        assert_eq!(grid_files(dir.path()), [grid_file_name(Sha256::of(&bytes))]);
        assert_eq!((count(&store, "blob"), count(&store, "blob_part")), (0, 0));
        let used = store.storage_use().unwrap();
        assert_eq!((used.grid, used.reference), (bytes.len() as u64, 0));
    }
    // The same content under another version is not fetched again.
    publish(&store, "220104.3", &content(2));
    assert!(store.wanted_files().unwrap().is_empty());
    let (file, _) = store.file(FileName::Grid).unwrap().unwrap();
    assert_eq!(file.version, "220104.3");
}

#[test]
fn w11_a_torn_altered_or_missing_grid_file_is_fetched_again() {
    let good = content(1);
    let mut flipped = good.clone();
    flipped[77_777] ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    let altered: [Option<&[u8]>; 6] = [
        Some(&flipped),
        Some(&good[..good.len() / 2]),
        Some(&longer),
        Some(b""),
        Some(&content(2)),
        None,
    ];
    for (case, bytes) in altered.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let store = HandsetStore::open(dir.path(), KEY).unwrap();
        publish(&store, "220104.1", &good);
        fetch(&store, &good).unwrap();
        let path = dir.path().join(grid_file_name(Sha256::of(&good)));
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        assert_eq!(store.file(FileName::Grid).unwrap(), None, "case {case}");
        assert!(store.files().unwrap().is_empty(), "case {case}");
        assert!(grid_files(dir.path()).is_empty(), "case {case}");
        let wanted = store.next_file(Millis(0), true).unwrap().unwrap();
        assert_eq!(
            (wanted.file.sha256, wanted.have),
            (Sha256::of(&good), 0),
            "case {case}"
        );
        // The same manifest again changes nothing.
        publish(&store, "220104.1", &good);
        fetch(&store, &good).unwrap();
        assert_eq!(
            store.file(FileName::Grid).unwrap().unwrap().1,
            good,
            "case {case}"
        );
    }
}

#[test]
fn w11_a_lost_grid_does_not_replace_a_newer_one_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    publish(&store, "220104.1", &content(1));
    fetch(&store, &content(1)).unwrap();
    publish(&store, "220104.2", &content(2));
    std::fs::remove_file(dir.path().join(grid_file_name(Sha256::of(&content(1))))).unwrap();
    assert_eq!(store.file(FileName::Grid).unwrap(), None);
    let wanted = store.wanted_files().unwrap();
    assert_eq!((wanted.len(), wanted[0].file.version.as_str()), (1, "220104.2"));
}

#[test]
fn w11_an_old_homes_pack_moves_from_the_database_to_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    let pack = content(1);
    as_an_old_home(&store, &pack);
    assert_eq!(store.file(FileName::Grid).unwrap().unwrap().1, pack);
    for _ in 0..2 {
        store.settle_grid().unwrap();
        assert_eq!(store.file(FileName::Grid).unwrap().unwrap().1, pack);
        assert_eq!(count(&store, "blob"), 0);
        assert_eq!(grid_files(dir.path()).len(), 1);
    }
    // A torn file from an interrupted move does not cost the pack.
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    as_an_old_home(&store, &pack);
    let path = dir.path().join(grid_file_name(Sha256::of(&pack)));
    std::fs::write(&path, &pack[..1000]).unwrap();
    std::fs::write(dir.path().join(GRID_PART), b"torn").unwrap();
    store.settle_grid().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), pack);
    assert_eq!(grid_files(dir.path()).len(), 1);
    assert_eq!(store.file(FileName::Grid).unwrap().unwrap().1, pack);
}

#[test]
fn w11_a_database_that_replaced_a_damaged_one_takes_the_file_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    publish(&store, "220104.1", &content(1));
    fetch(&store, &content(1)).unwrap();
    drop(store);
    std::fs::remove_file(dir.path().join("account.db")).unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    store.settle_grid().unwrap();
    assert_eq!(store.file(FileName::Grid).unwrap(), None);
    publish(&store, "220104.1", &content(1));
    assert!(store.wanted_files().unwrap().is_empty());
    assert_eq!(store.file(FileName::Grid).unwrap().unwrap().1, content(1));
}

/// A disk that stops after a number of operations: the operation after the last one is done by half, and nothing works
/// any more.
struct StoppingDisk {
    state: Mutex<Stopping>,
}

#[derive(Default)]
struct Stopping {
    left: usize,
    /// Renames whose folder was not synced since.
    renamed: Vec<(PathBuf, PathBuf)>,
}

impl StoppingDisk {
    fn new() -> Arc<Self> {
        let state = Mutex::new(Stopping {
            left: usize::MAX,
            ..Stopping::default()
        });
        Arc::new(Self { state })
    }
    fn stop_after(&self, operations: usize) {
        self.state.lock().unwrap().left = operations;
    }
    /// Cuts the power: names that were not synced are as before.
    fn cut(&self) {
        for (from, to) in self.state.lock().unwrap().renamed.drain(..).rev() {
            std::fs::rename(to, from).unwrap();
        }
    }
    fn step(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        match state.left.checked_sub(1) {
            Some(left) => {
                state.left = left;
                Ok(())
            }
            None => Err(io::Error::other("stopped")),
        }
    }
}

impl Disk for StoppingDisk {
    fn exists(&self, path: &Path) -> bool {
        SystemDisk.exists(path)
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        SystemDisk.create_dir_all(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        SystemDisk.open(path)
    }
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.step() {
            SystemDisk.create_synced(path, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        SystemDisk.create_synced(path, bytes)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.rename(from, to)?;
        let pair = (from.to_owned(), to.to_owned());
        self.state.lock().unwrap().renamed.push(pair);
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.remove(path)
    }
    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        SystemDisk.names(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.sync_folder(folder)?;
        self.state.lock().unwrap().renamed.clear();
        Ok(())
    }
    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        SystemDisk.lock(path)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        SystemDisk.try_lock(path)
    }
}

/// What happens after the disk has stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Killed,
    PowerCut,
    CommitLost,
    CommitUnknown,
}

/// Runs `work` on a home that `prepare` made, stopping after each number of operations, until none is left.
fn stop_everywhere(
    prepare: &dyn Fn(&HandsetStore),
    work: &dyn Fn(&HandsetStore) -> Result<()>,
    check: &dyn Fn(&str, &HandsetStore, &Path),
) {
    for end in [End::Killed, End::PowerCut, End::CommitLost, End::CommitUnknown] {
        for operations in 0..32 {
            let dir = tempfile::tempdir().unwrap();
            let disk = StoppingDisk::new();
            let store = HandsetStore::open_on(Arc::<StoppingDisk>::clone(&disk), dir.path(), KEY).unwrap();
            prepare(&store);
            disk.stop_after(operations);
            match end {
                End::Killed | End::PowerCut => {}
                End::CommitLost => store.fail_next_commit(CommitFault::BeforeCommit),
                End::CommitUnknown => store.fail_next_commit(CommitFault::AfterCommit),
            }
            let done = work(&store);
            drop(store);
            if end == End::PowerCut {
                disk.cut();
            }
            let case = format!("{end:?} after {operations} operations");
            check(&case, &HandsetStore::open(dir.path(), KEY).unwrap(), dir.path());
            let is_left = disk.state.lock().unwrap().left > 0;
            if is_left && (done.is_ok() || matches!(end, End::CommitLost | End::CommitUnknown)) {
                assert!(operations > 2, "the work has several steps");
                break;
            }
            assert!(operations < 31, "the work ends");
        }
    }
}

#[test]
fn w11_a_crash_between_any_two_steps_of_a_fetch_leaves_the_old_grid_or_the_new_one() {
    let (old, new) = (content(1), content(2));
    stop_everywhere(
        &|store| {
            publish(store, "220104.1", &old);
            fetch(store, &old).unwrap();
            publish(store, "220104.2", &new);
            let wanted = store.wanted_files().unwrap().pop().unwrap();
            store.add_file_part(&wanted.file, 0, &new[..100_000]).unwrap();
        },
        &|store| fetch(store, &new),
        &|case, store, home| {
            let (file, bytes) = store.file(FileName::Grid).unwrap().expect(case);
            let expected = if file.version == "220104.1" { &old } else { &new };
            assert_eq!(&bytes, expected, "{case}");
            // The next start and the next sync finish it.
            store.settle_grid().unwrap();
            fetch(store, &new).unwrap();
            let (file, bytes) = store.file(FileName::Grid).unwrap().expect(case);
            assert_eq!(
                (file.version.as_str(), bytes == new),
                ("220104.2", true),
                "{case}"
            );
            store.settle_grid().unwrap();
            assert_eq!(grid_files(home), [grid_file_name(Sha256::of(&new))], "{case}");
        },
    );
}

#[test]
fn w11_a_crash_between_any_two_steps_of_the_upgrade_keeps_the_pack() {
    let pack = content(1);
    stop_everywhere(
        &|store| {
            as_an_old_home(store, &pack);
            // Left by an earlier try, so that there is something to remove.
            std::fs::write(store.home().join(GRID_PART), b"torn").unwrap();
        },
        &HandsetStore::settle_grid,
        &|case, store, home| {
            assert_eq!(store.file(FileName::Grid).unwrap().expect(case).1, pack, "{case}");
            store.settle_grid().unwrap();
            assert_eq!(store.file(FileName::Grid).unwrap().expect(case).1, pack, "{case}");
            assert_eq!(count(store, "blob"), 0, "{case}");
            assert_eq!(grid_files(home), [grid_file_name(Sha256::of(&pack))], "{case}");
        },
    );
}

#[test]
fn use_a08_a_second_user_of_the_phone_does_not_fetch_the_grid_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = HandsetStore::open(dir.path(), KEY).unwrap();
    let good = content(1);
    publish(&first, "220104.1", &good);
    assert!(!first.take_grid_of_phone().unwrap(), "nobody has it yet");
    fetch(&first, &good).unwrap();
    let home = dir.path().join("users").join("2");
    std::fs::create_dir_all(&home).unwrap();
    let second = HandsetStore::open(&home, [4; 32]).unwrap();
    assert!(!second.take_grid_of_phone().unwrap(), "nothing is wanted yet");
    publish(&second, "220104.1", &good);
    assert!(second.take_grid_of_phone().unwrap());
    assert_eq!(second.file(FileName::Grid).unwrap().unwrap().1, good);
    assert!(second.next_file(Millis(0), false).unwrap().is_none());
    // Begun as a download, ended as a copy; and an altered file of the other user is no grid.
    let newer = content(2);
    publish(&second, "220104.2", &newer);
    let wanted = second.next_file(Millis(0), false).unwrap().unwrap();
    second.add_file_part(&wanted.file, 0, &newer[..70_000]).unwrap();
    publish(&first, "220104.2", &newer);
    fetch(&first, &newer).unwrap();
    let path = dir.path().join(grid_file_name(Sha256::of(&newer)));
    std::fs::write(&path, content(9)).unwrap();
    assert!(!second.take_grid_of_phone().unwrap());
    assert_eq!(second.file(FileName::Grid).unwrap().unwrap().1, good);
    std::fs::write(&path, &newer).unwrap();
    assert!(second.take_grid_of_phone().unwrap());
    assert_eq!(second.file(FileName::Grid).unwrap().unwrap().1, newer);
}
