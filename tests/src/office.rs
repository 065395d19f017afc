//! Staff at the centre: the HTTP API and nothing else.

use anyhow::{Context, Result, bail};
use reqwest::{
    Method,
    blocking::{Client, RequestBuilder, Response},
};
use serde_json::Value;
use std::time::Duration;

/// A server as staff reach it.
#[derive(Clone)]
pub struct Office {
    client: Client,
    base: String,
}

/// An answer that was no success.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {body}")]
pub struct Refusal {
    pub status: u16,
    /// The stable code of the problem, empty when the body was none.
    pub code: String,
    pub body: Value,
}

/// A signed-in person.
#[derive(Clone)]
pub struct Desk {
    office: Office,
    token: String,
}

impl Office {
    /// `certificate` is the server's own (PEM); none for plain HTTP on loopback.
    pub fn new(base: &str, certificate: Option<&str>) -> Result<Self> {
        // The first to install a provider wins; all of them are ring. Plain HTTP asks for one as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder().timeout(Duration::from_secs(60));
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
    /// An open GET.
    pub fn get(&self, path: &str) -> Result<Value> {
        answer(self.request(Method::GET, path).send()?)
    }
    /// An open GET of text.
    pub fn text(&self, path: &str) -> Result<String> {
        Ok(self
            .request(Method::GET, path)
            .send()?
            .error_for_status()?
            .text()?)
    }
    pub fn sign_in(&self, account: &str, password: &str) -> Result<Desk> {
        let body = serde_json::json!({"account": account, "password": password});
        let answer = answer(self.request(Method::POST, "/v1/session").json(&body).send()?)?;
        let token = answer
            .get("token")
            .and_then(Value::as_str)
            .context("a session has a token")?;
        Ok(Desk {
            office: self.clone(),
            token: token.to_owned(),
        })
    }
    /// A request of one's own making.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }
}

impl Desk {
    pub fn get(&self, path: &str) -> Result<Value> {
        answer(self.request(Method::GET, path).send()?)
    }
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        answer(self.request(Method::POST, path).json(body).send()?)
    }
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        answer(self.request(Method::PUT, path).json(body).send()?)
    }
    pub fn delete(&self, path: &str) -> Result<Value> {
        answer(self.request(Method::DELETE, path).send()?)
    }
    /// A POST whose refusal is an expected outcome.
    pub fn try_post(&self, path: &str, body: &Value) -> Result<Result<Value, Refusal>> {
        match self.post(path, body) {
            Ok(value) => Ok(Ok(value)),
            Err(error) => match error.downcast::<Refusal>() {
                Ok(refusal) => Ok(Err(refusal)),
                Err(error) => Err(error),
            },
        }
    }
    /// Raw bytes up.
    pub fn upload(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Result<Value> {
        answer(
            self.request(Method::POST, path)
                .header("content-type", media_type)
                .body(bytes)
                .send()?,
        )
    }
    /// Raw bytes down.
    pub fn download(&self, path: &str) -> Result<Vec<u8>> {
        let response = self.request(Method::GET, path).send()?;
        if response.status().is_success() {
            Ok(response.bytes()?.to_vec())
        } else {
            bail!(refusal(response)?)
        }
    }
    /// All pages of a list: `{items, next}`.
    pub fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let cursor = after
                .as_ref()
                .map_or_else(String::new, |after| format!("&after={after}"));
            let page = answer(
                self.request(Method::GET, &format!("{path}{joint}limit=200{cursor}"))
                    .send()?,
            )?;
            items.extend(
                page.get("items")
                    .and_then(Value::as_array)
                    .context("a list has items")?
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

fn answer(response: Response) -> Result<Value> {
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

fn refusal(response: Response) -> Result<Refusal> {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_str(&response.text()?).unwrap_or(Value::Null);
    let code = body
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Ok(Refusal { status, code, body })
}
