//! A client that a generator made from `server/openapi.json` performs every operation of the description (issue 14). The
//! client is Python, so `cargo xtask test client` generates it and runs this test; `tests/judges/client.py` calls it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "support/centre.rs"]
mod centre;
#[path = "support/operations.rs"]
mod operations;
#[path = "support/serving.rs"]
mod serving;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use operations::{Caller, Example, Objects, Operation, Reach};
use protocol::{
    ids::PersonId,
    parcel::{Contents, ParcelSender, SealedFor, seal},
    payload::Payload,
    role::Role,
    sign::{SIGNATURE_HEADER, Signer as _, push_message},
};
use serde_json::{Value, json};
use server::{kernel::config::Settings, params, people::passwords, terminals::parcel_keys};
use serving::Serving;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
};
use support::{FieldClient, StaffMember, TestApp};

/// The Python that has the generator, and the folder of the generated package.
const PYTHON: &str = "XUNGE_CLIENT_PYTHON";
const FOLDER: &str = "XUNGE_CLIENT_FOLDER";
const METRICS: &str = "scrape";
const PASSWORD: &str = "长春的秋天很短啊";

/// The program that calls the generated client.
struct Generated {
    child: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Generated {
    fn start() -> Self {
        let given =
            |name| std::env::var(name).unwrap_or_else(|_| panic!("{name}: run `cargo xtask test client`"));
        let mut child = Command::new(given(PYTHON))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/judges/client.py"))
            .arg(given(FOLDER))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (asked, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self {
            child,
            asked,
            said: BufReader::new(said),
        }
    }

    fn line(&mut self, line: &Value) -> Value {
        writeln!(self.asked, "{line}").unwrap();
        self.asked.flush().unwrap();
        let mut said = String::new();
        self.said.read_line(&mut said).unwrap();
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: the client said {said:?}"))
    }

    /// Has one request performed; `sign` signs the bytes that the client is about to send.
    fn perform(&mut self, request: &Value, sign: impl Fn(&[u8]) -> String) -> Value {
        let mut said = self.line(request);
        while let Some(bytes) = said["sign"].as_str() {
            let signature = sign(&BASE64.decode(bytes).unwrap());
            said = self.line(&json!({ "signature": signature }));
        }
        said
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Who performs an operation.
enum By {
    Nobody,
    /// Who reads the metrics, with the token of the settings.
    Scraper,
    Staff(Role, StaffMember),
    Terminal(Box<FieldClient>),
}

impl By {
    async fn of(app: &TestApp, o: &Objects, operation: &Operation) -> Self {
        if operation.id == "get_metrics" {
            return Self::Scraper;
        }
        if operation.is_open() {
            return Self::Nobody;
        }
        if operation.is_field() {
            let post = o.inspector.post;
            return Self::Terminal(Box::new(app.handset(post, o.inspector.person).await));
        }
        let roles = operation.roles();
        let role = match roles.contains(&Role::Admin) {
            true => Role::Admin,
            false => roles[0],
        };
        Self::Staff(role, app.staff(role, o.c.city.city).await)
    }
    fn caller(&self) -> Caller<'_> {
        match self {
            Self::Nobody | Self::Scraper => Caller::Nobody,
            Self::Staff(role, member) => Caller::Staff {
                role: *role,
                token: &member.token,
            },
            Self::Terminal(client) => Caller::Terminal(client),
        }
    }
    fn token(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Scraper => Some(METRICS),
            Self::Staff(_, member) => Some(&member.token),
            Self::Terminal(client) => Some(&client.token),
        }
    }
}

async fn with_password(app: &TestApp, person: PersonId) -> String {
    let hash = passwords::hash(&app.app, PASSWORD.into()).await.unwrap();
    app.write(move |tx, _| {
        let id = person.to_string();
        tx.execute(
            "UPDATE person SET password = ?2 WHERE id = ?1",
            params![&id, &hash],
        )?;
        Ok(
            tx.one("SELECT account FROM person WHERE id = ?1", params![&id], |row| {
                row.get::<String>("account")
            })?,
        )
    })
    .await
}

async fn parcel(app: &TestApp, client: &FieldClient) -> Vec<u8> {
    let keys = app.app.identity.seal.clone();
    let key = app
        .app
        .read(move |tx| Ok(parcel_keys::current(tx, &keys)?.public()));
    let sender = ParcelSender {
        stream: client.stream,
        certificate: client.certificate.as_ref().unwrap(),
        signer: &client.key,
    };
    let contents = Contents {
        v: 1,
        clock: client.clock(app),
        sealed_for: SealedFor::Revoked.into(),
        left: 0,
        entries: Vec::new(),
        drafts: Vec::new(),
        photos: Vec::new(),
        missing: Vec::new(),
    };
    seal(&sender, &key.await.unwrap(), &contents, &[], [7; 32]).unwrap()
}

/// A request that succeeds, where the one of the matrix is only admitted.
async fn succeeding(app: &TestApp, o: &Objects, operation: &Operation, by: &mut By) -> Option<Example> {
    let reach = Reach::Anybody;
    let plain = || Example::new(reach, operation.path.clone());
    let made = async |path: &str, by: &StaffMember, body: Value| {
        let answer = app.post_json(path, &by.token, body).await.expect(200);
        answer.json["id"].as_str().unwrap().to_owned()
    };
    let name = operation.name();
    Some(match (name.as_str(), by) {
        ("POST /v1/activities/{record}/review", _) => {
            let path = format!("/v1/activities/{}", o.record);
            let record = app.get(&path, &o.c.supervisor.token).await.expect(200).json;
            Example::new(reach, format!("{path}/review"))
                .json(&json!({"version": record["version"], "decision": "approve"}))
        }
        ("POST /v1/cases/{id}/actions", _) => {
            let mut patroller = app.handset(o.inspector.post, o.inspector.person).await;
            let report = Payload::Report(centre::report("井盖缺失"));
            let entry = patroller.entry_at(app, centre::inside(centre::CELL), &report);
            let id = entry.id;
            patroller.push(app, &[entry]).await;
            let case = centre::case_of(app, id).await;
            let mut body = o.c.needs(app, "prefile").await;
            body["action"] = json!("prefile");
            body["expected_version"] = o.c.case(app, case).await["version"].clone();
            Example::new(reach, format!("/v1/cases/{case}/actions")).json(&body)
        }
        ("POST /v1/cases/{id}/personal-data", _) => {
            let mut report = centre::registration();
            report["text"] = json!("店铺电话043185678901");
            let case = made("/v1/cases", &o.c.acceptor, report).await;
            Example::new(reach, format!("/v1/cases/{case}/personal-data"))
                .json(&json!({"values": ["043185678901"], "to": "contact", "reason": "店铺电话"}))
        }
        ("POST /v1/divisions", _) => {
            let street = json!({
                "code": "220104007", "name": "前进街道", "communities": [["220104007001", "兴华社区"]],
            });
            plain().json(&json!({
                "city": o.c.city.city, "outlined": ["220104"],
                "divisions": {"counties": [{"code": "220104", "name": "朝阳区", "streets": [street]}]},
            }))
        }
        ("POST /v1/field/enrol", _) => {
            let person = o.inspector.person;
            let code = app.code(o.inspector.post, person).await;
            let request = FieldClient::new(app, o.inspector.post, person).enrol_request(&code);
            plain().json(&serde_json::to_value(request).unwrap())
        }
        ("POST /v1/field/parcel", _) => plain()
            .header("content-type", "application/octet-stream")
            .bytes(parcel(app, &o.reporter).await),
        ("POST /v1/field/push", By::Terminal(client)) => {
            let entry = client.entry(app, &Payload::Report(centre::report("井盖缺失")));
            plain()
                .header("content-type", "application/json")
                .header(SIGNATURE_HEADER, "made when the bytes are known")
                .bytes(client.envelope(app, &[entry]))
        }
        ("POST /v1/field/token", _) => {
            let challenge = o.reporter.challenge(app).await;
            plain().json(&serde_json::to_value(o.reporter.token_request(app, &challenge)).unwrap())
        }
        ("POST /v1/review/{entry}", _) => Example::new(reach, format!("/v1/review/{}", o.doubted))
            .json(&json!({"decision": "reject", "reason": "无此情况"})),
        ("POST /v1/session", _) => {
            let account = with_password(app, o.c.acceptor.person).await;
            plain().json(&json!({"account": account, "password": PASSWORD}))
        }
        ("POST /v1/session/password", By::Staff(_, member)) => {
            with_password(app, member.person).await;
            plain().json(&json!({"old": PASSWORD, "new": format!("{PASSWORD}，冬天很长")}))
        }
        ("POST /v1/tasks/{id}/cancel", _) => {
            let wanted = json!({
                "purpose": "inspect", "wording": "看看路灯", "cell": centre::CELL, "minutes": 60,
            });
            let task = made("/v1/tasks", &o.c.supervisor, wanted).await;
            Example::new(reach, format!("/v1/tasks/{task}/cancel")).json(&json!({"reason": "重复"}))
        }
        _ => return None,
    })
}

/// The answer of the generated client to one operation, or what is wrong.
async fn performed(
    app: &TestApp,
    o: &Objects,
    operation: &Operation,
    (serving, client): (&Serving, &Arc<Mutex<Generated>>),
) -> Value {
    let mut by = By::of(app, o, operation).await;
    let example = match succeeding(app, o, operation, &mut by).await {
        Some(example) => Some(example),
        None => operations::example(app, o, operation, &by.caller()).await,
    };
    let Some(example) = example else {
        return json!({"fault": "no request in tests/support/requests.rs"});
    };
    let headers = example
        .headers
        .iter()
        // tus: the one request without it, because its answer names the versions.
        .filter(|(name, _)| !(operation.method == "OPTIONS" && *name == "tus-resumable"))
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    let mut request = json!({
        "base": format!("http://{}", serving.address),
        "operation": operation.id,
        "template": operation.path,
        "path": example.path,
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": BASE64.encode(&example.body),
        "token": by.token(),
        "refused": false,
    });
    let client = Arc::clone(client);
    let open = operation.is_open();
    // The server answers on this thread.
    let said = tokio::task::spawn_blocking(move || {
        let sign = |bytes: &[u8]| match &by {
            By::Terminal(terminal) => {
                let message = push_message(&terminal.token, bytes);
                terminal.key.sign(&message).unwrap().to_string()
            }
            _ => String::new(),
        };
        let mut client = client.lock().unwrap();
        let done = client.perform(&request, sign);
        if open || done["fault"].is_string() {
            return done;
        }
        // The same request of somebody unknown: the client reads the problem.
        request["token"] = json!("nobody's token");
        request["refused"] = json!(true);
        match client.perform(&request, sign)["fault"].as_str() {
            Some(fault) => json!({"fault": format!("without a token, {fault}")}),
            None => done,
        }
    });
    let said = said.await.unwrap();
    match said["rows"].as_u64() {
        Some(0) if example.reach == Reach::List => json!({"fault": "no row for the model to read"}),
        _ => said,
    }
}

#[tokio::test]
#[ignore = "needs a generated client: cargo xtask test client"]
async fn issue_14_generated_client_performs_every_operation_and_reads_every_answer() {
    let app = Box::pin(TestApp::sqlite_with(Settings {
        metrics_token: METRICS.into(),
        stranger_requests_per_minute: 0,
        ..Settings::default()
    }))
    .await;
    let o = Box::pin(operations::objects(&app)).await;
    let serving = Serving::of(&app);
    let client = Arc::new(Mutex::new(Generated::start()));
    let (mut count, mut faults) = (0, Vec::new());
    for operation in operations::all(&app).await {
        let said = Box::pin(performed(&app, &o, &operation, (&serving, &client))).await;
        count += 1;
        match said["fault"].as_str() {
            Some(fault) => faults.push(format!("{}: {fault}", operation.name())),
            None => println!("{} {} {}", operation.name(), said["status"], said["read"]),
        }
    }
    println!("generated client: {count} operations, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 80, "{count}");
}
