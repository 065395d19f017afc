//! What attackers have: addresses, a stolen handset that nobody missed yet, one that was revoked, and the account of a
//! clerk who is one of them.

use super::{
    super::{account, terminal::EnrolledTerminal},
    honest::SHARED,
    tally::{Outcome, Tally},
    wire::{Client, Road},
};
use crate::{bench::http::request, city::City};
use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use protocol::role::Role;
use serde_json::json;
use std::{
    io::Write as _,
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Reports that the city has before the attacks, so that lists are long.
const REPORTS: usize = 400;
/// Characters of each.
const LONG: usize = 2000;
/// Number of the first handset that is stolen.
const STOLEN: u8 = 101;
/// Number of the handset that is revoked.
const REVOKED: u8 = 100;

/// See the module.
pub struct Means {
    pub road: Road,
    /// The account that is attacked.
    pub account: String,
    /// The city's unit, for lists of divisions.
    pub city: String,
    /// The token of a clerk with every role of the district that may be combined.
    pub clerk: String,
    /// The token of a clerk who may import nothing.
    pub acceptor: String,
    stolen: Mutex<EnrolledTerminal>,
    revoked: Mutex<EnrolledTerminal>,
}

impl Means {
    pub fn of(city: &City, certificate: &str, account_of_victim: &str) -> Result<Self> {
        let roles: Vec<Role> = Role::ALL
            .iter()
            .copied()
            .filter(|role| *role != Role::Auditor)
            .collect();
        let staff = (&city.office, &city.admin);
        let (clerk, _) = account(staff, "neigui", &roles, &city.district)?;
        let (acceptor, _) = account(staff, "neigui2", &[Role::Acceptor], &city.district)?;
        let mut stolen = EnrolledTerminal::enrol(city, STOLEN)?;
        let revoked = EnrolledTerminal::enrol(city, REVOKED)?;
        let path = format!("/v1/streams/{}/revoke", revoked.stream);
        city.admin.post(&path, &json!({"reason": "lost"}))?;
        let road = Road::to(city.server.address(), certificate)?;
        fill(&road, &mut stolen)?;
        Ok(Self {
            road,
            account: account_of_victim.to_owned(),
            city: city.city.clone(),
            clerk,
            acceptor,
            stolen: Mutex::new(stolen),
            revoked: Mutex::new(revoked),
        })
    }

    /// Another handset is stolen, for the attack with this number: what an attack used up of one's requests is not missing
    /// in the next.
    pub fn steal(&self, city: &City, series: u8) -> Result<()> {
        *self.stolen() = EnrolledTerminal::enrol(city, STOLEN + 1 + series)?;
        Ok(())
    }

    /// The handset that nobody missed yet.
    pub fn stolen(&self) -> MutexGuard<'_, EnrolledTerminal> {
        self.stolen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handset whose stream was revoked.
    pub fn revoked(&self) -> MutexGuard<'_, EnrolledTerminal> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files reports with long texts.
fn fill(road: &Road, terminal: &mut EnrolledTerminal) -> Result<()> {
    let tally = Tally::lasting(std::time::Duration::MAX, u64::MAX);
    let mut client = Client::new(road, SHARED);
    let entries = (0..REPORTS).map(|n| terminal.report(format!("{n} {}", "积".repeat(LONG)), Vec::new()));
    let entries = entries.collect::<Result<Vec<_>>>()?;
    let pushed = push(entries, terminal)?;
    let outcome = client.ask(&pushed, &tally);
    anyhow::ensure!(outcome == Outcome::Answer(200), "the first reports: {outcome}");
    Ok(())
}

/// A whole push request with these entries.
pub fn push(entries: Vec<Box<serde_json::value::RawValue>>, terminal: &EnrolledTerminal) -> Result<Vec<u8>> {
    let (body, signature) = terminal.push(entries)?;
    let (bearer, signature) = (bearer(&terminal.token), signature.to_string());
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        (protocol::sign::SIGNATURE_HEADER, &signature),
    ];
    Ok(request("POST", "/v1/field/push", &headers, &body))
}

/// One attacker of several that work at the same time.
pub struct Hand<'a> {
    pub tally: &'a Tally,
    pub number: u8,
    /// The attack's number, so that no two attacks use the same addresses.
    pub series: u8,
    /// What was made before the attack.
    pub bodies: &'a [Vec<u8>],
    /// The server is a debug build, which needs half a minute for what a release build does in a second.
    pub is_debug: bool,
}

impl Hand<'_> {
    /// One of the attacker's addresses; there are 250, and equal numbers give equal ones.
    pub fn address(&self, n: usize) -> Ipv4Addr {
        let last = u8::try_from(n % 250).unwrap_or(0) + 1;
        Ipv4Addr::new(127, 64 + self.series, self.number, last)
    }
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A request with a JSON body.
pub fn json_request(method: &str, path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let bearer = bearer(token);
    let mut headers = vec![("content-type", "application/json")];
    if !token.is_empty() {
        headers.push(("authorization", &bearer));
    }
    request(method, path, &headers, body)
}

/// A GET with a token.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    request("GET", path, &[("authorization", &bearer(token))], b"")
}

/// A gzip of `megabytes` of spaces with `start` before and `end` after them.
pub fn bomb(start: &[u8], megabytes: usize, end: &[u8]) -> Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(start)?;
    let spaces = vec![b' '; 1024 * 1024];
    for _ in 0..megabytes {
        packer.write_all(&spaces)?;
    }
    packer.write_all(end)?;
    packer.finish().context("gzip")
}
