//! Enrolment (登记): from the invitation string to a store that is bound to terminal, post and holder.
//!
//! The stream id is chosen and stored before the first request, so that an enrolment whose answer was lost is
//! repeated with identical content; the server gives the same certificate for the same stream, key and code.

use crate::{
    Error, Result,
    platform::{
        clock::Clock,
        keystore::Keystore,
        random::{Random, random_bytes},
    },
    store::{account::Account, card::predecessor, database::HandsetStore},
    sync::{
        failure::{SyncFailure, classify},
        step::StepOutcome,
    },
    transport::{
        cancel::CancelToken,
        error::TransportError,
        exchange::Transport,
        https::Https,
        request::{Method, Request},
    },
};
use protocol::{
    WIRE_VERSION,
    entry::Reason,
    field::{Certificate, Contact, Device, EnrolAnswer, EnrolRequest, Invitation},
    ids::StreamId,
    problem::{HandsetCode, ProblemClass, ProblemCode},
    sign::{certificate_message, enrol_message},
};
use serde::{Deserialize, Serialize};

/// Stored before the first request.
#[derive(Serialize, Deserialize)]
struct PendingEnrolment {
    stream: StreamId,
    code: String,
}

/// What an invitation says before anything is done with it. It names no person: only the server knows for whom the
/// code was issued, and says so when it answers the enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationPreview {
    /// The server to enrol at: `https://host:port`.
    pub server: String,
    /// The server must prove its identity with a key that the invitation names. False only for a test server on the
    /// same machine.
    pub is_pinned: bool,
    /// The one-time code; it must not be logged.
    pub code: String,
    /// Whom to call when the code is refused.
    pub contact: Option<Contact>,
}

impl InvitationPreview {
    /// Reads an invitation string. Uses neither network nor disk.
    ///
    /// # Errors
    /// `enrol.string`, and `network.address` if the server's address or pins cannot be used.
    pub fn of(text: &str) -> Result<Self> {
        let invitation = invitation(text)?;
        Https::new(&invitation.server, &invitation.pins).map_err(|error| error.reason())?;
        Ok(Self {
            is_pinned: !invitation.pins.is_empty(),
            server: invitation.server,
            code: invitation.code,
            contact: invitation.contact,
        })
    }
}

/// Parses an invitation string.
pub(super) fn invitation(text: &str) -> Result<Invitation> {
    Invitation::from_text(text).map_err(|bad| {
        Error::input(
            ProblemCode::EnrolString,
            "这不是巡格的登记码，请核对是否完整，或向管理员另要",
            bad.to_string(),
        )
    })
}

/// Returns true if the enrolment that this store has begun is that of the code `code`.
pub(super) fn is_pending_with(store: &HandsetStore, code: &str) -> Result<bool> {
    let json = store.pending_enrolment()?;
    let pending: Option<PendingEnrolment> = json.map(|json| serde_json::from_str(&json)).transpose()?;
    Ok(pending.is_some_and(|pending| pending.code == code))
}

/// Enrols this store at the server of the invitation, over `transport` (see
/// [`crate::transport::Https::new`]). Can be repeated after any failure and after a cancel: the same invitation is
/// sent with the same stream. An enrolled store refuses.
///
/// # Errors
/// `enrol.string`, [`Error::AlreadyEnrolled`], the server's refusal with its code (`enrol.code`,
/// `enrol.conflict` …), `network.…`, `enrol.certificate` if the certificate is not valid, and `call.cancelled` if
/// `cancel` was cancelled before the answer: whether the server has bound the stream is unknown then.
#[allow(
    clippy::too_many_arguments,
    reason = "the parts of a platform, and what is asked"
)]
pub fn enrol(
    store: &HandsetStore,
    keystore: &dyn Keystore,
    clock: &dyn Clock,
    random: &dyn Random,
    transport: &dyn Transport,
    invitation: &str,
    device: Device,
    cancel: &CancelToken,
) -> Result<Account> {
    let invitation = self::invitation(invitation)?;
    match store.account() {
        Ok(account) => {
            return Err(Error::AlreadyEnrolled {
                holder: account.holder_name,
            });
        }
        Err(Error::NotEnrolled) => {}
        Err(error) => return Err(error),
    }
    let stream = chosen_stream(store, clock, random, &invitation.code)?;
    let signer = keystore.signer(stream)?;
    let mut predecessor = predecessor(store.home(), store.disk());
    let mut body = EnrolRequest {
        v: WIRE_VERSION,
        code: invitation.code.clone(),
        stream,
        key: signer.public_key(),
        device,
        predecessor,
        signature: signer.sign(&enrol_message(&invitation.code, stream))?,
    };
    let (sent, got, response) = loop {
        let request = Request::new(Method::Post, "/v1/field/enrol").json(serde_json::to_vec(&body)?);
        let sent = clock.read();
        let outcome = match transport.carry(&request, cancel).0 {
            Ok(response) => StepOutcome::Answer(response),
            Err(TransportError::Cancelled) => return Err(Error::Cancelled),
            Err(error) => StepOutcome::Failed(error),
        };
        let got = clock.read();
        match classify(outcome) {
            Ok(response) => break (sent, got, response),
            // The home's previous stream belonged to another person, so it is no predecessor.
            Err(failure)
                if failure.reason.code == ProblemCode::EnrolConflict && predecessor.take().is_some() =>
            {
                body.predecessor = None;
            }
            Err(failure) => return Err(not_enrolled(failure.reason).into()),
        }
    };
    let answer: EnrolAnswer = serde_json::from_slice(&response.body)
        .map_err(|_| SyncFailure::foreign("no enrolment answer").reason)?;
    let certificate = checked(&answer, &body)?;
    let account = Account {
        stream,
        terminal: certificate.terminal,
        post: certificate.post,
        holder: certificate.holder,
        holder_name: answer.holder_name,
        roles: answer.roles,
        county: certificate.county,
        server: invitation.server,
        pins: invitation.pins,
        server_key: answer.server_key,
        server_keys: Vec::new(),
        parcel_key: invitation.parcel_key,
        certificate: answer.certificate,
        enrolled: answer.server_time,
        contact: invitation.contact,
    };
    store.save_account(&account, &answer.epoch)?;
    store.learn_server_time(&sent, &got, answer.server_time)?;
    Ok(account)
}

/// The stream of a pending enrolment with this code, or a new one, stored before use. Another code needs
/// another stream, because the server may have bound the first one.
fn chosen_stream(
    store: &HandsetStore,
    clock: &dyn Clock,
    random: &dyn Random,
    code: &str,
) -> Result<StreamId> {
    if let Some(json) = store.pending_enrolment()? {
        let pending: PendingEnrolment = serde_json::from_str(&json)?;
        if pending.code == code {
            return Ok(pending.stream);
        }
    }
    let wall = u64::try_from(clock.read().wall.0).unwrap_or(0);
    let stream = StreamId::from_parts(wall, random_bytes(random)?);
    let pending = PendingEnrolment {
        stream,
        code: code.into(),
    };
    store.set_pending_enrolment(&serde_json::to_string(&pending)?)?;
    Ok(stream)
}

/// Rewords a network failure: an enrolment is not repeated automatically.
fn not_enrolled(reason: Reason) -> Reason {
    if reason.code.class() != ProblemClass::Network {
        return reason;
    }
    let zh = reason.zh.trim_end_matches("，将自动重试");
    let en = reason.en.trim_end_matches("; it will be tried again");
    Reason::new(
        reason.code,
        format!("{zh}；还没有登记，请检查网络后再登记一次"),
        format!("{en}; not enrolled, check the network and enrol again"),
    )
}

/// Returns the certificate if the server's key signed it and it names this stream and key.
fn checked(answer: &EnrolAnswer, asked: &EnrolRequest) -> Result<Certificate> {
    let wrong = |what: &str| {
        Error::input(
            HandsetCode::EnrolCertificate,
            "服务器的登记凭证不符，未登记，请联系管理员",
            format!("the certificate does not hold: {what}; nothing was enrolled"),
        )
    };
    let signed = &answer.certificate;
    answer
        .server_key
        .check()
        .map_err(|error| wrong(&error.to_string()))?;
    answer
        .server_key
        .verify(&certificate_message(&signed.certificate), &signed.signature)
        .map_err(|error| wrong(&error.to_string()))?;
    let certificate: Certificate =
        serde_json::from_str(&signed.certificate).map_err(|error| wrong(&error.to_string()))?;
    if certificate.stream != asked.stream || certificate.key != asked.key {
        return Err(wrong("it is about another stream or key"));
    }
    Ok(certificate)
}
