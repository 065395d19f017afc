//! A server of a later version, as a handset sees it: a proxy in front of the real server that adds unknown
//! fields, kinds, roles, states and problems to every response. Plain HTTP.

use e2e::city::City;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// The proxy. It ends with the test's process.
pub struct NewerServer {
    url: String,
    shared: Arc<NewerServerShared>,
}

#[derive(Default)]
struct NewerServerShared {
    rewritten: AtomicU64,
    refusal: Mutex<Option<(u16, String)>>,
}

impl NewerServer {
    pub fn before(city: &City) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(NewerServerShared::default());
        let (inner, server) = (shared.clone(), city.server.address());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = inner.clone();
                thread::spawn(move || inner.serve(stream, TcpStream::connect(server).unwrap()));
            }
        });
        Self { url, shared }
    }
    pub fn url(&self) -> &str {
        &self.url
    }
    /// Number of responses that were changed so far.
    pub fn rewritten(&self) -> u64 {
        self.shared.rewritten.load(Ordering::SeqCst)
    }
    /// From now on answers pushes with this problem; the server does not receive them.
    pub fn refuse_pushes(&self, status: u16, code: &str) {
        *self.shared.refusal.lock().unwrap() = Some((status, code.into()));
    }
    pub fn take_pushes(&self) {
        *self.shared.refusal.lock().unwrap() = None;
    }
}

/// An HTTP/1.1 message with a content length.
struct HttpMessage {
    first: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpMessage {
    fn read(from: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            from.read_line(&mut line).ok().filter(|n| *n > 0)?;
            Some(line.trim_end().to_owned())
        };
        let first = line()?;
        let mut headers = Vec::new();
        loop {
            let header = line()?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(
            header("transfer-encoding"),
            None,
            "messages must have a content length"
        );
        let length = header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        Some(Self { first, headers, body })
    }
    fn write(&self, to: &mut TcpStream) -> Option<()> {
        let mut head = format!("{}\r\n", self.first);
        for (name, value) in self.headers.iter().filter(|(n, _)| n != "content-length") {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", self.body.len());
        to.write_all(head.as_bytes()).ok()?;
        to.write_all(&self.body).ok()
    }
}

impl NewerServerShared {
    /// Handles requests and responses in turn until one end closes.
    fn serve(&self, handset: TcpStream, server: TcpStream) -> Option<()> {
        let (mut to_handset, mut to_server) = (handset.try_clone().ok()?, server.try_clone().ok()?);
        let (mut handset, mut server) = (BufReader::new(handset), BufReader::new(server));
        loop {
            let mut request = HttpMessage::read(&mut handset)?;
            // Uncompressed, so that the response can be changed.
            request.headers.retain(|(name, _)| name != "accept-encoding");
            let path = request.first.split(' ').nth(1).unwrap_or_default().to_owned();
            let refusal = self.refusal.lock().unwrap().clone();
            if let Some((status, code)) = refusal.filter(|_| path == "/v1/field/push") {
                let problem = json!({"type": "about:blank", "title": "新的错误", "title_en": "something new",
                    "status": status, "code": code, "moon": true});
                HttpMessage {
                    first: format!("HTTP/1.1 {status} Newer"),
                    headers: vec![("content-type".into(), "application/problem+json".into())],
                    body: serde_json::to_vec(&problem).unwrap(),
                }
                .write(&mut to_handset)?;
                continue;
            }
            request.write(&mut to_server)?;
            let mut answer = HttpMessage::read(&mut server)?;
            // Files are identified by their hash; all other JSON responses are changed.
            if !path.starts_with("/v1/field/files")
                && let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body)
            {
                grow(&mut body);
                if path.starts_with("/v1/field/pull") {
                    foreign_rows(&mut body);
                }
                answer.body = serde_json::to_vec(&body).unwrap();
                self.rewritten.fetch_add(1, Ordering::SeqCst);
            }
            answer.write(&mut to_handset)?;
        }
    }
}

/// Adds fields to every object, and replaces values of lists that may grow.
fn grow(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let is_disposition = object.contains_key("entry") && object.contains_key("at");
            let is_case = object.contains_key("photos_named");
            for (key, value) in object.iter_mut() {
                match (key.as_str(), &value) {
                    ("roles", Value::Array(_)) => value.as_array_mut().unwrap().push(json!("star_captain")),
                    ("purpose", _) => *value = json!("measure_noise"),
                    ("state", _) if is_case => *value = json!("on_the_moon"),
                    ("state", _) if is_disposition => *value = json!("pondered"),
                    _ => grow(value),
                }
            }
            object.insert("from_later".into(), json!({"a": [1, "二"], "b": null}));
        }
        Value::Array(items) => items.iter_mut().for_each(grow),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adds rows of unknown kinds and mailboxes, and a disposition that cannot be parsed.
fn foreign_rows(answer: &mut Value) {
    let Some(rows) = answer.get_mut("rows").and_then(Value::as_array_mut) else {
        return;
    };
    let n = rows.last().and_then(|row| row["n"].as_u64()).unwrap_or(1);
    for (mailbox, kind, body) in [
        ("author", "weather", json!({"sky": "clear"})),
        ("planet", "weather", json!([1, 2, 3])),
        ("author", "disposition", json!("said otherwise")),
        ("post", "task", json!({"task": "unlike any id"})),
    ] {
        rows.push(json!({"mailbox": mailbox, "n": n, "kind": kind, "entity": "later", "body": body}));
    }
}
