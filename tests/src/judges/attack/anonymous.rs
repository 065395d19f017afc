//! Attacks by somebody without any credentials, from many addresses.

use super::{
    honest::SHARED,
    means::{Hand, Means, bomb, get, json_request},
    tally::Outcome,
    wire::{Client, Wire},
};
use crate::{bench::http::request, random::ScenarioRandom};
use anyhow::Result;
use protocol::{
    WIRE_VERSION,
    ids::StreamId,
    parcel::Head,
    sign::{Signer as _, SoftwareKey, challenge_message},
};
use serde_json::json;
use std::{thread, time::Duration};

/// Connections of one attacker; all together are more than the server keeps of strangers.
const CONNECTIONS: usize = 800;
/// From one address, below the limit of an address.
const EACH: usize = 100;
/// Between two pieces on each connection.
const DRIP: Duration = Duration::from_millis(500);

const OPEN_ROUTES: [&str; 4] = [
    "/v1/session",
    "/v1/field/enrol",
    "/v1/field/challenge",
    "/v1/field/token",
];

/// Opens connections with `begin` on each, and sends one byte now and then on all that stand.
fn drip(means: &Means, hand: &Hand<'_>, begin: impl Fn(usize) -> Vec<u8>) -> Result<()> {
    let mut open: Vec<Wire> = Vec::new();
    let mut opened = 0;
    while !hand.tally.is_enough() {
        for _ in 0..50 {
            if opened >= CONNECTIONS || hand.tally.is_enough() {
                break;
            }
            let wire = means.road.opened(hand.address(opened / EACH), hand.tally);
            if let Some(mut wire) = wire
                && wire.send(&begin(opened)).is_ok()
            {
                open.push(wire);
            }
            opened += 1;
        }
        open.retain_mut(|wire| {
            let stands = wire.push(b"a", Duration::from_millis(10));
            let outcome = if stands { Outcome::Piece } else { Outcome::Cut };
            hand.tally.count(outcome);
            stands
        });
        thread::sleep(DRIP);
    }
    Ok(())
}

/// Heads that never end.
pub fn slow_heads(means: &Means, hand: &Hand<'_>) -> Result<()> {
    drip(means, hand, |_| {
        b"POST /v1/session HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec()
    })
}

/// Bodies that never end, with most of them there at once: sign-ins, and heads of parcels.
pub fn slow_bodies(means: &Means, hand: &Hand<'_>) -> Result<()> {
    drip(means, hand, |n| {
        let (path, length, mut body) = if n % 2 == 0 {
            ("/v1/session", 16_000, vec![b' '; 15_000])
        } else {
            // The start of a parcel with the longest head (`protocol/src/parcel/format.rs`).
            let mut start = b"XUNGEPC\n\x01\0\xff\xff\x40\0\0\0\x10\0".to_vec();
            start.resize(60_000, b' ');
            ("/v1/field/parcel", 1_100_000, start)
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut request = head.into_bytes();
        request.append(&mut body);
        request
    })
}

/// Connections that ask for nothing.
pub fn idle_connections(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut open = Vec::new();
    while !hand.tally.is_enough() {
        if open.len() < CONNECTIONS {
            open.extend(means.road.opened(hand.address(open.len() / EACH), hand.tally));
        } else {
            thread::sleep(DRIP);
        }
    }
    Ok(())
}

/// JSON that is deep, wide or long, up to and beyond what an open route takes.
pub fn wide_json(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let wide: Vec<String> = (0..1400).map(|n| format!("\"k{n}\":{n}")).collect();
    let bodies = [
        b"[".repeat(16_000),
        format!("{{{}}}", wide.join(",")).into_bytes(),
        br#"{"account":{"a":"#.repeat(900),
        format!(
            "{{\"account\":\"{}\",\"password\":\"y\"}}",
            "\\u0041".repeat(2600)
        )
        .into_bytes(),
        format!("[{}0]", "{},".repeat(400_000)).into_bytes(),
    ];
    let mut client = Client::new(&means.road, hand.address(0));
    for (n, body) in bodies.iter().cycle().enumerate() {
        if hand.tally.is_enough() {
            break;
        }
        if n % 500 == 0 {
            client = Client::new(&means.road, hand.address(n / 500));
        }
        let path = OPEN_ROUTES.get(n / bodies.len() % OPEN_ROUTES.len());
        let ask = json_request("POST", path.copied().unwrap_or_default(), "", body);
        client.ask(&ask, hand.tally);
    }
    Ok(())
}

/// The bodies of [`gzip_bombs`].
pub fn open_bombs(_: &Means) -> Result<Vec<Vec<u8>>> {
    let start = br#"{"account":"a","password":"b""#;
    Ok(vec![bomb(start, 10, b"}")?, bomb(start, 64, b"}")?])
}

/// Small bodies that become large when they are unpacked.
pub fn gzip_bombs(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut n = 0;
    while !hand.tally.is_enough() {
        let mut client = Client::new(&means.road, hand.address(n));
        for (path, packed) in OPEN_ROUTES.iter().zip(hand.bodies.iter().cycle()) {
            let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
            client.ask(&request("POST", path, &headers, packed), hand.tally);
        }
        n += 1;
    }
    Ok(())
}

/// Wrong passwords for the account of an honest person and for accounts that do not exist.
pub fn sign_ins(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut n = 0;
    while !hand.tally.is_enough() {
        let account = match n % 3 {
            0 => means.account.clone(),
            _ => format!("nobody{}{n}", hand.number),
        };
        let body = json!({"account": account, "password": format!("guess-{n}")}).to_string();
        let ask = json_request("POST", "/v1/session", "", body.as_bytes());
        means.road.once(hand.address(n), &ask, hand.tally);
        n += 1;
    }
    Ok(())
}

/// Tokens that nobody gave, also from the address that honest handsets come from.
pub fn invented_tokens(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut random = ScenarioRandom::of(u64::from(hand.number), "tokens");
    let from = if hand.number.is_multiple_of(2) {
        SHARED
    } else {
        hand.address(0)
    };
    let mut client = Client::new(&means.road, from);
    let paths = [
        "/v1/session",
        "/v1/field/pull",
        "/v1/cases?limit=200",
        "/v1/field/events",
    ];
    for path in paths.iter().cycle() {
        if hand.tally.is_enough() {
            break;
        }
        let kind = if path.starts_with("/v1/field") { "xf" } else { "xs" };
        let token = format!("{kind}_{:032x}", random.bits());
        client.ask(&get(path, &token), hand.tally);
    }
    Ok(())
}

/// Challenges and tokens for streams that do not exist, from the address that honest handsets come from.
pub fn invented_terminals(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let key = SoftwareKey::from_secret(&[hand.number; 32]);
    let mut client = Client::new(&means.road, SHARED);
    let mut n: u64 = 0;
    while !hand.tally.is_enough() {
        n += 1;
        let stream = StreamId::from_parts(n, [hand.number; 10]);
        let challenge = json!({ "stream": stream }).to_string();
        client.ask(
            &json_request("POST", "/v1/field/challenge", "", challenge.as_bytes()),
            hand.tally,
        );
        let signature = key.sign(&challenge_message(stream, "x"))?;
        let clock = super::super::terminal::clock();
        let token = json!({"stream": stream, "challenge": "x", "signature": signature, "clock": clock});
        client.ask(
            &json_request("POST", "/v1/field/token", "", token.to_string().as_bytes()),
            hand.tally,
        );
    }
    Ok(())
}

/// Large parcels that name a real, ended stream and are signed by nobody who may: who delivered one knows its head.
pub fn forged_parcels(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let (stream, certificate, key) = {
        let revoked = means.revoked();
        (
            revoked.stream,
            revoked.certificate.clone(),
            revoked.parcel_key.id(),
        )
    };
    let head = serde_json::to_vec(&Head {
        v: WIRE_VERSION,
        stream,
        key,
        certificate,
    })?;
    let forger = SoftwareKey::from_secret(&[hand.number; 32]);
    let signature = forger.sign(&head)?.to_string();
    let mut n = 0;
    while !hand.tally.is_enough() {
        let sealed: usize = if n % 2 == 0 { 16 * 1024 * 1024 } else { 64 * 1024 };
        let mut parcel = b"XUNGEPC\n\x01\0".to_vec();
        parcel.extend(u16::try_from(head.len())?.to_le_bytes());
        parcel.extend(u16::try_from(signature.len())?.to_le_bytes());
        parcel.extend(u32::try_from(sealed)?.to_le_bytes());
        parcel.extend_from_slice(&head);
        parcel.extend_from_slice(signature.as_bytes());
        parcel.resize(parcel.len() + sealed, 7);
        let headers = [("content-type", "application/octet-stream")];
        let ask = request("POST", "/v1/field/parcel", &headers, &parcel);
        means.road.once(hand.address(n), &ask, hand.tally);
        n += 1;
    }
    Ok(())
}
