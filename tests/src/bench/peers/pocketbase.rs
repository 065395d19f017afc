//! PocketBase as a peer of the intake of reports: a collection with the content of a report, a user who may create records.

use super::{
    super::http::{RawHttpClient, request},
    process::{PeerProcess, free_address},
};
use anyhow::{Context, Result, ensure};
use protocol::{entry::Entry, payload::Payload};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const RECORDS: &str = "/api/collections/records/records";
const COLLECTION: &str = "records";
const SUPERUSER: (&str, &str) = ("root@example.org", "bench-superuser");
const USER: (&str, &str) = ("patroller@example.org", "bench-patroller");
/// Most requests in a batch.
const BATCH: usize = 200;

/// How its SQLite writes a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitSync {
    /// As it is shipped (`synchronous = NORMAL`): a commit may be lost with the power.
    Stock,
    /// `synchronous = FULL`: as our server.
    Full,
}

/// A running PocketBase.
pub struct PocketBase {
    process: PeerProcess,
    pub folder: PathBuf,
    superuser: String,
    user: String,
}

impl PocketBase {
    /// Sets it up in `folder` and starts it.
    pub fn start(program: &Path, folder: &Path, sync: CommitSync) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let command = |words: &[&str]| {
            let mut command = Command::new(program);
            command.args(words).arg("--dir").arg(folder.join("data"));
            match sync {
                CommitSync::Stock => command.env_remove("PEER_SYNCHRONOUS"),
                CommitSync::Full => command.env("PEER_SYNCHRONOUS", "FULL"),
            };
            command
        };
        let made = command(&["superuser", "upsert", SUPERUSER.0, SUPERUSER.1])
            .output()
            .with_context(|| format!("cannot start {}", program.display()))?;
        ensure!(
            made.status.success(),
            "PocketBase took no superuser: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let address = free_address()?;
        let mut serve = command(&["serve", "--http", &address.to_string()]);
        let process = PeerProcess::start(&mut serve, address, "/api/health", &folder.join("log"))?;
        let mut client = RawHttpClient::to(address);
        let superuser = sign_in(&mut client, "_superusers", SUPERUSER)?;
        prepare(&mut client, &superuser)?;
        let user = sign_in(&mut client, "users", USER)?;
        Ok(Self {
            process,
            folder: folder.to_owned(),
            superuser,
            user,
        })
    }
    pub fn process(&self) -> &PeerProcess {
        &self.process
    }
    /// The request that creates these records: one by itself, more in a batch, which is one transaction there.
    pub fn request(&self, records: &[Value]) -> Result<Vec<u8>> {
        let (path, body) = match records {
            [one] => (RECORDS, one.clone()),
            many => {
                ensure!(many.len() <= BATCH, "too many records for a batch");
                let each = |record| json!({"method": "POST", "url": RECORDS, "body": record});
                (
                    "/api/batch",
                    json!({"requests": many.iter().map(each).collect::<Vec<_>>()}),
                )
            }
        };
        let bearer = format!("Bearer {}", self.user);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        Ok(request("POST", path, &headers, &serde_json::to_vec(&body)?))
    }
    /// Number of records that it holds.
    pub fn count(&self) -> Result<usize> {
        let found = self.get(&format!("{RECORDS}?perPage=1&fields=id"))?;
        let total = found.get("totalItems").and_then(Value::as_u64);
        Ok(usize::try_from(total.context("no totalItems")?)?)
    }
    /// Fails unless it holds exactly this record.
    pub fn holds(&self, record: &Value) -> Result<()> {
        let id = record.get("client_id").and_then(Value::as_str);
        let id = id.context("a record without an id")?;
        let found = self.get(&format!("{RECORDS}?filter=client_id%3D%27{id}%27"))?;
        let items = found.get("items").and_then(Value::as_array);
        let [held] = items.map(Vec::as_slice).unwrap_or_default() else {
            anyhow::bail!("PocketBase does not hold one record {id}: {found}");
        };
        for field in ["kind", "text", "address", "lat", "lon", "accuracy", "provider"] {
            ensure!(
                held.get(field) == record.get(field),
                "{field} of {id} differs: {held}, not {record}"
            );
        }
        Ok(())
    }
    fn get(&self, path: &str) -> Result<Value> {
        let bearer = format!("Bearer {}", self.superuser);
        let asked = request("GET", path, &[("authorization", &bearer)], b"");
        let answer = RawHttpClient::to(self.process.address).send(&asked)?;
        answer.good()?.json()
    }
}

fn sign_in(client: &mut RawHttpClient, collection: &str, who: (&str, &str)) -> Result<String> {
    let path = format!("/api/collections/{collection}/auth-with-password");
    let answer = client.post(&path, "", &json!({"identity": who.0, "password": who.1}))?;
    let token = answer.get("token").and_then(Value::as_str);
    Ok(token.context("no token")?.to_owned())
}

/// The collection, its rules and its index, a user, and the settings: batches are off by default.
fn prepare(client: &mut RawHttpClient, superuser: &str) -> Result<()> {
    let text = |name: &str| json!({"name": name, "type": "text", "max": 2000});
    let number = |name: &str| json!({"name": name, "type": "number"});
    let signed_in = "@request.auth.id != ''";
    let collection = json!({
        "name": COLLECTION,
        "type": "base",
        "createRule": signed_in,
        "listRule": signed_in,
        "viewRule": signed_in,
        "fields": [
            text("client_id"),
            {"name": "kind", "type": "select", "maxSelect": 1, "values": ["report", "check_in", "activity", "answer"]},
            text("text"),
            text("address"),
            number("lat"),
            number("lon"),
            number("accuracy"),
            text("provider"),
            {"name": "made_at", "type": "date"},
        ],
        // As an entry of ours: the same one a second time is no second record.
        "indexes": ["CREATE UNIQUE INDEX records_client_id ON records (client_id)"],
    });
    client.post("/api/collections", superuser, &collection)?;
    let user = json!({"email": USER.0, "password": USER.1, "passwordConfirm": USER.1, "verified": true});
    client.post("/api/collections/users/records", superuser, &user)?;
    let settings = json!({"batch": {"enabled": true, "maxRequests": BATCH, "timeout": 30}});
    let bearer = format!("Bearer {superuser}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = serde_json::to_vec(&settings)?;
    client
        .send(&request("PATCH", "/api/settings", &headers, &body))?
        .good()?;
    Ok(())
}

/// What a report says, as a record of the peer. Left out, in the peer's favour: number, record, author and post of the entry,
/// and the readings of the handset's clocks.
pub fn record_of(entry: &[u8]) -> Result<Value> {
    let (entry, payload) = Entry::read(entry)?;
    let Some(Payload::Report(report)) = payload else {
        anyhow::bail!("the entry is not a report");
    };
    let position = entry.evidence.position.context("a report without a place")?;
    let degrees = |e7: i32| f64::from(e7) / 1e7;
    Ok(json!({
        "client_id": entry.id.to_string(),
        "kind": "report",
        "text": report.text,
        "address": report.address,
        "lat": degrees(position.point.lat),
        "lon": degrees(position.point.lon),
        "accuracy": f64::from(position.accuracy_cm) / 100.0,
        "provider": position.provider,
        "made_at": format!("{}+08:00", entry.evidence.clock.wall.text().replace(' ', "T")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"v": 1, "id": "01a2008d-7400-7101-8101-010101010101", "n": 7, "kind": "report",
        "record": "01a2008d-7400-7202-8202-020202020202", "author": "01a2008d-7400-7404-8404-040404040404",
        "post": "01a2008d-7400-7505-8505-050505050505", "payload": {"text": "井盖丢失", "address": "桂林路 12 号"},
        "evidence": {"position": {"point": {"lat": 438965000, "lon": 1253252000}, "accuracy_cm": 480, "provider": "gps",
        "fix_time": 1795305600000}, "clock": {"wall": 1795305600000, "boot": "b-1", "monotonic_ms": 86400000}}}"#;

    #[test]
    fn a_record_of_the_peer_says_what_the_report_says() {
        assert_eq!(
            record_of(ENTRY.as_bytes()).unwrap(),
            json!({
                "client_id": "01a2008d-7400-7101-8101-010101010101",
                "kind": "report",
                "text": "井盖丢失",
                "address": "桂林路 12 号",
                "lat": 43.8965,
                "lon": 125.3252,
                "accuracy": 4.8,
                "provider": "gps",
                "made_at": "2026-11-22T08:00:00+08:00",
            })
        );
        let other = ENTRY.replace("\"report\"", "\"check_in\"");
        assert!(record_of(other.as_bytes()).is_err());
    }
}
