//! Attacks by a clerk, who is signed in and has every role of the district that may be combined.

use super::{
    means::{Hand, Means, bearer, get, json_request},
    tally::Outcome,
    wire::{Client, Wire},
};
use crate::bench::http::request;
use anyhow::Result;
use std::{fmt::Write as _, thread, time::Duration};

const CONNECTIONS: usize = 40;
/// Below the server's limits, so that the whole is read.
const GRID_BYTES: usize = 15 * 1024 * 1024;
const LIST_BYTES: usize = 1900 * 1024;

const LISTS: [&str; 8] = [
    "/v1/cases?limit=200",
    "/v1/cases?queue=acceptor&limit=200",
    "/v1/counts",
    "/v1/counts/streams?limit=200",
    "/v1/review?limit=200",
    "/v1/parcels?limit=200",
    "/v1/people?limit=200",
    "/v1/duty?limit=200",
];

/// Lists of the longest page, again and again at the same time.
pub fn lists(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut client = Client::new(&means.road, hand.address(0));
    for path in LISTS.iter().cycle() {
        if hand.tally.is_enough() {
            break;
        }
        client.ask(&get(path, &means.clerk), hand.tally);
    }
    Ok(())
}

/// Lists of the longest page that are asked for many times and hardly read.
pub fn slow_lists(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut open: Vec<Wire> = Vec::new();
    let mut n = 0;
    let ask = get("/v1/cases?limit=200", &means.clerk).repeat(20);
    while !hand.tally.is_enough() {
        if open.len() < CONNECTIONS && hand.tally.is_early() {
            let wire = means.road.opened(hand.address(n), hand.tally);
            open.extend(wire.and_then(|mut wire| wire.push(&ask, Duration::from_millis(50)).then_some(wire)));
            n += 1;
            continue;
        }
        open.retain_mut(|wire| {
            let stands = wire.sip(1024, Duration::from_millis(5));
            hand.tally
                .count(if stands { Outcome::Piece } else { Outcome::Cut });
            stands
        });
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The bodies of [`grids`].
pub fn largest_grids(_: &Means) -> Result<Vec<Vec<u8>>> {
    Ok(vec![many_cells(), many_corners(), vec![b'['; GRID_BYTES]])
}

/// Grids of the largest size: many cells, cells with very many corners, and nonsense; also by somebody who may not.
pub fn grids(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut client = Client::new(&means.road, hand.address(0));
    for (n, body) in hand.bodies.iter().cycle().enumerate() {
        if hand.tally.is_enough() {
            break;
        }
        let token = if n % 4 == 3 { &means.acceptor } else { &means.clerk };
        let bearer = bearer(token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/geo+json"),
        ];
        client.ask(&request("POST", "/v1/grids", &headers, body), hand.tally);
    }
    Ok(())
}

const COLLECTION: &str = r#"{"type":"FeatureCollection","grid_version":"220104.attack","version":"220104.attack","county":"220104","datum":"wgs84","features":["#;

fn many_cells() -> Vec<u8> {
    let mut text = COLLECTION.to_owned();
    let mut n = 0;
    while text.len() < GRID_BYTES {
        if n > 0 {
            text.push(',');
        }
        let (west, south) = (
            125.0 + f64::from(n % 500) / 5000.0,
            43.0 + f64::from(n / 500) / 5000.0,
        );
        let (east, north) = (west + 0.0002, south + 0.0002);
        // Writing to a string does not fail.
        let _ = write!(
            text,
            r#"{{"type":"Feature","properties":{{"code":"2201040101{:02}"}},"geometry":{{"type":"Polygon","coordinates":[[[{west:.4},{south:.4}],[{east:.4},{south:.4}],[{east:.4},{north:.4}],[{west:.4},{north:.4}],[{west:.4},{south:.4}]]]}}}}"#,
            n % 100,
        );
        n += 1;
    }
    text.push_str("]}");
    text.into_bytes()
}

fn many_corners() -> Vec<u8> {
    let mut text = format!(
        r#"{COLLECTION}{{"type":"Feature","properties":{{"code":"220104010101"}},"geometry":{{"type":"Polygon","coordinates":[[[125,43]"#
    );
    while text.len() < GRID_BYTES {
        text.push_str(",[125,44],[126,43]");
    }
    text.push_str(",[125,43]]]}}]}");
    text.into_bytes()
}

/// The request of [`divisions`].
pub fn largest_divisions(means: &Means) -> Result<Vec<Vec<u8>>> {
    let mut text = format!(
        r#"{{"city":"{}","outlined":[],"divisions":{{"counties":[{{"code":"220104","name":"x","streets":[]}}"#,
        means.city
    );
    while text.len() < LIST_BYTES {
        text.push_str(r#",{"code":"220104","name":"x","streets":[]}"#);
    }
    text.push_str("]}}");
    Ok(vec![json_request(
        "POST",
        "/v1/divisions",
        &means.clerk,
        text.as_bytes(),
    )])
}

/// Lists of divisions of the largest size.
pub fn divisions(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let mut client = Client::new(&means.road, hand.address(0));
    for ask in hand.bodies.iter().cycle() {
        if hand.tally.is_enough() {
            break;
        }
        client.ask(ask, hand.tally);
    }
    Ok(())
}

/// Searches by long and broken patterns, and cursors that nobody gave.
pub fn searches(means: &Means, hand: &Hand<'_>) -> Result<()> {
    let long = "2".repeat(8000);
    let percent = "%25_".repeat(2000);
    let paths = [
        format!("/v1/cases?limit=200&area={long}"),
        format!("/v1/cases?limit=200&area={percent}"),
        format!("/v1/cases?limit=200&after={long}"),
        "/v1/cases?limit=200&area=2201&state=reported".to_owned(),
        format!("/v1/activities?limit=200&area={percent}"),
        format!("/v1/tasks?limit=200&after={percent}"),
        format!("/v1/grids/220104.small/cells?area={long}"),
        "/v1/grids/220104.small/cells".to_owned(),
    ];
    let mut client = Client::new(&means.road, hand.address(0));
    for path in paths.iter().cycle() {
        if hand.tally.is_enough() {
            break;
        }
        client.ask(&get(path, &means.clerk), hand.tally);
    }
    Ok(())
}
