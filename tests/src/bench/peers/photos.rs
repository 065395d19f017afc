//! Photos: the same ones to our server, to tusd as it is shipped, which syncs nothing, and to tusd that syncs before it
//! answers. For a comparison without syncs a second server of ours runs with its syncs stubbed.

use super::{
    super::{
        Goals,
        fleet::{self, BenchTerminal, bench_setup},
        photos::{PhotoTemplate, SIZE, UploadMethod, named, upload},
    },
    figures::{MeasuredRounds, PeerGoal, ServerWork, compare},
    tusd::Tusd,
};
use crate::{city::City, process::ServerSetup};
use anyhow::{Context, Result, ensure};
use protocol::photo::Sha256;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

const CLIENTS: usize = 8;
/// Photos of each client in a round.
const EACH: usize = 40;
/// Photos that are read back at the end.
const SAMPLE: usize = 8;
const NO_SYNC: &str = "libnosync.so";

/// Without a goal.
const FIGURE: PeerGoal = PeerGoal {
    rate: None,
    cpu: None,
};

pub fn run(folder: &Path, rounds: usize, program: &Path, goals: &Goals) -> Result<()> {
    let mut synced = PhotoServer::start(&folder.join("photos-synced"), None)?;
    let library = no_sync(folder)?;
    let mut stubbed = PhotoServer::start(&folder.join("photos-stubbed"), Some(&library))?;
    let mut stock = PeerUploads::start(program, folder, "tusd-stock", false)?;
    let mut durable = PeerUploads::start(program, folder, "tusd-synced", true)?;
    // Both in parts, then both in one request.
    for (name, way, goal) in [
        (
            "peers_photos_parts",
            UploadMethod::AsHandset,
            PeerGoal {
                rate: Some(0.6),
                cpu: None,
            },
        ),
        ("peers_photos_one_request", UploadMethod::OneRequest, FIGURE),
    ] {
        let peers = &mut [&mut stock, &mut durable];
        let (ours, theirs) = measure(&mut synced, peers, way, rounds)?;
        for ((suffix, goal), peer) in [("", goal), ("_beside_synced", FIGURE)].iter().zip(&theirs) {
            compare(&format!("{name}{suffix}"), &ours, peer, *goal, goals);
        }
    }
    let goal = PeerGoal {
        rate: Some(1.2),
        cpu: Some(0.8),
    };
    let way = UploadMethod::OneRequest;
    let (ours, theirs) = measure(&mut stubbed, &mut [&mut stock], way, rounds)?;
    let peer = theirs.first().context("no peer")?;
    compare("peers_photos_one_request_no_sync", &ours, peer, goal, goals);
    for peer in [&stock, &durable] {
        peer.tusd.check(peer.uploads, SIZE, &peer.sent, SAMPLE)?;
    }
    for server in [synced, stubbed] {
        server.finish()?;
    }
    println!(
        "  photos: clients={CLIENTS} bytes={SIZE} photos_a_round={} rounds={rounds}, all counted at each, {SAMPLE} read back",
        CLIENTS * EACH
    );
    Ok(())
}

/// Our server first, then each peer, in every round.
fn measure(
    server: &mut PhotoServer,
    peers: &mut [&mut PeerUploads],
    way: UploadMethod,
    rounds: usize,
) -> Result<(MeasuredRounds, Vec<MeasuredRounds>)> {
    let mut ours = MeasuredRounds::default();
    let mut theirs = vec![MeasuredRounds::default(); peers.len()];
    for round in 0..=rounds {
        let photos = server.new_photos()?;
        let work = ServerWork {
            process: fleet::process(&server.city.server)?,
            folder: server.city.server.data(),
            records: CLIENTS * EACH,
            counts: round > 0,
        };
        ours.round(&work, || {
            let (took, times) = upload(&server.city, &server.units, &photos, way)?;
            Ok((times, took))
        })?;
        for (peer, measured) in peers.iter_mut().zip(&mut theirs) {
            let work = ServerWork {
                process: peer.tusd.process(),
                folder: &peer.tusd.folder,
                ..work
            };
            measured.round(&work, || peer.tusd.upload(&photos, way))?;
            peer.uploads += CLIENTS * EACH;
            peer.sent
                .extend(photos.iter().flatten().map(|photo| Sha256::of(photo)));
        }
    }
    Ok((ours, theirs))
}

/// Our server with its terminals.
struct PhotoServer {
    city: City,
    units: Vec<BenchTerminal>,
    template: PhotoTemplate,
    sent: usize,
    /// The last photos of each terminal.
    last: Vec<Vec<Sha256>>,
}

impl PhotoServer {
    fn start(folder: &Path, preload: Option<&Path>) -> Result<Self> {
        let setup = ServerSetup {
            preload: preload.map(Path::to_owned),
            ..bench_setup()
        };
        let city = City::small(folder, setup)?;
        if preload.is_some() {
            let maps = format!("/proc/{}/maps", fleet::process(&city.server)?);
            ensure!(
                std::fs::read_to_string(maps)?.contains(NO_SYNC),
                "the server does not have {NO_SYNC} loaded"
            );
        }
        let units = fleet::enrol_fleet(&city, CLIENTS)?;
        Ok(Self {
            city,
            units,
            template: PhotoTemplate::new(SIZE)?,
            sent: 0,
            last: Vec::new(),
        })
    }
    /// Photos for each terminal that reports in custody name; they are to be uploaded.
    fn new_photos(&mut self) -> Result<Vec<Vec<Vec<u8>>>> {
        let photos = named(&self.city, &mut self.units, &self.template, EACH, SIZE)?;
        self.sent += CLIENTS * EACH;
        let hashes = |photos: &Vec<Vec<u8>>| photos.iter().map(|photo| Sha256::of(photo)).collect();
        self.last = photos.iter().map(hashes).collect();
        Ok(photos)
    }
    /// Fails unless every photo is in custody, and files of some have their content. Stops the server.
    fn finish(mut self) -> Result<()> {
        let data = self.city.server.data().to_owned();
        let database = rusqlite::Connection::open(data.join("xunge.db"))?;
        let held: i64 = database.query_row(
            "SELECT COUNT(*) FROM photo WHERE received IS NOT NULL AND fault IS NULL",
            [],
            |row| row.get(0),
        )?;
        drop(database);
        ensure!(
            usize::try_from(held)? == self.sent,
            "our server holds {held} photos, {} were sent",
            self.sent
        );
        let all = self.units.iter().zip(&self.last).flat_map(|(unit, hashes)| {
            let file = |hash: &Sha256| data.join(format!("objects/photos/{}/{hash}.jpg", unit.stream));
            hashes.iter().map(move |hash| (file(hash), *hash))
        });
        for (file, hash) in all.step_by(CLIENTS * EACH / SAMPLE) {
            let bytes =
                std::fs::read(&file).with_context(|| format!("our server has no {}", file.display()))?;
            ensure!(Sha256::of(&bytes) == hash, "{} differs", file.display());
        }
        ensure!(self.city.server.stop()?, "the server did not stop cleanly");
        Ok(())
    }
}

/// tusd, with what was sent to it.
struct PeerUploads {
    tusd: Tusd,
    uploads: usize,
    sent: BTreeSet<Sha256>,
}

impl PeerUploads {
    fn start(program: &Path, within: &Path, name: &str, is_synced: bool) -> Result<Self> {
        Ok(Self {
            tusd: Tusd::start(program, within, name, is_synced)?,
            uploads: 0,
            sent: BTreeSet::new(),
        })
    }
}

/// Compiles the library that stubs syncs into `folder`.
fn no_sync(folder: &Path) -> Result<PathBuf> {
    let library = folder.join(NO_SYNC);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/nosync.c");
    let mut command = Command::new("cc");
    command.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]);
    let status = command.arg(&library).arg(source).status();
    let status = status.context("a C compiler (cc) is needed to build the library that stubs syncs")?;
    ensure!(status.success(), "cc could not compile nosync.c");
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_defines_every_way_to_sync() {
        let folder = tempfile::tempdir().unwrap();
        let library = no_sync(folder.path()).unwrap();
        let listed = Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(&library)
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        for name in ["fsync", "fdatasync", "sync_file_range", "syncfs", "msync", "sync"] {
            let ends = format!(" T {name}");
            assert!(
                listed.lines().any(|line| line.ends_with(&ends)),
                "{name} in {listed}"
            );
        }
    }
}
