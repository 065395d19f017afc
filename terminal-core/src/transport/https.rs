//! The real network: HTTPS with the certificate pinned by its key (SPKI), so that neither a captive portal nor
//! a wrongly trusted authority can pass for the server. Dates of certificates are not looked at: the
//! handset's clock may be years off, and the pin says more than any date.
//!
//! Blocking; must not be called from inside an async runtime. Plain HTTP only on loopback, when the
//! invitation says so.

use super::{KEPT_HEADERS, Method, Request, Response, Transport, TransportError};
use flate2::{Compression, write::GzEncoder};
use protocol::photo::Sha256;
use reqwest::{
    blocking::Client,
    header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue},
};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{
    io::{Read as _, Write as _},
    sync::Arc,
    time::Duration,
};

/// JSON bodies larger than this are sent compressed.
const COMPRESS_FROM: usize = 1024;
/// No answer is larger; parts of files are far smaller.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(15);
const EXCHANGE: Duration = Duration::from_secs(60);

/// What an unpinned certificate is refused with; found again in the error chain.
const NOT_PINNED: &str = "the key of the certificate is not pinned";

/// HTTPS to one server, accepted only with a pinned key.
pub struct Https {
    client: Client,
    base: String,
}

impl Https {
    /// For a server as the invitation names it: `https://host[:port]` with at least one pin, or
    /// `http://` on a loopback address without.
    pub fn new(server: &str, pins: &[Sha256]) -> Result<Self, TransportError> {
        let bad = |what: String| TransportError::Address(what);
        let base = server.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base).map_err(|error| bad(error.to_string()))?;
        match (url.scheme(), pins) {
            ("https", [_, ..]) => {}
            ("https", []) => return Err(bad("no pin for https".into())),
            ("http", []) if is_loopback(&url) => {}
            ("http", _) => return Err(bad("plain http is only for loopback, without pins".into())),
            (scheme, _) => return Err(bad(format!("scheme {scheme}"))),
        }
        // Given for plain HTTP too, where it accepts nobody: without one reqwest looks for a TLS of its own, and
        // on Android for the platform's verifier, and panics when it finds none.
        let tls = tls(pins).map_err(|error| bad(error.to_string()))?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(EXCHANGE)
            .pool_idle_timeout(Duration::from_secs(30))
            .no_proxy()
            .user_agent(concat!("xunge/", env!("CARGO_PKG_VERSION")));
        let client = builder.build().map_err(|error| bad(chain(&error)))?;
        Ok(Self { client, base })
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn tls(pins: &[Sha256]) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Pinned {
        pins: pins.to_vec(),
        provider: provider.clone(),
    };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A preconfigured TLS brings its own list, or there would be no HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts a certificate by its key alone; the handshake's signature proves that the peer holds that key.
#[derive(Debug)]
struct Pinned {
    pins: Vec<Sha256>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let spki = Sha256::of(certificate.subject_public_key_info().as_ref());
        if self.pins.contains(&spki) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(NOT_PINNED.into()))
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl Transport for Https {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut headers = HeaderMap::new();
        let mut is_json = false;
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| TransportError::Address(format!("header {name} cannot be sent")))?;
            is_json |= *name == "content-type" && value == "application/json";
            headers.insert(HeaderName::from_static(name), value);
        }
        let body = if is_json && request.body.len() > COMPRESS_FROM {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip(&request.body).map_err(|error| TransportError::Address(error.to_string()))?
        } else {
            request.body.clone()
        };
        let mut answer = self
            .client
            .request(method, format!("{}{}", self.base, request.path))
            .headers(headers)
            .body(body)
            .send()
            .map_err(failed)?;
        let status = answer.status().as_u16();
        let headers = KEPT_HEADERS
            .iter()
            .filter_map(|name| {
                let value = answer.headers().get(*name)?.to_str().ok()?;
                Some(((*name).to_owned(), value.to_owned()))
            })
            .collect();
        let mut body = Vec::new();
        let read = (&mut answer).take(MAX_ANSWER + 1).read_to_end(&mut body);
        read.map_err(|error| TransportError::Cut(error.to_string()))?;
        if u64::try_from(body.len()).is_ok_and(|length| length > MAX_ANSWER) {
            return Err(TransportError::Cut("the answer is too large".into()));
        }
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// An error with its causes in one line, without the address, which stands in every one of them.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let text = chain(&error);
    if text.contains(NOT_PINNED) || text.contains("invalid peer certificate") {
        TransportError::Pin(text)
    } else if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Unreachable(text)
    } else if error.is_builder() {
        TransportError::Address(text)
    } else {
        TransportError::Cut(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only_and_https_needs_a_pin() {
        let pin = [Sha256([1; 32])];
        assert!(Https::new("http://127.0.0.1:8080", &[]).is_ok());
        assert!(Https::new("http://[::1]:8080/", &[]).is_ok());
        assert!(Https::new("https://city.example:8443", &pin).is_ok());
        for (server, pins) in [
            ("http://192.168.1.1", &[][..]),
            ("http://127.0.0.1.example", &[]),
            ("http://127.0.0.1", &pin),
            ("https://city.example", &[]),
            ("ftp://127.0.0.1", &[]),
            ("city.example", &pin),
        ] {
            assert!(
                matches!(Https::new(server, pins), Err(TransportError::Address(_))),
                "{server}"
            );
        }
    }
}
