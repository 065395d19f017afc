//! Every operation of the API description with a real request: real ids of real objects in real bodies. The
//! authorisation matrix and the search for personal data call operations with it.
//!
//! Include it with `#[path = "support/operations.rs"] mod operations;` beside `mod support;`, `mod centre;` and
//! `mod tus_client;`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "objects.rs"]
mod objects;
#[path = "requests.rs"]
mod requests;

pub use objects::{MARK, Objects, objects};
pub use requests::example;

use super::support::{FieldClient, TestApp, TestResponse};
use axum::{body::Body, http::Request};
use bytes::Bytes;
use futures_util::StreamExt as _;
use protocol::role::Role;
use serde_json::{Value, json};

/// An operation of the description.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: String,
    pub path: String,
    /// The name that a generated client gives its function.
    pub id: String,
    pub access: Value,
    pub has_body: bool,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
    pub fn is_open(&self) -> bool {
        self.access.get("open").is_some()
    }
    pub fn is_field(&self) -> bool {
        self.access == json!("field")
    }
    /// The roles that may call it, for an operation of staff.
    pub fn roles(&self) -> Vec<Role> {
        let named = self.access["staff"].as_array().cloned().unwrap_or_default();
        let roles: Vec<Role> = named
            .iter()
            .map(|r| r.as_str().unwrap().parse().unwrap())
            .collect();
        if self.access.get("staff").is_some() && roles.is_empty() {
            return Role::ALL.to_vec();
        }
        roles
    }
}

/// All operations of the description.
pub async fn all(app: &TestApp) -> Vec<Operation> {
    let api = app
        .call("GET", "/openapi.json", None, Value::Null)
        .await
        .expect(200)
        .json;
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                id: described["operationId"].as_str().unwrap_or_default().to_owned(),
                access: described["x-xunge-access"].clone(),
                has_body: !described["requestBody"].is_null(),
            });
        }
    }
    operations
}

/// Whose objects an operation concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// An object in a cell: the role's area must contain it. A department reaches its own cases.
    Area,
    /// An object of the community, or of the unit named: the unit in the tree must be it or above it.
    Tree(Level),
    /// A list: rows of the caller's scope only.
    List,
    /// Nothing but the caller himself, or what every member of staff may read.
    Anybody,
    /// Something that only the caller made, such as an upload.
    Own,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Community,
    District,
    City,
}

/// A request of an operation.
pub struct Example {
    pub reach: Reach,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Example {
    pub fn new(reach: Reach, path: impl Into<String>) -> Self {
        Self {
            reach,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
    pub fn json(mut self, body: &Value) -> Self {
        self.headers.push(("content-type", "application/json".into()));
        self.body = serde_json::to_vec(body).unwrap();
        self
    }
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    pub fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
    pub fn request(&self, method: &str, token: Option<&str>) -> axum::http::request::Builder {
        let mut request = Request::builder().method(method).uri(&self.path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }
    /// Sends the request. An answer without an end (hints) is read until it waits.
    pub async fn send(&self, app: &TestApp, method: &str, token: Option<&str>) -> TestResponse {
        let request = self
            .request(method, token)
            .body(Body::from(self.body.clone()))
            .unwrap();
        finish(app, &self.path, request).await
    }
}

/// Sends a request and reads its answer; of an answer without an end, what is there at once.
pub async fn finish(app: &TestApp, path: &str, request: Request<Body>) -> TestResponse {
    if path != "/v1/field/events" {
        return app.send(request).await;
    }
    let (parts, body) = app.open(request).await.into_parts();
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(Some(Ok(piece))) = futures_util::FutureExt::now_or_never(stream.next()) {
        bytes.extend_from_slice(&piece);
    }
    TestResponse {
        status: parts.status.as_u16(),
        headers: parts.headers,
        json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        bytes,
    }
}

/// Who calls.
pub enum Caller<'a> {
    Staff { role: Role, token: &'a str },
    Terminal(&'a FieldClient),
    Nobody,
}

impl Caller<'_> {
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Staff { token, .. } => Some(token),
            Self::Terminal(client) => Some(&client.token),
            Self::Nobody => None,
        }
    }
}

/// Sends the request of an operation with a body that arrives only after `before` ran: the caller is known by then.
pub async fn send_late(
    app: &TestApp,
    operation: &Operation,
    example: &Example,
    token: &str,
    before: impl Future<Output = ()> + Send + 'static,
) -> TestResponse {
    let body = Bytes::from(example.body.clone());
    let late = futures_util::stream::once(async move {
        before.await;
        Ok::<_, std::io::Error>(body)
    });
    let request = example.request(&operation.method, Some(token));
    app.send(request.body(Body::from_stream(late)).unwrap()).await
}
