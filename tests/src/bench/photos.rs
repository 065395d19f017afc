//! Photo uploads of 400 kB, on the disk under their final name before the response; compared with "create,
//! fsync, rename, fsync folder" of the same bytes. Also measures the server's memory while 200 terminals
//! stream 5 MB each.

use super::{
    Goals,
    fleet::{self, BenchTerminal},
    http::{RawHttpClient, RawHttpResponse, request},
    machine, median, percentile, to_f64,
};
use crate::{city::City, random::ScenarioRandom};
use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{
    field::PHOTO_RECEIPT_HEADER,
    photo::{PhotoRef, PhotoRole, Sha256},
};
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const CLIENTS: usize = 8;
const GOAL: f64 = 0.5;
pub(super) const SIZE: usize = 400_000;
/// Photos of each client per round.
const PHOTOS_PER_CLIENT: usize = 25;
const IN_ONE_ENTRY: usize = 20;

const STREAMING: usize = 200;
const LARGE: usize = 5_000_000;
const MEMORY_GOAL_MB: f64 = 64.0;
/// About 3 MB/s per terminal: fast enough to finish, slow enough that all uploads overlap.
const PIECE: usize = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(20);

pub struct PhotosPlan {
    pub folder: PathBuf,
    pub rounds: usize,
}

/// A valid JPEG; photos made from it differ in a comment segment only.
pub(super) struct PhotoTemplate(Vec<u8>);

/// Marker of a JPEG comment segment.
const COMMENT: [u8; 2] = [0xff, 0xfe];

impl PhotoTemplate {
    /// A noise picture that leaves room for a comment below `size`.
    pub(super) fn new(size: usize) -> Result<Self> {
        const WIDTH: u16 = 1000;
        let encode = |height: u16| -> Result<Vec<u8>> {
            let mut random = ScenarioRandom::new(3);
            let pixels = usize::from(WIDTH) * usize::from(height) * 3;
            let rgb: Vec<u8> = (0..pixels).map(|_| random.bits().to_le_bytes()[0]).collect();
            let mut jpeg = Vec::new();
            let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
            encoder.encode(&rgb, WIDTH, height, jpeg_encoder::ColorType::Rgb)?;
            Ok(jpeg)
        };
        let of_a_row = encode(160)?.len() / 160;
        let height = u16::try_from((size - 30_000) / of_a_row)?;
        let jpeg = encode(height)?;
        ensure!(
            (size - 65_000..size - 100).contains(&jpeg.len()),
            "a template of {} bytes is too large",
            jpeg.len()
        );
        Ok(Self(jpeg))
    }
    /// A photo of exactly `size` bytes; the number makes it unique.
    fn photo(&self, size: usize, number: u64) -> Result<Vec<u8>> {
        let (start, rest) = self.0.split_at_checked(2).context("the template is too short")?;
        let room = size - self.0.len() - COMMENT.len();
        let mut photo = Vec::with_capacity(size);
        photo.extend_from_slice(start);
        photo.extend_from_slice(&COMMENT);
        photo.extend_from_slice(&u16::try_from(room)?.to_be_bytes());
        let mut words = format!("{}-{number}", fleet::now().0).into_bytes();
        words.resize(room - 2, b'.');
        photo.extend_from_slice(&words);
        photo.extend_from_slice(rest);
        Ok(photo)
    }
}

/// How a photo is uploaded.
#[derive(Clone, Copy)]
pub(super) enum UploadMethod {
    /// Creation with all bytes in one request.
    OneRequest,
    /// Creation, then one PATCH.
    OnePatch,
    /// Creation, then parts of doubling size, as a handset does on an unknown line.
    AsHandset,
}

pub fn run(plan: &PhotosPlan, goals: &Goals) -> Result<()> {
    let mut city = fleet::set_up_city(&plan.folder.join("photos"), None)?;
    let mut units = fleet::enrol_fleet(&city, CLIENTS)?;
    let template = PhotoTemplate::new(SIZE)?;
    let raw_folder = plan.folder.join("raw");
    std::fs::create_dir_all(&raw_folder)?;
    for (promise, way) in [
        ("photos_one_request", UploadMethod::OneRequest),
        ("photos_create_patch", UploadMethod::OnePatch),
        ("photos_as_handset", UploadMethod::AsHandset),
    ] {
        let (mut rates, mut raws, mut times, mut cpu) = (vec![], vec![], vec![], vec![]);
        for round in 0..=plan.rounds {
            let photos = named(&city, &mut units, &template, PHOTOS_PER_CLIENT, SIZE)?;
            let before = machine::cpu_of(fleet::process(&city.server)?)?;
            let (took, each) = upload(&city, &units, &photos, way)?;
            let spent = machine::cpu_of(fleet::process(&city.server)?)? - before;
            let floor = raw(&raw_folder, &photos)?;
            if round > 0 {
                let count = to_f64(CLIENTS * PHOTOS_PER_CLIENT);
                rates.push(count / took.as_secs_f64());
                raws.push(count / floor.as_secs_f64());
                times.extend(each);
                cpu.push(spent / count * 1000.0);
            }
        }
        let (rate, floor) = (median(rates), median(raws));
        let (ours, raw) = (format!("{rate:.0}/s"), format!("{floor:.0}/s"));
        goals.at_least(promise, &ours, &raw, rate / floor, GOAL);
        println!(
            "  clients={CLIENTS} bytes={SIZE} p50={:.1}ms p99={:.1}ms cpu_s_per_1000={:.2}",
            percentile(times.clone(), 0.5),
            percentile(times, 0.99),
            median(cpu),
        );
    }
    memory(&mut city, goals)?;
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    Ok(())
}

/// Photos for each terminal, named by reports that are in custody.
pub(super) fn named(
    city: &City,
    units: &mut [BenchTerminal],
    template: &PhotoTemplate,
    each: usize,
    size: usize,
) -> Result<Vec<Vec<Vec<u8>>>> {
    let mut client = RawHttpClient::to(city.server.address());
    let mut number = 0;
    let mut all = Vec::new();
    for unit in units {
        let mut photos = Vec::new();
        for _ in 0..each {
            number += 1;
            photos.push(template.photo(size, number)?);
        }
        for some in photos.chunks(IN_ONE_ENTRY) {
            let refs = some.iter().map(|photo| PhotoRef {
                sha256: Sha256::of(photo),
                size: photo.len() as u64,
                role: PhotoRole::Scene,
                width: 1000,
                height: 300,
                evidence: None,
            });
            let report = unit.report(refs.collect())?;
            client.send(&unit.push(vec![report])?)?.good()?;
        }
        all.push(photos);
    }
    Ok(all)
}

/// Photos of a terminal with their hashes.
type Hashed<'a> = Vec<(&'a [u8], Sha256)>;

/// Uploads all photos, each terminal's over its own connection; also returns the milliseconds of each photo.
pub(super) fn upload(
    city: &City,
    units: &[BenchTerminal],
    photos: &[Vec<Vec<u8>>],
    way: UploadMethod,
) -> Result<(Duration, Vec<f64>)> {
    let server = city.server.address();
    // Hashes are computed before the measurement, because they are the client's cost.
    let prepared: Vec<(&BenchTerminal, Hashed)> = units
        .iter()
        .zip(photos)
        .map(|(unit, photos)| {
            let hashed = photos.iter().map(|photo| (photo.as_slice(), Sha256::of(photo)));
            (unit, hashed.collect())
        })
        .collect();
    let began = Instant::now();
    let mut times = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = prepared
            .iter()
            .map(|(unit, photos)| {
                scope.spawn(move || -> Result<Vec<f64>> {
                    let mut client = RawHttpClient::to(server);
                    let timed = |(photo, hash): &(&[u8], Sha256)| {
                        let sent = Instant::now();
                        let answer = send(&mut client, unit, photo, *hash, way)?;
                        ensure!(
                            answer.header(PHOTO_RECEIPT_HEADER).is_some(),
                            "no receipt: {}",
                            answer.head
                        );
                        Ok(sent.elapsed().as_secs_f64() * 1000.0)
                    };
                    photos.iter().map(timed).collect()
                })
            })
            .collect();
        for client in clients {
            times.append(
                &mut client
                    .join()
                    .map_err(|_| anyhow::anyhow!("a client thread panicked"))??,
            );
        }
        Ok(())
    })?;
    Ok((began.elapsed(), times))
}

const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

pub(super) fn send(
    client: &mut RawHttpClient,
    unit: &BenchTerminal,
    photo: &[u8],
    hash: Sha256,
    way: UploadMethod,
) -> Result<RawHttpResponse> {
    let target = TusTarget {
        path: "/v1/field/photos",
        bearer: Some(unit.bearer()),
        metadata: format!("sha256 {}", BASE64.encode(hash.to_string())),
    };
    target.send(client, photo, way)
}

/// Where and as what a photo is uploaded by tus.
pub(super) struct TusTarget {
    pub path: &'static str,
    pub bearer: Option<String>,
    /// `upload-metadata`.
    pub metadata: String,
}

impl TusTarget {
    /// Uploads a photo; returns the response to its last bytes.
    pub fn send(
        &self,
        client: &mut RawHttpClient,
        photo: &[u8],
        way: UploadMethod,
    ) -> Result<RawHttpResponse> {
        let length = photo.len().to_string();
        let bearer = self.bearer.as_deref().map(|bearer| ("authorization", bearer));
        let mut headers: Vec<_> = bearer.into_iter().collect();
        headers.extend([
            TUS,
            ("upload-length", &length),
            ("upload-metadata", &self.metadata),
        ]);
        if let UploadMethod::OneRequest = way {
            headers.push(CHUNK);
            return client.send(&request("POST", self.path, &headers, photo))?.good();
        }
        let created = client.send(&request("POST", self.path, &headers, b""))?.good()?;
        let place = created.header("location").context("no location header")?;
        let place = path_of(place).to_owned();
        let mut part = match way {
            UploadMethod::AsHandset => 64 * 1024,
            UploadMethod::OneRequest | UploadMethod::OnePatch => photo.len(),
        };
        let mut offset = 0;
        loop {
            let end = (offset + part).min(photo.len());
            let bytes = photo.get(offset..end).context("the part is outside the photo")?;
            let at = offset.to_string();
            let mut headers: Vec<_> = bearer.into_iter().collect();
            headers.extend([TUS, CHUNK, ("upload-offset", &at)]);
            let answer = client.send(&request("PATCH", &place, &headers, bytes))?.good()?;
            if end == photo.len() {
                return Ok(answer);
            }
            (offset, part) = (end, part * 2);
        }
    }
}

/// The path of a URL, which may be one already.
pub(super) fn path_of(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map(|(_, rest)| rest);
    behind_scheme.map_or(url, |rest| {
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    })
}

/// The raw work: each photo as a new file, synced, renamed, and its folder synced.
fn raw(folder: &Path, photos: &[Vec<Vec<u8>>]) -> Result<Duration> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let began = Instant::now();
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = photos
            .iter()
            .map(|photos| {
                scope.spawn(move || -> Result<()> {
                    for photo in photos {
                        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                        let (new, name) = (
                            folder.join(format!("{number}.new")),
                            folder.join(format!("{number}.jpg")),
                        );
                        let mut file = File::create_new(&new)?;
                        file.write_all(photo)?;
                        file.sync_all()?;
                        std::fs::rename(&new, &name)?;
                        File::open(folder)?.sync_all()?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a raw thread panicked"))??;
        }
        Ok(())
    })?;
    Ok(began.elapsed())
}

/// 200 terminals upload 5 MB each at once. A terminal that gets a Retry-After waits that long.
fn memory(city: &mut City, goals: &Goals) -> Result<()> {
    ensure!(city.server.stop()?, "the server did not stop cleanly");
    city.server.start()?;
    let mut units = fleet::enrol_fleet(city, STREAMING)?;
    let template = PhotoTemplate::new(LARGE)?;
    let photos = named(city, &mut units, &template, 1, LARGE)?;
    let process = fleet::process(&city.server)?;
    let idle = machine::memory_of(process)?;
    let watch = machine::MemoryWatch::start(process);
    let (start, waits) = (Barrier::new(STREAMING), AtomicUsize::new(0));
    let (address, began) = (city.server.address(), Instant::now());
    thread::scope(|scope| -> Result<()> {
        let terminals: Vec<_> = units
            .iter()
            .zip(&photos)
            .map(|(unit, photos)| {
                let (start, waits) = (&start, &waits);
                scope.spawn(move || -> Result<()> {
                    let photo = photos.first().context("no photo")?;
                    let hash = Sha256::of(photo);
                    let mut client = RawHttpClient::to(address);
                    start.wait();
                    stream(&mut client, unit, photo, hash, waits)
                })
            })
            .collect();
        for terminal in terminals {
            terminal
                .join()
                .map_err(|_| anyhow::anyhow!("a terminal thread panicked"))??;
        }
        Ok(())
    })?;
    let took = began.elapsed();
    let peak = watch.finish();
    goals.at_most("photos_memory_above_idle", peak - idle, "MB", MEMORY_GOAL_MB);
    println!(
        "  terminals={STREAMING} bytes={LARGE} idle={idle:.0}MB peak={peak:.0}MB told_to_wait={} took={:.0}s",
        waits.load(Ordering::Relaxed),
        took.as_secs_f64()
    );
    Ok(())
}

fn stream(
    client: &mut RawHttpClient,
    unit: &BenchTerminal,
    photo: &[u8],
    hash: Sha256,
    waits: &AtomicUsize,
) -> Result<()> {
    let (bearer, length) = (unit.bearer(), photo.len().to_string());
    let metadata = format!("sha256 {}", BASE64.encode(hash.to_string()));
    let headers = [
        ("authorization", bearer.as_str()),
        TUS,
        ("upload-length", &length),
        ("upload-metadata", &metadata),
    ];
    let created = client
        .send(&request("POST", "/v1/field/photos", &headers, b""))?
        .good()?;
    let place = created
        .header("location")
        .context("no location header")?
        .to_owned();
    for _ in 0..200 {
        let headers = [
            ("authorization", bearer.as_str()),
            TUS,
            CHUNK,
            ("upload-offset", "0"),
            ("content-length", &length),
        ];
        let mut head = request("PATCH", &place, &headers, b"");
        // The head says that there is no body; this request has one.
        let without = b"content-length: 0\r\n";
        let at = head
            .windows(without.len())
            .position(|part| part == without)
            .context("no content-length in the head")?;
        head.drain(at..at + without.len());
        let answer = match in_pieces(client, &head, photo) {
            Ok(answer) => answer,
            // The server answered and closed before the body was sent: retry as after a Retry-After.
            Err(_) => {
                *client = RawHttpClient::to(client.server());
                waits.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_secs(5));
                continue;
            }
        };
        match answer.status {
            204 => {
                ensure!(answer.header(PHOTO_RECEIPT_HEADER).is_some(), "no receipt");
                return Ok(());
            }
            503 => {
                waits.fetch_add(1, Ordering::Relaxed);
                let seconds = answer.header("retry-after").and_then(|v| v.parse().ok());
                *client = RawHttpClient::to(client.server());
                thread::sleep(Duration::from_secs(seconds.unwrap_or(5)));
            }
            _ => {
                answer.good()?;
                bail!("the photo was neither received nor refused");
            }
        }
    }
    bail!("the server asked to wait too often")
}

fn in_pieces(client: &mut RawHttpClient, head: &[u8], photo: &[u8]) -> Result<RawHttpResponse> {
    client.stream()?.write_all(head)?;
    for piece in photo.chunks(PIECE) {
        client.stream()?.write_all(piece)?;
        thread::sleep(PAUSE);
    }
    client.read_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_has_exactly_the_given_size_and_decodes() {
        let template = PhotoTemplate::new(SIZE).unwrap();
        let (one, two) = (template.photo(SIZE, 1).unwrap(), template.photo(SIZE, 2).unwrap());
        assert_eq!((one.len(), two.len()), (SIZE, SIZE));
        assert_ne!(one, two);
        assert!(media::inspect(&one, &media::PhotoLimits::default()).is_ok());
    }

    #[test]
    fn a_location_may_be_a_path_or_a_url() {
        assert_eq!(path_of("/files/1"), "/files/1");
        assert_eq!(path_of("http://127.0.0.1:8080/files/1"), "/files/1");
        assert_eq!(path_of("http://127.0.0.1"), "/");
    }
}
