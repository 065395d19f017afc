//! Staff at the centre: a client of the HTTP API and nothing else.

use anyhow::{Context, Result, bail};
use reqwest::{
    Method,
    blocking::{Client, RequestBuilder, Response},
};
use serde_json::Value;
use std::{net::IpAddr, time::Duration};

/// A server as staff reach it.
#[derive(Clone)]
pub struct StaffApi {
    client: Client,
    base: String,
}

/// A problem response (status other than 2xx).
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {body}")]
pub struct ApiRefusal {
    pub status: u16,
    /// The stable code of the problem; empty if the body was no problem document.
    pub code: String,
    pub body: Value,
}

/// A signed-in person.
#[derive(Clone)]
pub struct StaffSession {
    office: StaffApi,
    token: String,
}

impl StaffApi {
    /// `certificate` is the server's own certificate (PEM); `None` for plain HTTP on loopback.
    pub fn new(base: &str, certificate: Option<&str>) -> Result<Self> {
        Self::from_address(base, certificate, None)
    }
    /// As [`Self::new`], from this address of the machine instead of the usual one.
    pub fn from_address(base: &str, certificate: Option<&str>, address: Option<IpAddr>) -> Result<Self> {
        // The first installed provider wins; all callers install ring. reqwest needs one for plain HTTP too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .timeout(Duration::from_secs(60))
            .local_address(address);
        builder = match certificate {
            Some(pem) => builder.tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes())?]),
            None => builder,
        };
        Ok(Self {
            client: builder.build()?,
            base: base.trim_end_matches('/').to_owned(),
        })
    }
    pub fn base(&self) -> &str {
        &self.base
    }
    /// GET without a session.
    pub fn get(&self, path: &str) -> Result<Value> {
        success_body(self.request(Method::GET, path).send()?)
    }
    /// GET of a text body without a session.
    pub fn text(&self, path: &str) -> Result<String> {
        Ok(self
            .request(Method::GET, path)
            .send()?
            .error_for_status()?
            .text()?)
    }
    pub fn sign_in(&self, account: &str, password: &str) -> Result<StaffSession> {
        Ok(self.open_session(account, password)?.0)
    }
    /// Signs in with the password that the server gave for a new or reset account, and changes it to one of the account's
    /// own, because it opens nothing else. Returns the session and the password for the next sign-in, which is the same if
    /// it was an own one already.
    pub fn first_sign_in(&self, account: &str, password: &str) -> Result<(StaffSession, String)> {
        let (session, answer) = self.open_session(account, password)?;
        if answer.get("password_due") != Some(&Value::Bool(true)) {
            return Ok((session, password.to_owned()));
        }
        let own = format!("own-{password}");
        session.post(
            "/v1/session/password",
            &serde_json::json!({"old": password, "new": own}),
        )?;
        Ok((session, own))
    }
    fn open_session(&self, account: &str, password: &str) -> Result<(StaffSession, Value)> {
        let body = serde_json::json!({"account": account, "password": password});
        let answer = success_body(self.request(Method::POST, "/v1/session").json(&body).send()?)?;
        let token = answer
            .get("token")
            .and_then(Value::as_str)
            .context("no token in the session")?;
        let session = StaffSession {
            office: self.clone(),
            token: token.to_owned(),
        };
        Ok((session, answer))
    }
    /// Starts a request that the caller completes.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }
}

impl StaffSession {
    /// The bearer token, for clients of other projects.
    pub fn token(&self) -> &str {
        &self.token
    }
    pub fn get(&self, path: &str) -> Result<Value> {
        success_body(self.request(Method::GET, path).send()?)
    }
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        success_body(self.request(Method::POST, path).json(body).send()?)
    }
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        success_body(self.request(Method::PUT, path).json(body).send()?)
    }
    pub fn delete(&self, path: &str) -> Result<Value> {
        success_body(self.request(Method::DELETE, path).send()?)
    }
    /// POST; an expected refusal is returned as the inner `Err`.
    pub fn try_post(&self, path: &str, body: &Value) -> Result<Result<Value, ApiRefusal>> {
        match self.post(path, body) {
            Ok(value) => Ok(Ok(value)),
            Err(error) => match error.downcast::<ApiRefusal>() {
                Ok(refusal) => Ok(Err(refusal)),
                Err(error) => Err(error),
            },
        }
    }
    /// Uploads raw bytes.
    pub fn upload(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Result<Value> {
        success_body(
            self.request(Method::POST, path)
                .header("content-type", media_type)
                .body(bytes)
                .send()?,
        )
    }
    /// Downloads raw bytes.
    pub fn download(&self, path: &str) -> Result<Vec<u8>> {
        let response = self.request(Method::GET, path).send()?;
        if response.status().is_success() {
            Ok(response.bytes()?.to_vec())
        } else {
            bail!(refusal(response)?)
        }
    }
    /// Fetches all pages of a list: `{items, next}`.
    pub fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let cursor = after
                .as_ref()
                .map_or_else(String::new, |after| format!("&after={after}"));
            let page = success_body(
                self.request(Method::GET, &format!("{path}{joint}limit=200{cursor}"))
                    .send()?,
            )?;
            items.extend(
                page.get("items")
                    .and_then(Value::as_array)
                    .context("no items in the list")?
                    .iter()
                    .cloned(),
            );
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                return Ok(items);
            }
        }
    }
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.office.request(method, path).bearer_auth(&self.token)
    }
}

fn success_body(response: Response) -> Result<Value> {
    if !response.status().is_success() {
        bail!(refusal(response)?);
    }
    let text = response.text()?;
    Ok(if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text)?
    })
}

fn refusal(response: Response) -> Result<ApiRefusal> {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text()?).unwrap_or(Value::Null);
    let code = body
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Ok(ApiRefusal { status, code, body })
}
