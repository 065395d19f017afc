//! Enrolment and tokens: how a stream is created and how it authenticates.
//!
//! A one-time code binds terminal, post and holder to a stream and its key. The server signs the binding, so that a
//! server restored from an older backup accepts the stream again. Every session begins with a challenge that contains
//! the server's time, so a wrong handset clock never prevents sign-in.

use crate::{
    codes::CountyCode,
    evidence::ClockReading,
    ids::{PersonId, PostId, StreamId, TerminalId},
    photo::Sha256,
    role::Role,
    sign::{PublicKey, Signature},
    time::Millis,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::{Deserialize, Serialize};

/// Everything that a terminal needs to enrol, in one string, also shown as a QR code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    pub v: u16,
    /// `https://host:port`; plain `http` only on loopback, when explicitly allowed.
    pub server: String,
    /// One-time code with a short validity.
    pub code: String,
    /// SHA-256 of the SPKI of the server's certificate and of its successor; empty only for plain HTTP on
    /// loopback.
    pub pins: Vec<Sha256>,
    /// The server's parcel key (HPKE), to which pending items are sealed when the stream is revoked.
    pub parcel_key: String,
    /// Whom to call when the code is refused; absent if the operator named nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

/// The administrator (管理员) whom a worker calls when the app cannot help. A name of an office rather than of a person:
/// handsets keep it unencrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contact {
    /// As people say it; may be empty.
    pub name: String,
    /// As it is dialled.
    pub phone: String,
}

const INVITATION_PREFIX: &str = "xunge1:";

/// The text is not a valid invitation. Problem code `enrol.string`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an enrolment string of this version")]
pub struct BadInvitation;

impl Invitation {
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(format!(
            "{INVITATION_PREFIX}{}",
            BASE64URL.encode(serde_json::to_vec(self)?)
        ))
    }
    /// Reads the text of the code. White space and invisible characters count for nothing: messages and printouts wrap
    /// a long line.
    ///
    /// # Errors
    /// [`BadInvitation`]
    pub fn from_text(text: &str) -> Result<Self, BadInvitation> {
        let is_invisible =
            |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
        let text: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c))
            .collect();
        let coded = text.strip_prefix(INVITATION_PREFIX).ok_or(BadInvitation)?;
        let json = BASE64URL.decode(coded).map_err(|_| BadInvitation)?;
        serde_json::from_slice(&json).map_err(|_| BadInvitation)
    }
}

/// Device data, as reported by the handset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    pub model: String,
    pub os: String,
    pub app: String,
}

/// `POST /v1/field/enrol`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolRequest {
    pub v: u16,
    pub code: String,
    pub stream: StreamId,
    pub key: PublicKey,
    pub device: Device,
    /// The stream whose store was salvaged or restored into this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<StreamId>,
    /// Signature of [`crate::sign::enrol_message`].
    pub signature: Signature,
}

/// The binding that the server signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Certificate {
    pub v: u16,
    pub stream: StreamId,
    pub key: PublicKey,
    pub terminal: TerminalId,
    pub post: PostId,
    pub holder: PersonId,
    pub county: CountyCode,
    pub issued: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<StreamId>,
}

/// Text of a certificate, exactly as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedCertificate {
    pub certificate: String,
    pub signature: Signature,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrolAnswer {
    pub epoch: String,
    pub server_time: Millis,
    pub certificate: SignedCertificate,
    /// Public key of the server, which signs certificates and manifests.
    pub server_key: PublicKey,
    pub holder_name: String,
    pub roles: Vec<crate::open::Open<Role>>,
}

/// `POST /v1/field/challenge`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeRequest {
    pub stream: StreamId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChallengeAnswer {
    pub epoch: String,
    pub server_time: Millis,
    /// Valid for two minutes and for one stream.
    pub challenge: String,
}

/// `POST /v1/field/token`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenRequest {
    pub stream: StreamId,
    pub challenge: String,
    /// Signature of [`crate::sign::challenge_message`].
    pub signature: Signature,
    pub clock: ClockReading,
    /// Sent after `stream.unknown`. A server that was restored from an older backup registers the stream again with
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SignedCertificate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenAnswer {
    pub epoch: String,
    pub server_time: Millis,
    /// Bearer token for `/v1/field/*`.
    pub token: String,
    pub expires_in_s: u32,
    /// What the server holds of the stream. The handset sends a restored server what it lacks.
    pub mark: crate::push::StreamMark,
    /// SPKI pins of the server's certificate and of its successor, as in [`Invitation::pins`]. A handset replaces its
    /// pins by these while one of its old pins is still valid. If empty, the pins stay unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Sha256>,
    /// The key that signs manifests now, and the one that signs after the next rotation. A handset replaces the keys that it
    /// knows by these while it knows one of them. If empty (an older server), its keys stay unchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_keys: Vec<PublicKey>,
}

/// The server's receipt for a photo, in the answer to the request that completes the upload and to `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoReceipt {
    pub sha256: Sha256,
    pub size: u64,
    pub received: Millis,
}

/// Header of tus answers that carries a [`PhotoReceipt`] as JSON once the hash is confirmed.
pub const PHOTO_RECEIPT_HEADER: &str = "xunge-photo-receipt";
/// Key in the `Upload-Metadata` of a creation, without a value: the handset sent the first bytes with an earlier creation
/// and does not know its place. The server answers with the upload that it holds.
pub const RESUME_KEY: &str = "resume";

/// Header of the stream of hints with the interval of its heartbeats in seconds. A server that does not send
/// it keeps [`HEARTBEAT_DEFAULT_S`].
pub const HEARTBEAT_HEADER: &str = "xunge-heartbeat";

/// Seconds between two heartbeats of a stream of hints whose handset asks for no interval.
pub const HEARTBEAT_DEFAULT_S: u32 = 30;

/// The intervals of heartbeats that a server keeps, in seconds.
pub const HEARTBEATS_S: std::ops::RangeInclusive<u32> = 15..=300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_survives_its_text_form() {
        let invitation = Invitation {
            v: 1,
            server: "https://127.0.0.1:8443".into(),
            code: "K7PQ-2M4X".into(),
            pins: vec![Sha256([1; 32]), Sha256([2; 32])],
            parcel_key: "x25519:AAAA".into(),
            contact: Some(Contact {
                name: "信息中心".into(),
                phone: "010-6500 0000".into(),
            }),
        };
        let text = invitation.to_text().unwrap();
        assert_eq!(Invitation::from_text(&format!(" {text}\n")), Ok(invitation));
        for bad in [
            "",
            "xunge1:",
            "xunge2:AAAA",
            "xunge1:e30",
            &text[..text.len() - 3],
        ] {
            assert_eq!(Invitation::from_text(bad), Err(BadInvitation), "{bad}");
        }
    }

    #[test]
    fn field_e_a_wrapped_code_is_read_like_one_line() {
        let invitation = Invitation {
            v: 1,
            server: "https://xunge.example".into(),
            code: "ABCD-1234".into(),
            pins: vec![],
            parcel_key: "k".repeat(90),
            contact: None,
        };
        let text = invitation.to_text().unwrap();
        for width in [1, 20, 76] {
            for end in ["\n", "\r\n  ", " ", "\u{3000}", "\u{200b}", "\0"] {
                let pieces: Vec<String> = text
                    .as_bytes()
                    .chunks(width)
                    .map(|piece| String::from_utf8_lossy(piece).into_owned())
                    .collect();
                let wrapped = format!("\u{feff}{}\n", pieces.join(end));
                assert_eq!(
                    Invitation::from_text(&wrapped).unwrap(),
                    invitation,
                    "{wrapped:?}"
                );
            }
        }
        assert!(Invitation::from_text(&text.replace("xunge1", "xunge9")).is_err());
    }
}
