//! TLS verification by pinned public keys.

use protocol::photo::Sha256;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, PoisonError, RwLock};

/// Error text for an unpinned certificate; [`super::error::failed`] looks for it in the error chain.
pub(super) const NOT_PINNED: &str = "the key of the certificate is not pinned";

/// The new pins (or keys) that the server offers, or `None` if there is no change. An offer must share at least one
/// with the old ones: otherwise it cannot come from the server of this connection, and accepting it would
/// lock the handset out. Plain HTTP has no pins and accepts no offer.
pub(crate) fn renewed<T: Clone + PartialEq>(old: &[T], offered: &[T]) -> Option<Vec<T>> {
    let overlap = offered.iter().any(|pin| old.contains(pin));
    (overlap && old != offered).then(|| offered.to_vec())
}

/// Pins that connections are checked against; changes apply to the next connection.
pub(super) type Pins = Arc<RwLock<Vec<Sha256>>>;

pub(super) fn tls(pins: Pins) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Pinned {
        pins,
        provider: provider.clone(),
    };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A preconfigured TLS needs its own ALPN list; without it there is no HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts a certificate by its public key alone; the handshake's signature proves that the peer has the
/// private key.
#[derive(Debug)]
struct Pinned {
    pins: Pins,
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
        let pins = self.pins.read().unwrap_or_else(PoisonError::into_inner);
        if pins.contains(&spki) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_pins_are_accepted_only_if_they_overlap_with_the_old_ones() {
        let [a, b, c, d] = [1, 2, 3, 4].map(|k| Sha256([k; 32]));
        assert_eq!(renewed(&[a, b], &[b, c]), Some(vec![b, c]));
        assert_eq!(
            renewed(&[a], &[b, a]),
            Some(vec![b, a]),
            "the successor is announced"
        );
        assert_eq!(renewed(&[a, b], &[a, b]), None);
        for nothing in [&[][..], &[c, d]] {
            assert_eq!(renewed(&[a, b], nothing), None);
            assert_eq!(renewed(&[], nothing), None, "plain HTTP has no pins");
        }
    }
}
