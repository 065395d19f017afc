//! The public address of this deployment.

use protocol::photo::Sha256;

/// Address and pins for enrolment strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// `https://host:port`; plain http only on loopback.
    pub url: String,
    /// SPKI pins of the certificate in use and of its successor.
    pub pins: Vec<Sha256>,
}
