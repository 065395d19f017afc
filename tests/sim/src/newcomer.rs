//! A handset of a version that does not exist yet: it sends kinds, fields and values that the server cannot know. The
//! server keeps them to the byte, says so, and applies nothing of them.

use super::{
    judge::{Judged, Rule, broken, unwell},
    plan::Event,
    server::{Down, Server},
    town::MOST,
    world::World,
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

/// See the module.
#[derive(Default)]
pub struct Newcomer {
    enrolled: bool,
    /// After a restore it stays away.
    away: bool,
    n: u64,
    /// To be sent in this order. Sent, and perhaps held: the same bytes go again until there is a receipt.
    pending: VecDeque<(u64, EntryId, String)>,
    /// Numbers of what has a receipt.
    numbers: BTreeSet<u64>,
    /// The last one that has a receipt.
    last: Option<(EntryId, String)>,
    /// What has a receipt.
    held: BTreeMap<EntryId, Sha256>,
}

impl Newcomer {
    /// The mark says what is held and what is missing.
    fn marks(&self, answer: &PushAnswer) -> Judged {
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
        broken(
            Rule::Incomplete,
            format!(
                "of a newer handset {:?} are held, and the mark says {mark:?}",
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

/// Posts JSON and reads JSON; `None` when the answer was no success.
fn post(
    server: &Server,
    path: &str,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Option<Value>, Down> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = server.request(request.body(Body::from(body)).map_err(|_| Down)?)?;
    Ok((answer.status < 300).then(|| answer.json()))
}

impl World<'_> {
    /// One visit: enrols when it has not, and pushes one entry. What a restore took is not its matter.
    pub(super) fn newcomer(&mut self, event: &Event) -> Judged {
        let visited = self.visit(event.r);
        self.server_may_be_dead();
        match visited {
            Ok(Ok(())) | Err(Down) => Ok(()),
            Ok(Err(broken)) => Err(broken),
        }
    }
    fn visit(&mut self, r: u64) -> Result<Judged, Down> {
        let (mut rng, now) = (Rng(r), self.time.now());
        let mut own = Rng(self.plan.seed ^ 0x4E57);
        let key = SoftwareKey::from_secret(&Sha256::of(&self.plan.seed.to_le_bytes()).0);
        let stream = StreamId::from_parts(1_795_395_600_000, ten(&mut own));
        let Some(beat) = self.town.beats.get(MOST) else {
            return Err(Down);
        };
        if self.newcomer.away {
            return Ok(Ok(()));
        }
        let sign = |message: &[u8]| key.sign(message).map_err(|_| Down);
        if !self.newcomer.enrolled {
            let code = Invitation::from_text(&beat.invitation).map_err(|_| Down)?.code;
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
            self.newcomer.enrolled = true;
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
        let n = self.newcomer.n + 1;
        let id = EntryId::from_parts(now.0.unsigned_abs(), ten(&mut rng));
        let record = RecordId::from_parts(now.0.unsigned_abs(), ten(&mut rng));
        // What is of this version is read; of a newer one it is kept alone.
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
            // What this version cannot read is kept, and its author is told.
            1 => vec![(
                n,
                id,
                entry(id, n, record, "report", None, json!({"text": [7], "photos": 3})),
            )],
            // The later one comes first: there is a hole, and it waits for the other.
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
        if self.newcomer.pending.is_empty() {
            self.newcomer.pending.extend(made);
        }
        let Some((n, id, bytes)) = self.newcomer.pending.front().cloned() else {
            return Ok(Ok(()));
        };
        // Other bytes under an id that is held: they are nobody's, and what is held stays.
        let last = self.newcomer.last.clone();
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
            return Ok(broken(Rule::Unwell, "a push answer does not read"));
        };
        let receipted = |id: EntryId, sha256: Sha256| {
            let mut receipts = answer.receipts.iter();
            receipts.any(|receipt| receipt.id == id && receipt.sha256 == sha256)
        };
        if let Some((id, forged)) = forged
            && receipted(id, Sha256::of(forged.as_bytes()))
        {
            return Ok(broken(
                Rule::Untrue,
                format!("the server gives a receipt for other bytes than it holds under {id}"),
            ));
        }
        if receipted(id, sha256) {
            self.newcomer.last = Some((id, bytes));
            self.newcomer.held.insert(id, sha256);
            self.newcomer.n = self.newcomer.n.max(n);
            self.newcomer.numbers.insert(n);
            self.newcomer.pending.pop_front();
            return Ok(self.newcomer.marks(&answer));
        }
        Ok(broken(
            Rule::Lost,
            format!(
                "the server takes no custody of a newer handset's entry {id}: {:?}",
                answer.refused
            ),
        ))
    }
    /// What has a receipt is held to the byte, and what nobody understands is held, not applied.
    pub(super) fn newcomer_at_rest(&self) -> Judged {
        for (id, sha256) in &self.newcomer.held {
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
                .map_err(unwell)?;
            match found {
                Some((stands, bytes, kind, state))
                    if stands == *sha256
                        && Sha256::of(&bytes) == *sha256
                        && (kind != "drone_flight" || state == "held") => {}
                other => {
                    let state = other.map(|(.., state)| state);
                    return broken(
                        Rule::Lost,
                        format!("a newer handset's entry {id} stands as {state:?}"),
                    );
                }
            }
        }
        Ok(())
    }
    /// The server is its backup: the newcomer is gone with what it had brought.
    pub(super) fn newcomer_forgotten(&mut self) {
        self.newcomer = Newcomer {
            away: true,
            ..Newcomer::default()
        };
    }
}
