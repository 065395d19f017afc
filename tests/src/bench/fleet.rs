//! Hundreds of terminals without their stores: enrolled as real ones are, with keys and tokens. Their
//! requests are signed and compressed as the handset does it, and are built before the measurement.

use super::http::{RawHttpClient, request};
use crate::{
    city::{City, DISTRICT},
    process::{ADMIN, ServerProcess, ServerSetup},
    random::ScenarioRandom,
};
use anyhow::{Context, Result};
use protocol::{
    WIRE_VERSION,
    coding::{CODING, Words},
    entry::Entry,
    evidence::{ClockReading, Evidence, Position},
    field::{Device, EnrolAnswer, EnrolRequest, Invitation},
    geo::PointE7,
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    open::Open,
    payload::{CheckIn, Payload, Report},
    photo::PhotoRef,
    push::{BRIEF, Envelope},
    sign::{SIGNATURE_HEADER, Signer as _, SoftwareKey, challenge_message, enrol_message, push_message},
    time::Millis,
};
use serde_json::{Value, json, value::RawValue};
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Number of threads that enrol terminals.
const HANDS: usize = 8;
/// No request limit per minute: the few terminals of a bench send as much as a city does. Tokens last longer
/// than the bench.
pub(super) const SETTINGS: &str = "field_requests_per_minute = 0\npush_kb_per_minute = 0\nstaff_requests_per_minute = 0\nstranger_requests_per_minute = 0\n\
    field_token_minutes = 600\nevents_per_terminal = 100\nconnections_per_caller = 1000\nconnections = 19000\nmetrics_token = \"bench\"\n";

/// The text of a report; texts differ, so that no two reports compress into one.
pub fn words(random: &mut ScenarioRandom) -> String {
    const WHAT: [&str; 8] = [
        "人行道地砖破损",
        "井盖缺失",
        "垃圾堆放未清运",
        "路灯不亮",
        "违规占道经营",
        "树枝折断压住电线",
        "墙面乱贴小广告",
        "积水没过路沿",
    ];
    const SO: [&str; 8] = [
        "行人绕行车道，建议尽快维修并设置警示标志",
        "居民反映已有三天，物业称不归其管理",
        "夜间看不清，有老人绊倒",
        "已联系责任单位，对方答复下午到场",
        "占用约半条非机动车道",
        "影响学校门口通行，早高峰拥堵",
        "上次处理后又出现",
        "现场已用锥桶围挡",
    ];
    let (what, so) = (random.pick(&WHAT), random.pick(&SO));
    let (what, so) = (what.copied().unwrap_or_default(), so.copied().unwrap_or_default());
    format!("{what}约{}处，{so}。", 1 + random.below(9))
}

/// An initialised city over plain HTTP on loopback, as the benches need it.
pub fn set_up_city(folder: &Path, database: Option<&str>) -> Result<City> {
    let setup = ServerSetup {
        database: database.map(str::to_owned),
        ..bench_setup()
    };
    City::small(folder, setup)
}

/// How [`set_up_city`] sets up its server, on SQLite.
pub(super) fn bench_setup() -> ServerSetup {
    ServerSetup {
        settings: Some(SETTINGS.into()),
        plain_http: true,
        ..ServerSetup::default()
    }
}

/// A terminal with its key and its token.
pub struct BenchTerminal {
    pub stream: StreamId,
    pub person: PersonId,
    pub post: PostId,
    pub token: String,
    key: SoftwareKey,
    point: PointE7,
    random: ScenarioRandom,
    n: u64,
}

/// The machine's clock.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(0))
}

fn clock() -> ClockReading {
    let now = now();
    ClockReading {
        wall: now,
        boot: "5d3c9a52-2f0e-4c55-9d1b-7a3f60c1e2aa".into(),
        monotonic_ms: now.0 % 1_000_000_000,
        offset_ms: Some(137),
    }
}

/// Enrols `count` terminals, each with its own post and holder.
pub fn enrol_fleet(city: &City, count: usize) -> Result<Vec<BenchTerminal>> {
    let address = city.server.address();
    let session = json!({"account": ADMIN, "password": city.server.admin_password});
    let session = RawHttpClient::to(address).post("/v1/session", "", &session)?;
    let admin = text(&session, "token")?;
    let point = city
        .pack
        .view()
        .cells()
        .next()
        .context("the pack has no cells")?
        .centroid();
    let next = AtomicUsize::new(0);
    // Post numbers are unique in the city, so the time starts the numbers of a second fleet after those of
    // the first.
    let series = now().0;
    let work = || -> Result<Vec<BenchTerminal>> {
        let mut client = RawHttpClient::to(address);
        let mut units = Vec::new();
        loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= count {
                return Ok(units);
            }
            let number = format!("{series}-{k}");
            units.push(enrol(&mut client, &admin, &city.district, &number, point)?);
        }
    };
    let mut units = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let hands: Vec<_> = (0..HANDS.min(count)).map(|_| scope.spawn(work)).collect();
        for hand in hands {
            units.append(
                &mut hand
                    .join()
                    .map_err(|_| anyhow::anyhow!("an enrolment thread panicked"))??,
            );
        }
        Ok(())
    })?;
    Ok(units)
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no {key} in {value}"))?.to_owned())
}

fn enrol(
    client: &mut RawHttpClient,
    admin: &str,
    org: &str,
    number: &str,
    point: PointE7,
) -> Result<BenchTerminal> {
    let roles = json!([{"role": "patroller", "org": org}]);
    let person = json!({"name": "巡查员", "org": org, "roles": roles});
    let person = text(&client.post("/v1/people", admin, &person)?, "id")?;
    let post = json!({"org": org, "number": number, "name": "岗位", "areas": [DISTRICT]});
    let post = text(&client.post("/v1/posts", admin, &post)?, "id")?;
    let holder = json!({"person": person});
    client.post(&format!("/v1/posts/{post}/holders"), admin, &holder)?;
    let terminal = json!({"label": number, "org": org});
    let terminal = text(&client.post("/v1/terminals", admin, &terminal)?, "id")?;
    let invited = json!({"post": post, "person": person});
    let invited = client.post(&format!("/v1/terminals/{terminal}/invitations"), admin, &invited)?;
    let invitation = Invitation::from_text(&text(&invited, "invitation")?)?;

    let mut random = ScenarioRandom::of(7, number);
    let mut secret = [0; 32];
    fill(&mut random, &mut secret);
    let key = SoftwareKey::from_secret(&secret);
    let stream = StreamId::from_parts(millis(), ten(&mut random));
    let asked = EnrolRequest {
        v: WIRE_VERSION,
        code: invitation.code.clone(),
        stream,
        key: key.public_key(),
        device: Device {
            model: "bench".into(),
            os: "linux".into(),
            app: env!("CARGO_PKG_VERSION").into(),
        },
        predecessor: None,
        signature: key.sign(&enrol_message(&invitation.code, stream))?,
    };
    let answer = client.post("/v1/field/enrol", "", &serde_json::to_value(&asked)?)?;
    let _: EnrolAnswer = serde_json::from_value(answer)?;
    let challenge = client.post("/v1/field/challenge", "", &json!({"stream": stream}))?;
    let challenge = text(&challenge, "challenge")?;
    let signature = key.sign(&challenge_message(stream, &challenge))?;
    let asked = json!({"stream": stream, "challenge": challenge, "signature": signature, "clock": clock()});
    let token = text(&client.post("/v1/field/token", "", &asked)?, "token")?;
    Ok(BenchTerminal {
        stream,
        person: person.parse()?,
        post: post.parse()?,
        token,
        key,
        point,
        random,
        n: 0,
    })
}

fn fill(random: &mut ScenarioRandom, bytes: &mut [u8]) {
    for byte in bytes {
        *byte = random.bits().to_le_bytes()[0];
    }
}

fn ten(random: &mut ScenarioRandom) -> [u8; 10] {
    let mut ten = [0; 10];
    fill(random, &mut ten);
    ten
}

fn millis() -> u64 {
    u64::try_from(now().0).unwrap_or(0)
}

impl BenchTerminal {
    /// The entry of a new report.
    pub fn report(&mut self, photos: Vec<PhotoRef>) -> Result<Vec<u8>> {
        let around = |random: &mut ScenarioRandom| i32::try_from(random.below(2000)).unwrap_or(0) - 1000;
        let point = PointE7 {
            lat: self.point.lat + around(&mut self.random),
            lon: self.point.lon + around(&mut self.random),
        };
        let report = Report {
            matter: None,
            text: words(&mut self.random),
            place: None,
            cell: None,
            address: format!("桂林路 {} 号", self.random.below(900)),
            cell_chosen: false,
            self_handled: false,
            photos,
        };
        self.entry(&Payload::Report(report), Some(point))
    }
    pub fn check_in(&mut self) -> Result<Vec<u8>> {
        self.located(&Payload::CheckIn(CheckIn::default()))
    }
    /// An entry made where the terminal is.
    pub fn located(&mut self, payload: &Payload) -> Result<Vec<u8>> {
        let point = self.point;
        self.entry(payload, Some(point))
    }
    /// The next entry gets this number.
    pub fn go_on_with(&mut self, n: u64) {
        self.n = n.saturating_sub(1);
    }
    fn entry(&mut self, payload: &Payload, point: Option<PointE7>) -> Result<Vec<u8>> {
        self.n += 1;
        let clock = clock();
        let entry = Entry {
            v: WIRE_VERSION,
            id: EntryId::from_parts(millis(), ten(&mut self.random)),
            n: self.n,
            kind: Open::Known(payload.kind()),
            record: RecordId::from_parts(millis(), ten(&mut self.random)),
            after: None,
            supersedes: None,
            author: self.person,
            post: self.post,
            grid: None,
            payload: payload.to_json()?,
            evidence: Evidence {
                position: point.map(|point| Position {
                    point,
                    accuracy_cm: 480,
                    provider: "gps".into(),
                    mock: false,
                    fix_time: clock.wall,
                    monotonic_ms: None,
                }),
                clock,
            },
        };
        Ok(entry.to_bytes()?)
    }
    /// The body of a push request with these entries, signed and compressed.
    pub fn push(&self, entries: Vec<Vec<u8>>) -> Result<Vec<u8>> {
        let entries = entries
            .into_iter()
            .map(|entry| Ok(RawValue::from_string(String::from_utf8(entry)?)?))
            .collect::<Result<_>>()?;
        let body = serde_json::to_vec(&Envelope {
            v: WIRE_VERSION,
            stream: self.stream,
            clock: clock(),
            exchange: None,
            entries,
        })?;
        let signature = self.key.sign(&push_message(&self.token, &body))?.to_string();
        let bearer = self.bearer();
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept-encoding", "gzip, xunge-1"),
            ("content-encoding", CODING),
            BRIEF,
            (SIGNATURE_HEADER, &signature),
        ];
        let packed = Words::of(self.stream, self.person, self.post).pack(&body);
        let packed = packed.context("the body cannot be compressed")?;
        Ok(request("POST", "/v1/field/push", &headers, &packed))
    }
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
    /// `count` push requests with `each` reports.
    pub fn pushes(&mut self, count: usize, each: usize) -> Result<Vec<Vec<u8>>> {
        let push = |_| {
            let entries = (0..each)
                .map(|_| self.report(Vec::new()))
                .collect::<Result<_>>()?;
            self.push(entries)
        };
        (0..count).map(push).collect()
    }
}

/// Sends the requests of several clients, each in order over its own connection. Returns the latency of each
/// response in milliseconds, and the total time.
pub fn send_all(server: SocketAddr, work: &[Vec<Vec<u8>>]) -> Result<(Vec<f64>, Duration)> {
    send_all_to(&[server], work)
}

/// As [`send_all`]; the clients are spread over these servers.
pub fn send_all_to(servers: &[SocketAddr], work: &[Vec<Vec<u8>>]) -> Result<(Vec<f64>, Duration)> {
    let began = std::time::Instant::now();
    let one = |server: SocketAddr, requests: &[Vec<u8>]| -> Result<Vec<f64>> {
        let mut client = RawHttpClient::to(server);
        let timed = |request: &Vec<u8>| {
            let sent = std::time::Instant::now();
            client.send(request)?.good()?;
            Ok(sent.elapsed().as_secs_f64() * 1000.0)
        };
        requests.iter().map(timed).collect()
    };
    let mut times = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = work
            .iter()
            .zip(servers.iter().cycle())
            .map(|(requests, server)| scope.spawn(|| one(*server, requests)))
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
    Ok((times, began.elapsed()))
}

/// The process id of a running server.
pub fn process(server: &ServerProcess) -> Result<u32> {
    server.process().context("the server is not running")
}
