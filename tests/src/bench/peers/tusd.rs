//! tusd as a peer of the intake of photos.

use super::{
    super::{
        http::{RawHttpClient, request},
        photos::{TusTarget, UploadMethod},
    },
    process::{PeerProcess, free_address},
};
use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::photo::Sha256;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// A running tusd.
pub struct Tusd {
    process: PeerProcess,
    pub folder: PathBuf,
}

impl Tusd {
    /// Starts it over the folder `NAME` in `within`; `is_synced` lets it sync before each answer, which it never does as it
    /// is shipped.
    pub fn start(program: &Path, within: &Path, name: &str, is_synced: bool) -> Result<Self> {
        let folder = within.join(name);
        std::fs::create_dir_all(&folder)?;
        let address = free_address()?;
        let mut command = Command::new(program);
        command.args(["-listen", &address.to_string()]);
        command.arg("-folder").arg(&folder);
        command.args(is_synced.then_some("-sync"));
        let log = within.join(format!("{name}.log"));
        let process = PeerProcess::start(&mut command, address, "/files/", &log)?;
        Ok(Self { process, folder })
    }
    pub fn process(&self) -> u32 {
        self.process.id()
    }
    /// Uploads the photos of several clients, each over its own connection; returns the milliseconds of each photo and the
    /// total time.
    pub fn upload(&self, photos: &[Vec<Vec<u8>>], way: UploadMethod) -> Result<(Vec<f64>, Duration)> {
        let target = TusTarget {
            path: "/files/",
            bearer: None,
            metadata: format!(
                "filename {},filetype {}",
                BASE64.encode("photo.jpg"),
                BASE64.encode("image/jpeg")
            ),
        };
        let one = |photos: &[Vec<u8>]| -> Result<Vec<f64>> {
            let mut client = RawHttpClient::to(self.process.address);
            let timed = |photo: &Vec<u8>| {
                let sent = Instant::now();
                let answer = target.send(&mut client, photo, way)?;
                ensure!(
                    answer.header("upload-offset") == Some(photo.len().to_string().as_str()),
                    "tusd did not take all bytes: {}",
                    answer.head
                );
                Ok(sent.elapsed().as_secs_f64() * 1000.0)
            };
            photos.iter().map(timed).collect()
        };
        let began = Instant::now();
        let mut times = Vec::new();
        thread::scope(|scope| -> Result<()> {
            let clients: Vec<_> = photos.iter().map(|photos| scope.spawn(|| one(photos))).collect();
            for client in clients {
                times.append(
                    &mut client
                        .join()
                        .map_err(|_| anyhow::anyhow!("a client thread panicked"))??,
                );
            }
            Ok(())
        })?;
        Ok((times, began.elapsed()))
    }
    /// Fails unless it holds so many uploads of `size` bytes and nothing else. Some of them, spread over all, are read
    /// back: they must be photos that were sent.
    pub fn check(&self, uploads: usize, size: usize, sent: &BTreeSet<Sha256>, sample: usize) -> Result<()> {
        let names = uploads_in(&self.folder, size)?;
        ensure!(
            names.len() == uploads,
            "tusd holds {} uploads, {uploads} were sent",
            names.len()
        );
        let mut client = RawHttpClient::to(self.process.address);
        let mut found = BTreeSet::new();
        let some = names.iter().step_by(names.len().div_ceil(sample).max(1));
        for name in some.clone() {
            let asked = request("GET", &format!("/files/{name}"), &[], b"");
            let held = Sha256::of(&client.send(&asked)?.good()?.body);
            ensure!(sent.contains(&held), "upload {name} is no photo that was sent");
            found.insert(held);
        }
        ensure!(
            found.len() == some.count(),
            "two uploads of tusd are the same photo"
        );
        Ok(())
    }
}

/// The names of all uploads in a folder of tusd; fails if one does not have this size.
fn uploads_in(folder: &Path, size: usize) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // `ID.info` beside each upload; `ID.lock` and `ID.stop` while a request works on one.
        if name.contains('.') {
            continue;
        }
        let length = entry.metadata()?.len();
        ensure!(
            length == size as u64,
            "upload {name} of tusd has {length} bytes, not {size}"
        );
        names.push(name);
    }
    names.sort();
    names.first().context("tusd holds no upload")?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_without_their_notes_and_a_short_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(uploads_in(folder.path(), 3).is_err());
        for name in ["b", "b.info", "a", "a.info", "a.lock"] {
            std::fs::write(folder.path().join(name), "abc").unwrap();
        }
        assert_eq!(uploads_in(folder.path(), 3).unwrap(), ["a", "b"]);
        std::fs::write(folder.path().join("c"), "ab").unwrap();
        assert!(uploads_in(folder.path(), 3).is_err());
    }
}
