//! Tests: which of two packs of one grid is fetched, and that nothing is fetched twice.

use crate::{
    Result,
    platform::{
        disk::Disk as _,
        home::{grid_file_name, is_grid_file},
        system_disk::SystemDisk,
    },
    store::{database::HandsetStore, files::ReferenceFile},
};
use protocol::{
    manifest::{FileName, Manifest, ManifestFile},
    photo::Sha256,
    time::Millis,
};
use std::path::Path;

const KEY: [u8; 32] = [3; 32];

/// What a server has of a version: the pack of format 1, and the smaller one.
struct Grid {
    version: &'static str,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Grid {
    fn new(version: &'static str, seed: u8) -> Self {
        let content = |size: u32| (0..size).map(|k| k.to_le_bytes()[0] ^ seed).collect();
        Self {
            version,
            first: content(590_000),
            second: content(196_000),
        }
    }

    fn file(&self, name: FileName) -> ManifestFile {
        let bytes = match name {
            FileName::GridSecond => &self.second,
            _ => &self.first,
        };
        ManifestFile {
            name: name.into(),
            version: self.version.into(),
            sha256: Sha256::of(bytes),
            size: bytes.len() as u64,
        }
    }
}

fn publish(store: &HandsetStore, files: Vec<ManifestFile>) {
    let manifest = Manifest {
        v: 1,
        issued: Millis(0),
        files,
        app: None,
        contact: None,
        asked: None,
    };
    store.save_manifest(&manifest).unwrap();
}

fn publish_both(store: &HandsetStore, grid: &Grid) {
    publish(
        store,
        vec![grid.file(FileName::Grid), grid.file(FileName::GridSecond)],
    );
}

fn publish_first(store: &HandsetStore, grid: &Grid) {
    publish(store, vec![grid.file(FileName::Grid)]);
}

/// What is fetched next: its name here and its size.
fn wanted(store: &HandsetStore) -> Option<(ReferenceFile, u64)> {
    let mut wanted = store.wanted_files().unwrap();
    assert!(wanted.len() < 2, "{wanted:?}");
    wanted.pop().map(|wanted| (wanted.file, wanted.have))
}

fn fetch(store: &HandsetStore, bytes: &[u8]) -> Result<()> {
    let (file, have) = wanted(store).unwrap();
    let rest = &bytes[usize::try_from(have).unwrap()..];
    assert!(store.add_file_part(&file, have, rest)?);
    Ok(())
}

fn in_force(store: &HandsetStore) -> (String, Vec<u8>) {
    let (file, bytes) = store.file(FileName::Grid).unwrap().unwrap();
    assert_eq!(store.files().unwrap(), std::slice::from_ref(&file), "one grid");
    (file.version, bytes)
}

fn is_in_force(store: &HandsetStore, version: &str, bytes: &[u8]) -> bool {
    let (known, here) = in_force(store);
    known == version && here == bytes
}

fn home() -> (tempfile::TempDir, HandsetStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = HandsetStore::open(dir.path(), KEY).unwrap();
    (dir, store)
}

fn grid_files(home: &Path) -> Vec<String> {
    let mut names = SystemDisk.names(home).unwrap();
    names.retain(|name| is_grid_file(name));
    names
}

#[test]
fn pack_2_a_handset_takes_the_small_pack_where_both_are_offered_and_keeps_nothing_else() {
    let (dir, store) = home();
    for grid in [Grid::new("220104.1", 1), Grid::new("220104.2", 2)] {
        publish_both(&store, &grid);
        let (file, have) = wanted(&store).unwrap();
        assert_eq!(
            (file.name, file.size, have),
            (FileName::Grid, grid.second.len() as u64, 0)
        );
        fetch(&store, &grid.second).unwrap();
        assert!(is_in_force(&store, grid.version, &grid.second));
        assert_eq!(grid_files(dir.path()), [grid_file_name(Sha256::of(&grid.second))]);
        assert_eq!(store.storage_use().unwrap().grid, grid.second.len() as u64);
        // The same manifest again asks for nothing, in whichever order it names them.
        publish_both(&store, &grid);
        publish(
            &store,
            vec![grid.file(FileName::GridSecond), grid.file(FileName::Grid)],
        );
        assert_eq!(wanted(&store), None);
    }
}

#[test]
fn pack_2_a_server_that_is_older_or_was_put_back_gives_the_pack_of_format_1() {
    let (_dir, store) = home();
    let (old, new) = (Grid::new("220104.1", 1), Grid::new("220104.2", 2));
    publish_first(&store, &old);
    fetch(&store, &old.first).unwrap();
    assert!(is_in_force(&store, "220104.1", &old.first));
    // The second format of a version that is no longer the grid's.
    publish(
        &store,
        vec![new.file(FileName::Grid), old.file(FileName::GridSecond)],
    );
    assert_eq!(wanted(&store).unwrap().0.sha256, Sha256::of(&new.first));
    fetch(&store, &new.first).unwrap();
    assert!(is_in_force(&store, "220104.2", &new.first));
    // A server that offers the second format alone.
    let newer = Grid::new("220104.3", 3);
    publish(&store, vec![newer.file(FileName::GridSecond)]);
    fetch(&store, &newer.second).unwrap();
    assert!(is_in_force(&store, "220104.3", &newer.second));
    // The server is put back: it offers format 1 of this version, and this handset cannot know that it is the same grid.
    publish_first(&store, &newer);
    fetch(&store, &newer.first).unwrap();
    assert!(is_in_force(&store, "220104.3", &newer.first));
}

#[test]
fn pack_2_a_handset_that_holds_a_pack_of_this_version_fetches_no_other() {
    let (_dir, store) = home();
    let grid = Grid::new("220104.1", 1);
    publish_first(&store, &grid);
    fetch(&store, &grid.first).unwrap();
    publish_both(&store, &grid);
    assert_eq!(wanted(&store), None);
    assert!(is_in_force(&store, "220104.1", &grid.first));
    // The same cells under another version: known by the bytes.
    let mut renamed = [FileName::Grid, FileName::GridSecond].map(|name| grid.file(name));
    renamed
        .iter_mut()
        .for_each(|file| file.version = "220104.2".into());
    publish(&store, renamed.to_vec());
    assert_eq!(wanted(&store), None);
    assert!(is_in_force(&store, "220104.2", &grid.first));
    // The next version comes in the smaller format.
    let next = Grid::new("220104.3", 3);
    publish_both(&store, &next);
    assert_eq!(wanted(&store).unwrap().0.sha256, Sha256::of(&next.second));
}

#[test]
fn pack_2_a_begun_download_goes_on_only_if_less_is_left_of_it() {
    let grid = Grid::new("220104.1", 1);
    for (begun, goes_on) in [(100_000, false), (500_000, true)] {
        let (_dir, store) = home();
        publish_first(&store, &grid);
        let (file, _) = wanted(&store).unwrap();
        assert!(store.add_file_part(&file, 0, &grid.first[..begun]).unwrap());
        publish_both(&store, &grid);
        let (file, have) = wanted(&store).unwrap();
        let (bytes, kept) = if goes_on {
            (&grid.first, begun)
        } else {
            (&grid.second, 0)
        };
        assert_eq!((file.sha256, have), (Sha256::of(bytes), kept as u64), "{begun}");
        fetch(&store, bytes).unwrap();
        assert!(in_force(&store).1 == *bytes);
        let parts: i64 = store
            .read(|c| Ok(c.query_row("SELECT count(*) FROM blob_part", [], |row| row.get(0))?))
            .unwrap();
        assert_eq!(parts, 0);
    }
}

#[test]
fn pack_2_either_pack_on_the_disk_or_of_another_user_is_used_before_one_is_fetched() {
    let grid = Grid::new("220104.1", 1);
    for bytes in [&grid.first, &grid.second] {
        // Left by a database that was replaced.
        let (dir, store) = home();
        std::fs::write(dir.path().join(grid_file_name(Sha256::of(bytes))), bytes).unwrap();
        publish_both(&store, &grid);
        assert_eq!(wanted(&store), None);
        assert!(in_force(&store).1 == *bytes);
        // The second user of this phone.
        let home = dir.path().join("users").join("2");
        std::fs::create_dir_all(&home).unwrap();
        let second = HandsetStore::open(&home, [4; 32]).unwrap();
        publish_both(&second, &grid);
        assert!(second.take_grid_of_phone().unwrap());
        assert!(in_force(&second).1 == *bytes);
    }
}

#[test]
fn pack_2_a_lost_pack_of_format_1_is_fetched_again_as_the_small_one() {
    let (dir, store) = home();
    let grid = Grid::new("220104.1", 1);
    publish_first(&store, &grid);
    fetch(&store, &grid.first).unwrap();
    std::fs::write(dir.path().join(grid_file_name(Sha256::of(&grid.first))), b"torn").unwrap();
    assert_eq!(store.file(FileName::Grid).unwrap(), None);
    publish_both(&store, &grid);
    assert_eq!(wanted(&store).unwrap().0.sha256, Sha256::of(&grid.second));
    fetch(&store, &grid.second).unwrap();
    assert!(is_in_force(&store, "220104.1", &grid.second));
}
