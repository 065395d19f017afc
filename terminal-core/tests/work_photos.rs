//! Photos on the handset's disk: sealed, durable, authenticated; other files are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use proptest::prelude::*;
use protocol::{
    geo::PointE7,
    photo::{PhotoEvidence, PhotoOrigin, PhotoPlace, PhotoRole, Sha256},
};
use std::{fs, io::Cursor, path::PathBuf};
use tempfile::TempDir;
use terminal_core::{
    photos::{FileKey, OpenedPhoto, PREFIX, PhotoFolder, PhotoSource, SealedContent, SealedError, seal},
    platform::{PhotoFileError, PhotoFiles, SystemRandom},
    transport::CancelToken,
    words,
};

mod work_support;
use work_support::{Hand, enrol, open, picture};

const KEY: [u8; 32] = [9; 32];
/// Sizes around the borders of 64 KiB chunks, and within them.
const SIZES: [usize; 8] = [0, 1, 1000, 65_535, 65_536, 65_537, 131_072, 200_001];

fn key() -> FileKey {
    FileKey::new(KEY)
}
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|k| (k * 31 % 251).to_le_bytes()[0]).collect()
}
fn sealed(plain: &[u8]) -> (Vec<u8>, Sha256) {
    let name = Sha256::of(plain);
    (
        seal(&key(), SealedContent::Photo, name, plain, &[3; PREFIX]).unwrap(),
        name,
    )
}
fn read(file: &[u8], name: Sha256) -> Result<Vec<u8>, SealedError> {
    OpenedPhoto::open(Cursor::new(file), &key(), SealedContent::Photo, name)?.read_all()
}

#[test]
fn a_sealed_photo_is_read_back_byte_for_byte() {
    for size in SIZES {
        let plain = bytes(size);
        let (file, name) = sealed(&plain);
        assert_eq!(read(&file, name).unwrap(), plain, "{size}");
        assert!(
            size < 16 || !file.windows(16).any(|w| w == &plain[..16]),
            "{size}: plaintext in the file"
        );
    }
}

#[test]
fn a_truncated_or_extended_file_is_refused() {
    for size in SIZES {
        let (file, name) = sealed(&bytes(size));
        // At every chunk border, beside it, and within the header: where a truncation could go unnoticed.
        let cuts = (0..file.len()).filter(|at| at % 65_552 < 60 || *at + 20 > file.len());
        for at in cuts {
            assert!(read(&file[..at], name).is_err(), "{size} cut at {at}");
        }
        let longer = [file.as_slice(), b"x"].concat();
        assert!(
            matches!(read(&longer, name), Err(SealedError::Length { .. })),
            "{size}"
        );
    }
}

#[test]
fn a_sealed_photo_opens_only_with_its_key_name_and_kind() {
    let plain = bytes(100_000);
    let (file, name) = sealed(&plain);
    let open = |key: [u8; 32], content, name| {
        OpenedPhoto::open(Cursor::new(&file), &FileKey::new(key), content, name)
            .and_then(|mut f| f.read_all())
    };
    assert_eq!(open(KEY, SealedContent::Photo, name).unwrap(), plain);
    for result in [
        open([8; 32], SealedContent::Photo, name),
        open(KEY, SealedContent::Thumbnail, name),
        open(KEY, SealedContent::Photo, Sha256::of(b"another")),
    ] {
        assert!(
            matches!(result, Err(SealedError::Tampered { chunk: 0 })),
            "{result:?}"
        );
    }
    // Chunks in another order; lengths and header unchanged.
    let mut swapped = file.clone();
    let (first, second) = (39..39 + 1000, 39 + 65_552..39 + 65_552 + 1000);
    let kept = swapped[first.clone()].to_vec();
    swapped.copy_within(second.clone(), first.start);
    swapped[second].copy_from_slice(&kept);
    assert!(read(&swapped, name).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any range gives exactly those bytes, or an error if it is outside.
    #[test]
    fn any_range_is_read_without_the_rest(size in 0usize..200_000, offset in 0u64..210_000, len in 0u64..150_000) {
        let plain = bytes(size);
        let (file, name) = sealed(&plain);
        let mut opened = OpenedPhoto::open(Cursor::new(&file), &key(), SealedContent::Photo, name).unwrap();
        let got = opened.read_at(offset, len);
        match usize::try_from(offset + len).ok().filter(|end| *end <= size) {
            Some(end) => prop_assert_eq!(got.unwrap(), plain[usize::try_from(offset).unwrap()..end].to_vec()),
            None => {
                let is_range = matches!(got, Err(SealedError::Range { .. }));
                prop_assert!(is_range);
            }
        }
    }

    /// No bit of the file can be changed unnoticed.
    #[test]
    fn every_changed_bit_is_noticed(size in 1usize..150_000, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (mut file, name) = sealed(&bytes(size));
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(read(&file, name).is_err());
    }

    /// Arbitrary bytes give an error and never a panic, also after a valid header.
    #[test]
    fn hostile_files_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400), is_ours in any::<bool>()) {
        let mut file = if is_ours { sealed(&bytes(10)).0[..12].to_vec() } else { Vec::new() };
        file.extend(tail);
        prop_assert!(read(&file, Sha256([0; 32])).is_err());
    }
}

struct Fixture {
    dir: TempDir,
    folder: PhotoFolder,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let folder = PhotoFolder::open(&dir.path().join("photos"), KEY).unwrap();
    Fixture { dir, folder }
}

impl Fixture {
    fn take(
        &self,
        source: PhotoSource<'_>,
    ) -> Result<terminal_core::photos::TakenPhoto, terminal_core::photos::PhotoError> {
        self.folder
            .take(source, PhotoRole::Scene, &media::Stamp::default(), &SystemRandom)
    }
    fn files(&self) -> Vec<PathBuf> {
        let folder = self.dir.path().join("photos");
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        files
    }
}

#[test]
fn a_photo_is_scaled_rotated_and_sealed() {
    let f = fixture();
    let path = f.dir.path().join("p.jpg");
    fs::write(&path, picture(1)).unwrap();
    let taken = f.take(PhotoSource::Path(&path)).unwrap();
    let jpeg = f.folder.read(taken.photo.sha256).unwrap();
    assert_eq!(Sha256::of(&jpeg), taken.photo.sha256);
    assert_eq!(jpeg.len() as u64, taken.photo.size);
    assert_eq!(f.folder.size(taken.photo.sha256).unwrap(), taken.photo.size);
    assert_eq!(taken.original, Sha256::of(&picture(1)));
    assert_eq!(&f.folder.thumbnail(taken.photo.sha256).unwrap()[..2], b"\xff\xd8");
    // Read by name, as uploads do.
    let name = PhotoFolder::file_name(taken.photo.sha256);
    assert_eq!(
        PhotoFiles::read(&f.folder, &name, 100, 50).unwrap(),
        &jpeg[100..150]
    );
    assert_eq!(
        PhotoFiles::read(&f.folder, "other.photo", 0, 1),
        Err(PhotoFileError::Missing)
    );
    // The same photo again gives the same two files, and no temporary file is left.
    f.take(PhotoSource::Path(&path)).unwrap();
    assert_eq!(f.files().len(), 2);
    #[cfg(unix)]
    for file in f.files() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            file.display()
        );
    }
    f.folder.remove(taken.photo.sha256).unwrap();
    assert_eq!(
        f.folder.read(taken.photo.sha256).unwrap_err().code(),
        "photo.missing"
    );
    assert!(f.files().is_empty());
}

#[test]
fn damaged_and_missing_files_differ_and_taking_the_photo_again_repairs_both() {
    let f = fixture();
    let photo = f.take(PhotoSource::Bytes(&picture(2))).unwrap().photo.sha256;
    let name = PhotoFolder::file_name(photo);
    let path = f.dir.path().join("photos").join(&name);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(f.folder.read(photo).unwrap_err().code(), "photo.damaged");
    assert_eq!(
        PhotoFiles::read(&f.folder, &name, 0, 1),
        Err(PhotoFileError::Damaged)
    );
    f.take(PhotoSource::Bytes(&picture(2))).unwrap();
    assert_eq!(Sha256::of(&f.folder.read(photo).unwrap()), photo);
}

#[test]
fn a_file_that_is_no_photo_is_refused_and_leaves_nothing() {
    let f = fixture();
    let cut = picture(3);
    let large = f.dir.path().join("large");
    fs::File::create(&large)
        .unwrap()
        .set_len(161 * 1024 * 1024)
        .unwrap();
    let missing = f.dir.path().join("nowhere.jpg");
    for (source, code) in [
        (PhotoSource::Bytes(b""), "photo.empty"),
        (
            PhotoSource::Bytes(b"hello, this is no photo at all"),
            "photo.not_an_image",
        ),
        (PhotoSource::Bytes(&cut[..cut.len() / 2]), "photo.cut_off"),
        (PhotoSource::Path(&large), "photo.too_large"),
        (PhotoSource::Path(&missing), "photo.unreadable"),
        (PhotoSource::Path(f.dir.path()), "photo.unreadable"),
    ] {
        let error = f.take(source).unwrap_err();
        assert_eq!(error.code(), code);
        let reason = words::photo_error(&error);
        assert!(!reason.zh.is_empty() && !reason.en.is_empty() && reason.code == code);
    }
    assert!(f.files().is_empty());
}

/// While a photo is being prepared, the lock for filing is free: here another process holds it all the time, and a file
/// that is no photo is refused all the same.
#[test]
fn w12_a_photo_is_prepared_without_the_lock_for_filing() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let filing = fs::File::create(dir.path().join("work.lock")).unwrap();
    filing.lock().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut draft = terminal.new_report().unwrap();
        let refused = draft.add_photo(PhotoSource::Bytes(b"no photo")).err().unwrap();
        tell.send(refused.code().to_string()).unwrap();
    });
    let code = told.recv_timeout(std::time::Duration::from_secs(30));
    assert_eq!(code.unwrap(), "photo.not_an_image");
}

#[test]
fn w12_a_cancelled_photo_leaves_no_file_and_the_draft_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let mut draft = terminal.new_report().unwrap();
    let cancel = CancelToken::default();
    cancel.cancel();
    let refused = draft.add_photo_unless(PhotoSource::Bytes(&picture(1)), PhotoOrigin::Camera, &cancel);
    assert_eq!(refused.err().unwrap().code(), "call.cancelled");
    assert!(draft.photos().is_empty());
    assert_eq!(fs::read_dir(dir.path().join("photos")).unwrap().count(), 0);
}

#[test]
fn domain_cases_10_a_draft_says_which_photo_is_of_before_and_which_of_after() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(2))).unwrap();
    let [before, after] = [draft.photos()[0].sha256, draft.photos()[1].sha256];
    draft.photo_shows(before, PhotoRole::Before).unwrap();
    draft.photo_shows(after, PhotoRole::After).unwrap();
    let unknown = draft
        .photo_shows(Sha256([7; 32]), PhotoRole::After)
        .err()
        .unwrap();
    assert_eq!(unknown.code(), "photo.missing");

    // The process ends and the draft is read again.
    let id = draft.id();
    drop(draft);
    let mut draft = terminal.report_draft(id).unwrap();
    draft.self_handled(true);
    draft.submit().unwrap();
    let roles: Vec<PhotoRole> = terminal
        .item(id)
        .unwrap()
        .photos
        .into_iter()
        .map(|p| p.role)
        .collect();
    assert_eq!(roles, [PhotoRole::Before, PhotoRole::After]);
}

/// A picture of another year and city, chosen from the phone's pictures.
const LIBRARY: &[u8] = include_bytes!("../../media/tests/files/library-shanghai-2025.jpg");

#[test]
fn field_01_a_library_picture_files_what_its_original_says() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let mut draft = terminal.new_report().unwrap();
    let add = |draft: &mut terminal_core::work::ReportDraft, bytes: &[u8], origin| {
        let cancel = CancelToken::default();
        draft
            .add_photo_unless(PhotoSource::Bytes(bytes), origin, &cancel)
            .map(drop)
            .unwrap();
    };
    add(&mut draft, LIBRARY, PhotoOrigin::Library);
    add(&mut draft, &picture(1), PhotoOrigin::Camera);
    let evidence = |origin: PhotoOrigin, bytes: &[u8]| PhotoEvidence {
        origin: origin.into(),
        original: Sha256::of(bytes),
        taken_at: None,
        place: None,
    };
    let expected = [
        PhotoEvidence {
            taken_at: Some("2025:03:02 14:20:00".into()),
            place: Some(PhotoPlace {
                point: PointE7 {
                    lat: 312_304_000,
                    lon: 1_214_737_000,
                },
                datum: Some("WGS-84".into()),
            }),
            ..evidence(PhotoOrigin::Library, LIBRARY)
        },
        evidence(PhotoOrigin::Camera, &picture(1)),
    ];
    // The process ends, and the draft is read again and submitted.
    let id = draft.id();
    drop(draft);
    let mut draft = terminal.report_draft(id).unwrap();
    draft.submit().unwrap();
    let payload = terminal.item(id).unwrap().payload.unwrap();
    let filed: Vec<_> = payload
        .photos()
        .iter()
        .map(|p| p.evidence.clone().unwrap())
        .collect();
    assert_eq!(filed, expected);
}
