//! Attacks by somebody who holds a stolen handset: enrolled, or revoked meanwhile.

use super::{
    super::terminal::clock,
    means::{Hand, Means, bearer, bomb, get, push},
    tally::Outcome,
    wire::{Client, Wire},
};
use crate::{bench::http::request, random::ScenarioRandom};
use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{
    WIRE_VERSION,
    entry::MAX_ENTRY_BYTES,
    open::Open,
    parcel::{Contents, ParcelSender, SealedFor, SealedPhoto, seal},
    photo::{MAX_PHOTO_BYTES, MAX_PHOTOS_PER_ENTRY, PhotoRef, PhotoRole, Sha256},
    sign::SIGNATURE_HEADER,
};
use std::{thread, time::Duration};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");
/// Entries of the largest push: their sum stays below the limit of a body.
const LARGE_ENTRIES: usize = 31;
/// The same for a debug build of the server.
const SOME_ENTRIES: usize = 2;
const FULL: &str = "张先生13800138000，";
const CONNECTIONS: usize = 100;

/// The bodies of [`bombs`]: one that fits, and one that does not.
pub fn push_bombs(_: &Means) -> Result<Vec<Vec<u8>>> {
    let start = br#"{"v":1,"entries":["#;
    Ok(vec![bomb(start, 7, b"]}")?, bomb(start, 64, b"]}")?])
}

/// Pushes that are small until they are unpacked.
pub fn bombs(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let token = bearer(&means.stolen().token);
    let signature = means.stolen().push(Vec::new())?.1.to_string();
    let mut client = Client::new(&means.road, hand.address(0));
    for packed in hand.bodies.iter().cycle() {
        if hand.tally.is_enough() {
            break;
        }
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            (SIGNATURE_HEADER, &signature),
        ];
        client.ask(&request("POST", "/v1/field/push", &headers, packed), hand.tally);
    }
    Ok(())
}

/// Pushes of the largest size, properly signed.
pub fn largest_pushes(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let count = if hand.is_debug {
        SOME_ENTRIES
    } else {
        LARGE_ENTRIES
    };
    let mut client = Client::new(&means.road, hand.address(0));
    while !hand.tally.is_enough() {
        let pushed = {
            let mut stolen = means.stolen();
            // What looks for personal data finds as much as possible.
            let text = FULL.repeat((MAX_ENTRY_BYTES - 2000) / FULL.len());
            let entries = (0..count).map(|_| stolen.report(text.clone(), Vec::new()));
            let entries = entries.collect::<Result<Vec<_>>>()?;
            push(entries, &stolen)?
        };
        client.ask(&pushed, hand.tally);
    }
    Ok(())
}

/// Photos that are named and never finished, each with a first piece.
pub fn abandoned_uploads(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut random = ScenarioRandom::of(u64::from(hand.number), "uploads");
    let mut client = Client::new(&means.road, hand.address(0));
    let piece = vec![7; 1024 * 1024];
    while !hand.tally.is_enough() {
        let photos: Vec<PhotoRef> = (0..MAX_PHOTOS_PER_ENTRY)
            .map(|_| named(Sha256::of(&random.bits().to_le_bytes()), MAX_PHOTO_BYTES))
            .collect();
        let (pushed, token) = {
            let mut stolen = means.stolen();
            let report = stolen.report("照片".into(), photos.clone())?;
            (push(vec![report], &stolen)?, bearer(&stolen.token))
        };
        client.ask(&pushed, hand.tally);
        for photo in photos {
            if hand.tally.is_enough() {
                break;
            }
            let create = create(&token, photo.sha256, photo.size, b"");
            let (outcome, head) = client.answer(&create, hand.tally);
            let place = head.lines().find_map(|line| line.strip_prefix("location:"));
            if let (Outcome::Answer(201), Some(place)) = (outcome, place) {
                let headers = [
                    ("authorization", token.as_str()),
                    TUS,
                    CHUNK,
                    ("upload-offset", "0"),
                ];
                client.ask(&request("PATCH", place.trim(), &headers, &piece), hand.tally);
            }
        }
    }
    Ok(())
}

fn named(sha256: Sha256, size: u64) -> PhotoRef {
    PhotoRef {
        sha256,
        size,
        role: PhotoRole::Scene,
        width: 8000,
        height: 6000,
        evidence: None,
    }
}

fn create(token: &str, sha256: Sha256, size: u64, bytes: &[u8]) -> Vec<u8> {
    let (length, hash) = (size.to_string(), BASE64.encode(sha256.to_string()));
    let metadata = format!("sha256 {hash}");
    let mut headers = vec![
        ("authorization", token),
        TUS,
        ("upload-length", &length),
        ("upload-metadata", &metadata),
    ];
    if !bytes.is_empty() {
        headers.push(CHUNK);
    }
    request("POST", "/v1/field/photos", &headers, bytes)
}

/// Photos with as many pixels as are allowed: small files that are large when they are drawn.
pub fn largest_photos(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let picture = hand.bodies.first().context("no picture")?;
    let mut client = Client::new(&means.road, hand.address(0));
    let mut n: u32 = 0;
    while !hand.tally.is_enough() {
        // Bytes after the end of a picture make it another one.
        let photos: Vec<Vec<u8>> = (0..4)
            .map(|k| [picture.as_slice(), &[hand.number, k], &n.to_le_bytes()].concat())
            .collect();
        let refs = photos
            .iter()
            .map(|photo| named(Sha256::of(photo), photo.len() as u64));
        let (pushed, token) = {
            let mut stolen = means.stolen();
            let report = stolen.report("照片".into(), refs.collect())?;
            (push(vec![report], &stolen)?, bearer(&stolen.token))
        };
        client.ask(&pushed, hand.tally);
        for photo in &photos {
            let create = create(&token, Sha256::of(photo), photo.len() as u64, photo);
            client.ask(&create, hand.tally);
        }
        n += 1;
    }
    Ok(())
}

/// A grey picture of 48 megapixels.
pub fn largest_picture(_: &Means) -> Result<Vec<Vec<u8>>> {
    let mut jpeg = Vec::new();
    let pixels = vec![128; 8000 * 6000];
    jpeg_encoder::Encoder::new(&mut jpeg, 50).encode(&pixels, 8000, 6000, jpeg_encoder::ColorType::Luma)?;
    Ok(vec![jpeg])
}

/// Streams of events and long answers that nobody reads.
pub fn deaf_listeners(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let token = means.stolen().token.clone();
    let mut open: Vec<Wire> = Vec::new();
    let asks = [
        get("/v1/field/events", &token),
        get("/v1/field/pull?cursor=", &token).repeat(50),
    ];
    let mut n = 0;
    while !hand.tally.is_enough() {
        if open.len() < CONNECTIONS && hand.tally.is_early() {
            let ask = asks.get(n % asks.len()).context("two requests")?;
            let wire = means.road.opened(hand.address(n), hand.tally);
            open.extend(wire.and_then(|mut wire| wire.push(ask, Duration::from_millis(50)).then_some(wire)));
            n += 1;
            continue;
        }
        thread::sleep(Duration::from_millis(200));
        // Only who reads learns that the connection was cut.
        open.retain_mut(|wire| {
            let stands = wire.sip(1, Duration::from_millis(1));
            hand.tally
                .count(if stands { Outcome::Piece } else { Outcome::Cut });
            stands
        });
    }
    Ok(())
}

/// Parcels of the revoked handset with as many entries, or as many tiny photos, as fit.
pub fn crowded_parcels(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut random = ScenarioRandom::of(u64::from(hand.number), "parcels");
    let many = if hand.is_debug { 400 } else { 8000 };
    let mut n = 0;
    while !hand.tally.is_enough() {
        let parcel = {
            let mut revoked = means.revoked();
            let entries = if n % 2 == 0 { many } else { 1 };
            let entries = (0..entries).map(|_| revoked.report("封".into(), Vec::new()));
            let entries = entries.collect::<Result<Vec<_>>>()?;
            let photos: Vec<Vec<u8>> = match n % 2 {
                0 => Vec::new(),
                _ => (0..many / 5)
                    .map(|_| random.bits().to_le_bytes().to_vec())
                    .collect(),
            };
            let contents = Contents {
                v: WIRE_VERSION,
                clock: clock(),
                sealed_for: Open::Known(SealedFor::Revoked),
                left: 1,
                entries,
                drafts: Vec::new(),
                photos: photos.iter().map(|photo| sealed(photo)).collect(),
                missing: Vec::new(),
            };
            let sender = ParcelSender {
                stream: revoked.stream,
                certificate: &revoked.certificate,
                signer: &revoked.key,
            };
            let fresh = Sha256::of(&random.bits().to_le_bytes()).0;
            seal(&sender, &revoked.parcel_key, &contents, &photos, fresh)?
        };
        let headers = [("content-type", "application/octet-stream")];
        let ask = request("POST", "/v1/field/parcel", &headers, &parcel);
        means.road.once(hand.address(n), &ask, hand.tally);
        n += 1;
    }
    Ok(())
}

fn sealed(photo: &[u8]) -> SealedPhoto {
    SealedPhoto {
        sha256: Sha256::of(photo),
        size: photo.len() as u64,
    }
}
