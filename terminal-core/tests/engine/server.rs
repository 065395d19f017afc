//! The server's side of the sync contract, in memory.

use protocol::{
    entry::{EntryFrame, Receipt},
    feed::{FeedRow, PullAnswer},
    field::{
        Certificate, ChallengeAnswer, ChallengeRequest, Contact, EnrolAnswer, EnrolRequest,
        SignedCertificate, TokenAnswer, TokenRequest,
    },
    ids::{EntryId, PersonId, PostId, StreamId, TerminalId},
    manifest::{AppRelease, Manifest, ManifestFile, SignedManifest},
    photo::Sha256,
    problem::{Problem, ProblemCode},
    push::{Envelope, PushAnswer, RefusedEntry, StreamMark},
    sign::{
        PublicKey, SIGNATURE_HEADER, Signer, SoftwareKey, certificate_message, challenge_message,
        enrol_message, manifest_message, push_message,
    },
    time::Millis,
};
use std::collections::{BTreeMap, HashMap};
use terminal_core::transport::{Method, Request, Response};
use uuid::Uuid;

#[derive(Clone)]
pub struct ServerEntry {
    pub id: EntryId,
    pub bytes: Vec<u8>,
    pub received: Millis,
}

#[derive(Clone)]
pub struct UploadRow {
    pub sha256: Sha256,
    pub size: u64,
    pub bytes: Vec<u8>,
}

/// The content of a backup.
#[derive(Clone, Default)]
pub struct Data {
    pub streams: HashMap<StreamId, (PublicKey, SignedCertificate)>,
    pub entries: BTreeMap<u64, ServerEntry>,
    pub photos: HashMap<Sha256, Vec<u8>>,
    pub uploads: HashMap<String, UploadRow>,
}

pub struct Server {
    pub key: SoftwareKey,
    pub epoch: String,
    pub data: Data,
    pub photos: HashMap<Sha256, Vec<u8>>,
    pub entries: BTreeMap<u64, ServerEntry>,
    pub streams: HashMap<StreamId, (PublicKey, SignedCertificate)>,
    pub uploads: HashMap<String, UploadRow>,
    /// How often each entry was processed; once is right.
    pub filed: HashMap<EntryId, u32>,
    pub token: Option<String>,
    pub counter: u32,
    pub max_batch: usize,
    pub max_chunk: usize,
    /// Answer to any push that holds one of these entries.
    pub poison: HashMap<EntryId, Response>,
    pub rows: Vec<FeedRow>,
    pub page: usize,
    pub files: Vec<(ManifestFile, Vec<u8>)>,
    pub app: Option<(AppRelease, Vec<u8>)>,
    pub contact: Option<Contact>,
    pub revoked: bool,
    pub pushes: Vec<usize>,
}

pub fn problem(code: ProblemCode) -> Response {
    Response {
        status: code.status(),
        headers: vec![("content-type".into(), "application/problem+json".into())],
        body: serde_json::to_vec(&Problem::new(code)).unwrap(),
    }
}
fn ok<T: serde::Serialize>(body: &T) -> Response {
    Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: serde_json::to_vec(body).unwrap(),
    }
}
pub(super) fn empty(status: u16, headers: &[(&str, String)]) -> Response {
    Response {
        status,
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect(),
        body: vec![],
    }
}
pub(super) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request
        .headers
        .iter()
        .find(|(n, _)| *n == name)
        .map_or("", |(_, v)| v.as_str())
}

impl Server {
    pub fn new() -> Self {
        Self {
            key: SoftwareKey::from_secret(&[42; 32]),
            epoch: "epoch-1".into(),
            data: Data::default(),
            photos: HashMap::new(),
            entries: BTreeMap::new(),
            streams: HashMap::new(),
            uploads: HashMap::new(),
            filed: HashMap::new(),
            token: None,
            counter: 0,
            max_batch: 500,
            max_chunk: usize::MAX,
            poison: HashMap::new(),
            rows: vec![],
            page: 500,
            files: vec![],
            app: None,
            contact: None,
            revoked: false,
            pushes: vec![],
        }
    }
    pub fn backup(&mut self) {
        self.data = Data {
            streams: self.streams.clone(),
            entries: self.entries.clone(),
            photos: self.photos.clone(),
            uploads: self.uploads.clone(),
        };
    }
    /// Restores the backup; a new epoch begins.
    pub fn restore(&mut self) {
        let data = self.data.clone();
        self.streams = data.streams;
        self.entries = data.entries;
        self.photos = data.photos;
        self.uploads = data.uploads;
        let held: Vec<EntryId> = self.entries.values().map(|h| h.id).collect();
        self.filed.retain(|id, _| held.contains(id));
        self.token = None;
        self.epoch.push('+');
    }
    pub fn entry(&self, id: EntryId) -> Option<&[u8]> {
        self.entries
            .values()
            .find(|h| h.id == id)
            .map(|h| h.bytes.as_slice())
    }
    fn mark(&self) -> StreamMark {
        StreamMark::of(self.entries.keys().copied())
    }

    pub fn handle(&mut self, request: &Request, now: Millis) -> Response {
        let path = request.path.strip_prefix("/v1/field/").expect("path");
        match (request.method, path) {
            (Method::Post, "enrol") => return self.enrol(request, now),
            (Method::Post, "challenge") => {
                let _: ChallengeRequest = serde_json::from_slice(&request.body).unwrap();
                self.counter += 1;
                return ok(&ChallengeAnswer {
                    epoch: self.epoch.clone(),
                    server_time: now,
                    challenge: format!("challenge-{}", self.counter),
                });
            }
            (Method::Post, "token") => return self.give_token(request, now),
            _ => {}
        }
        let token = header(request, "authorization")
            .strip_prefix("Bearer ")
            .unwrap_or("")
            .to_owned();
        if self.token.as_deref() != Some(token.as_str()) {
            return problem(ProblemCode::TokenExpired);
        }
        match (request.method, path) {
            (Method::Post, "push") => self.push(request, &token, now),
            (Method::Get, "manifest") => {
                let manifest = serde_json::to_string(&Manifest {
                    v: 1,
                    issued: now,
                    files: self.files.iter().map(|(f, _)| f.clone()).collect(),
                    app: self.app.as_ref().map(|(release, _)| release.clone()),
                    contact: self.contact.clone(),
                    asked: None,
                })
                .unwrap();
                let signature = self.key.sign(&manifest_message(&manifest)).unwrap();
                ok(&SignedManifest { manifest, signature })
            }
            (Method::Post, "photos") => self.create(request, now),
            (Method::Get, p) if p.starts_with("pull?cursor=") => self.pull(&p["pull?cursor=".len()..], now),
            (Method::Get, p) if p.starts_with("photos/by-hash/") => {
                let held = self
                    .photos
                    .iter()
                    .find(|(hash, _)| p.ends_with(&hash.to_string()));
                match held {
                    Some((_, bytes)) => Response {
                        status: 200,
                        headers: vec![],
                        body: bytes.clone(),
                    },
                    None => problem(ProblemCode::NotFound),
                }
            }
            (Method::Get, p) if p.starts_with("files/") => {
                self.file(&p["files/".len()..], header(request, "range"))
            }
            (Method::Head, p) => self.head(&p["photos/".len()..], now),
            (Method::Patch, p) => self.patch(&p["photos/".len()..], request, now),
            other => panic!("{other:?}"),
        }
    }

    fn enrol(&mut self, request: &Request, now: Millis) -> Response {
        let asked: EnrolRequest = serde_json::from_slice(&request.body).unwrap();
        asked
            .key
            .verify(&enrol_message(&asked.code, asked.stream), &asked.signature)
            .unwrap();
        if let Some((key, _)) = self.streams.get(&asked.stream) {
            assert_eq!(*key, asked.key);
        } else if !self.streams.is_empty() {
            return problem(ProblemCode::EnrolCode);
        }
        let certificate = serde_json::to_string(&Certificate {
            v: 1,
            stream: asked.stream,
            key: asked.key.clone(),
            terminal: TerminalId(Uuid::from_u128(2)),
            post: PostId(Uuid::from_u128(3)),
            holder: PersonId(Uuid::from_u128(4)),
            county: "220104".parse().unwrap(),
            issued: now,
            predecessor: None,
        })
        .unwrap();
        let signature = self.key.sign(&certificate_message(&certificate)).unwrap();
        let signed = SignedCertificate {
            certificate,
            signature,
        };
        let signed = self
            .streams
            .entry(asked.stream)
            .or_insert((asked.key, signed))
            .1
            .clone();
        ok(&EnrolAnswer {
            epoch: self.epoch.clone(),
            server_time: now,
            certificate: signed,
            server_key: self.key.public_key(),
            holder_name: "王芳".into(),
            roles: vec![],
        })
    }

    fn give_token(&mut self, request: &Request, now: Millis) -> Response {
        let asked: TokenRequest = serde_json::from_slice(&request.body).unwrap();
        if asked.challenge != format!("challenge-{}", self.counter) {
            return problem(ProblemCode::Challenge);
        }
        if self.revoked {
            return problem(ProblemCode::StreamRevoked);
        }
        if !self.streams.contains_key(&asked.stream) {
            let Some(signed) = asked.certificate else {
                return problem(ProblemCode::StreamUnknown);
            };
            self.key
                .public_key()
                .verify(&certificate_message(&signed.certificate), &signed.signature)
                .unwrap();
            let certificate: Certificate = serde_json::from_str(&signed.certificate).unwrap();
            self.streams.insert(asked.stream, (certificate.key, signed));
        }
        let key = &self.streams[&asked.stream].0;
        key.verify(
            &challenge_message(asked.stream, &asked.challenge),
            &asked.signature,
        )
        .unwrap();
        let token = format!("token-{}", self.counter);
        self.token = Some(token.clone());
        ok(&TokenAnswer {
            pins: Vec::new(),
            server_keys: Vec::new(),
            epoch: self.epoch.clone(),
            server_time: now,
            token,
            expires_in_s: 900,
            mark: self.mark(),
        })
    }

    fn push(&mut self, request: &Request, token: &str, now: Millis) -> Response {
        let envelope: Envelope = serde_json::from_slice(&request.body).unwrap();
        let signature = header(request, SIGNATURE_HEADER).parse().unwrap();
        self.streams[&envelope.stream]
            .0
            .verify(&push_message(token, &request.body), &signature)
            .unwrap();
        self.pushes.push(envelope.entries.len());
        if envelope.entries.len() > self.max_batch {
            return problem(ProblemCode::TooMany);
        }
        let frames: Vec<EntryFrame> = envelope
            .entries
            .iter()
            .map(|raw| serde_json::from_str(raw.get()).unwrap())
            .collect();
        if let Some(answer) = frames.iter().find_map(|f| self.poison.get(&f.id)) {
            return answer.clone();
        }
        let (mut receipts, mut refused) = (vec![], vec![]);
        for (index, (raw, frame)) in envelope.entries.iter().zip(frames).enumerate() {
            let bytes = raw.get().as_bytes();
            let no = |code: ProblemCode| RefusedEntry {
                index,
                id: Some(frame.id),
                code: code.into(),
                detail: String::new(),
            };
            let same_id = self
                .entries
                .iter()
                .find(|(_, h)| h.id == frame.id)
                .map(|(n, h)| (*n, h.clone()));
            let held = match same_id {
                Some((n, held)) if n == frame.n && held.bytes == bytes => held,
                Some(_) => {
                    refused.push(no(ProblemCode::EntryConflict));
                    continue;
                }
                None if self.entries.contains_key(&frame.n) => {
                    refused.push(no(ProblemCode::EntryNumberTaken));
                    continue;
                }
                None => {
                    let held = ServerEntry {
                        id: frame.id,
                        bytes: bytes.to_vec(),
                        received: now,
                    };
                    self.entries.insert(frame.n, held.clone());
                    *self.filed.entry(frame.id).or_default() += 1;
                    held
                }
            };
            receipts.push(Receipt {
                id: frame.id,
                n: frame.n,
                sha256: Sha256::of(bytes),
                received: held.received,
            });
        }
        ok(&PushAnswer {
            epoch: self.epoch.clone(),
            server_time: now,
            body_sha256: Sha256::of(&request.body),
            receipts,
            refused,
            mark: self.mark(),
            taken: None,
        })
    }

    fn pull(&mut self, cursor: &str, now: Millis) -> Response {
        let cursor = cursor.replace("%2B", "+").replace("%3A", ":");
        let known = cursor
            .split_once(':')
            .filter(|(epoch, _)| *epoch == self.epoch)
            .and_then(|(_, n)| n.parse::<u64>().ok());
        let from = known.unwrap_or(0);
        let mut rows: Vec<FeedRow> = self.rows.iter().filter(|r| r.n > from).cloned().collect();
        rows.sort_by_key(|r| r.n);
        let more = rows.len() > self.page;
        rows.truncate(self.page);
        let last = rows.last().map_or(from, |r| r.n);
        let reset = match known {
            Some(_) => vec![],
            None => vec![
                protocol::feed::Mailbox::Post.into(),
                protocol::feed::Mailbox::Author.into(),
            ],
        };
        ok(&PullAnswer {
            epoch: self.epoch.clone(),
            server_time: now,
            reset,
            rows,
            cursor: format!("{}:{last}", self.epoch),
            more,
        })
    }

    fn file(&self, sha256: &str, range: &str) -> Response {
        let files = self.files.iter().map(|(_, bytes)| bytes);
        let bytes = files
            .chain(self.app.iter().map(|(_, bytes)| bytes))
            .find(|bytes| Sha256::of(bytes).to_string() == sha256)
            .expect("file");
        let Some((from, to)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
            return Response {
                status: 200,
                headers: vec![],
                body: bytes.clone(),
            };
        };
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        Response {
            status: 206,
            headers: vec![(
                "content-range".into(),
                format!("bytes {from}-{to}/{}", bytes.len()),
            )],
            body: bytes[from..=to].to_vec(),
        }
    }
}
