//! A handset of a future version: it sends kinds, fields and values that this server cannot know. The server
//! must keep them to the byte, acknowledge them, and apply nothing of them.

use super::{
    city_template::MOST,
    judge::{CheckResult, Invariant, check_failed, violation},
    plan::PlannedEvent,
    server::{ServerDown, SimServer},
    world::SimWorld,
};
use axum::{body::Body, http::Request};
use protocol::{
    field::Invitation,
    ids::{EntryId, RecordId, StreamId},
    photo::Sha256,
    push::PushAnswer,
    sign::{SIGNATURE_HEADER, Signer as _, SoftwareKey, challenge_message, enrol_message, push_message},
};
use serde_json::{Value, json};
use server::params;
use simdisk::Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// State of the handset of a future version.
#[derive(Default)]
pub struct NewerHandset {
    enrolled: bool,
    /// True after a restore; it sends nothing any more.
    away: bool,
    n: u64,
    /// Entries to send, in this order. An entry stays until it has a receipt, so equal bytes are sent again.
    pending: VecDeque<(u64, EntryId, String)>,
    /// Numbers of the entries with a receipt.
    numbers: BTreeSet<u64>,
    /// The last entry with a receipt.
    last: Option<(EntryId, String)>,
    /// All entries with a receipt.
    held: BTreeMap<EntryId, Sha256>,
}

impl NewerHandset {
    /// Checks that the server's stream mark matches the numbers with and without a receipt.
    fn marks(&self, answer: &PushAnswer) -> CheckResult {
        let mark = &answer.mark;
        let upto = (1..).take_while(|n| self.numbers.contains(n)).last().unwrap_or(0);
        let highest = self.numbers.last().copied().unwrap_or(0);
        let hole = (upto + 1..=highest).find(|n| {
            let is_told = mark.holes.iter().any(|(from, to)| (*from..=*to).contains(n));
            is_told == self.numbers.contains(n)
        });
        if mark.upto == upto && mark.highest == highest && hole.is_none() {
            return Ok(());
        }
        violation(
            Invariant::Incomplete,
            format!(
                "the server holds {:?} of the newer handset, but the mark is {mark:?}",
                self.numbers
            ),
        )
    }
}

fn ten(rng: &mut Rng) -> [u8; 10] {
    let mut bytes = [0; 10];
    rng.fill(&mut bytes);
    bytes
}

/// POST with JSON; `None` if the status was not 2xx.
fn post(
    server: &SimServer,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Option<Value>, ServerDown> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = server.request(request.body(Body::from(body)).map_err(|_| ServerDown)?)?;
    Ok((answer.status < 300).then(|| answer.json()))
}

impl SimWorld<'_> {
    /// One visit: enrols if needed, and pushes one entry. Entries that a restore removed are not checked.
    pub(super) fn newer_handset(&mut self, event: &PlannedEvent) -> CheckResult {
        let visited = self.visit(event.r);
        self.check_server_crash();
        match visited {
            Ok(Ok(())) | Err(ServerDown) => Ok(()),
            Ok(Err(violation)) => Err(violation),
        }
    }
    fn visit(&mut self, r: u64) -> Result<CheckResult, ServerDown> {
        let (mut rng, now) = (Rng(r), self.time.now());
        let mut own = Rng(self.plan.seed ^ 0x4E57);
        let key = SoftwareKey::from_secret(&Sha256::of(&self.plan.seed.to_le_bytes()).0);
        let stream = StreamId::from_parts(1_795_395_600_000, ten(&mut own));
        let Some(beat) = self.template.beats.get(MOST) else {
            return Err(ServerDown);
        };
        if self.newer_handset.away {
            return Ok(Ok(()));
        }
        let sign = |message: &[u8]| key.sign(message).map_err(|_| ServerDown);
        if !self.newer_handset.enrolled {
            let code = Invitation::from_text(&beat.invitation)
                .map_err(|_| ServerDown)?
                .code;
            let body = json!({"v": 9, "code": code, "stream": stream, "key": key.public_key(),
                "device": {"model": "next", "os": "next", "app": "9.0.0", "colour": "red"},
                "signature": sign(&enrol_message(&code, stream))?, "future": {"a": [1]}});
            if post(
                &self.server,
                "/v1/field/enrol",
                &[],
                body.to_string().into_bytes(),
            )?
            .is_none()
            {
                return Ok(Ok(()));
            }
            self.newer_handset.enrolled = true;
        }
        let body = json!({"stream": stream, "future": 1}).to_string().into_bytes();
        let Some(challenge) = post(&self.server, "/v1/field/challenge", &[], body)? else {
            return Ok(Ok(()));
        };
        let challenge = challenge["challenge"].as_str().unwrap_or_default().to_owned();
        let clock =
            json!({"wall": now, "boot": "next", "monotonic_ms": 5_000_000, "offset_ms": 0, "phase": "moon"});
        let body = json!({"stream": stream, "challenge": challenge, "clock": clock,
            "signature": sign(&challenge_message(stream, &challenge))?});
        let Some(token) = post(
            &self.server,
            "/v1/field/token",
            &[],
            body.to_string().into_bytes(),
        )?
        else {
            return Ok(Ok(()));
        };
        let token = token["token"].as_str().unwrap_or_default().to_owned();
        let n = self.newer_handset.n + 1;
        let id = EntryId::from_parts(now.0.unsigned_abs(), ten(&mut rng));
        let record = RecordId::from_parts(now.0.unsigned_abs(), ten(&mut rng));
        // An entry of this wire version is read; an entry of a newer one is only kept.
        let v = if matches!(r % 4, 1 | 2) { 1 } else { 9 };
        let entry = |id: EntryId,
                     n: u64,
                     record: RecordId,
                     kind: &str,
                     after: Option<EntryId>,
                     payload: Value| {
            json!({"v": v, "id": id, "n": n, "kind": kind, "record": record, "after": after, "author": beat.person,
                "post": beat.post, "payload": payload, "evidence": {"clock": clock, "smell": "none"},
                "weather": "rain"})
            .to_string()
        };
        let said = |text: &str| json!({"text": text, "mood": "good", "photos": []});
        let made = match r % 4 {
            0 => vec![(n, id, entry(id, n, record, "report", None, said("新版本的内容")))],
            // A kind that this version cannot read: kept, and its author is notified.
            1 => vec![(
                n,
                id,
                entry(id, n, record, "report", None, json!({"text": [7], "photos": 3})),
            )],
            // The later number arrives first: it leaves a hole and waits for the earlier one.
            2 => {
                let second = EntryId::from_parts(now.0.unsigned_abs(), ten(&mut rng));
                vec![
                    (
                        n + 1,
                        second,
                        entry(
                            second,
                            n + 1,
                            record,
                            "withdraw",
                            Some(id),
                            json!({"entry": id, "reason": "误报"}),
                        ),
                    ),
                    (n, id, entry(id, n, record, "report", None, said("先到的后到"))),
                ]
            }
            _ => vec![(
                n,
                id,
                entry(id, n, record, "drone_flight", None, json!({"height": 120})),
            )],
        };
        if self.newer_handset.pending.is_empty() {
            self.newer_handset.pending.extend(made);
        }
        let Some((n, id, bytes)) = self.newer_handset.pending.front().cloned() else {
            return Ok(Ok(()));
        };
        // Other bytes under an id that the server holds must be refused, and the held bytes must stay.
        let last = self.newer_handset.last.clone();
        let forged = last.map(|(id, bytes)| (id, bytes.replace("rain", "snow")));
        let entries = match &forged {
            Some((_, forged)) => format!("{bytes},{forged}"),
            None => bytes.clone(),
        };
        let body =
            format!(r#"{{"v":9,"stream":"{stream}","clock":{clock},"entries":[{entries}],"future":true}}"#)
                .into_bytes();
        let headers = [
            ("authorization", format!("Bearer {token}")),
            (SIGNATURE_HEADER, sign(&push_message(&token, &body))?.to_string()),
        ];
        let Some(answer) = post(&self.server, "/v1/field/push", &headers, body)? else {
            return Ok(Ok(()));
        };
        let sha256 = Sha256::of(bytes.as_bytes());
        let Ok(answer) = serde_json::from_value::<PushAnswer>(answer) else {
            return Ok(violation(Invariant::Health, "a push answer cannot be parsed"));
        };
        let receipted = |id: EntryId, sha256: Sha256| {
            let mut receipts = answer.receipts.iter();
            receipts.any(|receipt| receipt.id == id && receipt.sha256 == sha256)
        };
        if let Some((id, forged)) = forged
            && receipted(id, Sha256::of(forged.as_bytes()))
        {
            return Ok(violation(
                Invariant::Untrue,
                format!("the server gave a receipt for bytes other than those it holds under {id}"),
            ));
        }
        if receipted(id, sha256) {
            self.newer_handset.last = Some((id, bytes));
            self.newer_handset.held.insert(id, sha256);
            self.newer_handset.n = self.newer_handset.n.max(n);
            self.newer_handset.numbers.insert(n);
            self.newer_handset.pending.pop_front();
            return Ok(self.newer_handset.marks(&answer));
        }
        Ok(violation(
            Invariant::Lost,
            format!(
                "the server did not take custody of entry {id} of the newer handset: {:?}",
                answer.refused
            ),
        ))
    }
    /// Checks that entries with a receipt are held to the byte, and that entries of unknown kind are held and
    /// not applied.
    pub(super) fn newer_handset_at_rest(&self) -> CheckResult {
        for (id, sha256) in &self.newer_handset.held {
            let id = *id;
            let found: Option<(Sha256, Vec<u8>, String, String)> = self
                .server
                .read(move |tx| {
                    Ok(tx.opt(
                        "SELECT sha256, bytes, kind, state FROM entry WHERE id = ?1",
                        params![id.to_string()],
                        |row| {
                            Ok((
                                row.parse("sha256")?,
                                row.get("bytes")?,
                                row.get("kind")?,
                                row.get("state")?,
                            ))
                        },
                    )?)
                })
                .map_err(check_failed)?;
            match found {
                Some((stands, bytes, kind, state))
                    if stands == *sha256
                        && Sha256::of(&bytes) == *sha256
                        && (kind != "drone_flight" || state == "held") => {}
                other => {
                    let state = other.map(|(.., state)| state);
                    return violation(
                        Invariant::Lost,
                        format!("entry {id} of the newer handset is in state {state:?}"),
                    );
                }
            }
        }
        Ok(())
    }
    /// The server was restored from its backup: the newer handset and its entries may be missing, so it is
    /// not used any more.
    pub(super) fn newer_handset_lost(&mut self) {
        self.newer_handset = NewerHandset {
            away: true,
            ..NewerHandset::default()
        };
    }
}
