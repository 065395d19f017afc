//! The account that a store belongs to: what the server bound and signed, and how to reach that server.

use crate::{
    Error, Result,
    store::{
        database::HandsetStore,
        settings::{get, keys, set},
        sql::{from_json, parse, run, to_json},
    },
    transport::pins,
};
use protocol::{
    codes::CountyCode,
    field::{Contact, SignedCertificate},
    ids::{PersonId, PostId, StreamId, TerminalId},
    open::Open,
    photo::Sha256,
    planted,
    role::Role,
    sign::PublicKey,
    time::Millis,
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// The enrolled account: what the server bound and signed, and how to reach and check that server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// This store's stream.
    pub stream: StreamId,
    /// The terminal.
    pub terminal: TerminalId,
    /// The post; the number belongs to it (SP-02).
    pub post: PostId,
    /// The person who holds the post.
    pub holder: PersonId,
    /// Name of the holder.
    pub holder_name: String,
    /// Roles of the holder.
    pub roles: Vec<Open<Role>>,
    /// The county whose grid and catalogues the handset loads.
    pub county: CountyCode,
    /// `https://host:port`.
    pub server: String,
    /// SPKI hashes; the server's certificate must have one of them.
    pub pins: Vec<Sha256>,
    /// Verifies certificates and manifests.
    pub server_key: PublicKey,
    /// The keys that the server named last, which take the place of `server_key` for manifests; empty before the first token
    /// of a server that names them.
    #[serde(default)]
    pub server_keys: Vec<PublicKey>,
    /// Public key that pending items are sealed to when the stream is revoked.
    pub parcel_key: String,
    /// Proves the stream to a server that was restored from an older backup.
    pub certificate: SignedCertificate,
    /// Server time of the enrolment.
    pub enrolled: Millis,
    /// Whom to call when the app cannot help: of the invitation, then of the newest manifest.
    #[serde(default)]
    pub contact: Option<Contact>,
}

/// Stores the contact that a manifest names. The card beside the database follows when the store is opened again.
pub(super) fn save_contact(connection: &Connection, named: Option<&Contact>) -> Result<()> {
    let known = match account_of(connection) {
        // A store that a test made without an enrolment.
        Err(Error::NotEnrolled) => return Ok(()),
        known => known?,
    };
    if known.contact.as_ref() == named {
        return Ok(());
    }
    let changed = Account {
        contact: named.cloned(),
        ..known
    };
    set(connection, keys::ACCOUNT, &to_json(&changed)?)
}

impl Account {
    /// The keys that may sign a manifest.
    pub fn manifest_keys(&self) -> &[PublicKey] {
        if self.server_keys.is_empty() {
            std::slice::from_ref(&self.server_key)
        } else {
            &self.server_keys
        }
    }

    /// The account with what the server offers now; `None` if nothing changes.
    fn trusting(&self, pins: &[Sha256], server_keys: &[PublicKey]) -> Option<Self> {
        let pins = pins::renewed(&self.pins, pins);
        let keys = pins::renewed(self.manifest_keys(), server_keys);
        (pins.is_some() || keys.is_some()).then(|| Self {
            pins: pins.unwrap_or_else(|| self.pins.clone()),
            server_keys: keys.unwrap_or_else(|| self.server_keys.clone()),
            ..self.clone()
        })
    }
}

pub(super) fn account_of(connection: &Connection) -> Result<Account> {
    match get(connection, keys::ACCOUNT)? {
        Some(text) => from_json(&text),
        None => Err(Error::NotEnrolled),
    }
}

impl HandsetStore {
    /// Returns the account, or [`Error::NotEnrolled`].
    pub fn account(&self) -> Result<Account> {
        self.read(account_of)
    }
    /// Stores the account. Storing the same stream again is no error; another stream is refused.
    pub(crate) fn save_account(&self, new: &Account, epoch: &str) -> Result<()> {
        self.write(|tx| {
            match account_of(tx) {
                Ok(old) if old.stream != new.stream => {
                    return Err(Error::AlreadyEnrolled {
                        holder: old.holder_name,
                    });
                }
                Ok(_) | Err(Error::NotEnrolled) => {}
                Err(error) => return Err(error),
            }
            set(tx, keys::ACCOUNT, &to_json(new)?)?;
            if get(tx, keys::EPOCH)?.is_none() {
                set(tx, keys::EPOCH, epoch)?;
            }
            run(
                tx,
                "DELETE FROM setting WHERE key = ?1",
                [keys::PENDING_ENROLMENT],
            )?;
            Ok(())
        })
    }
    /// Stores new pins and keys that the server offered over a connection that was verified with the old pins.
    pub(crate) fn renew_trust(&self, pins: &[Sha256], server_keys: &[PublicKey]) -> Result<()> {
        if self.account()?.trusting(pins, server_keys).is_none() {
            return Ok(());
        }
        self.write(|tx| {
            if let Some(account) = account_of(tx)?.trusting(pins, server_keys) {
                set(tx, keys::ACCOUNT, &to_json(&account)?)?;
            }
            Ok(())
        })
    }
    /// The enrolment in progress (JSON), to be sent again after a lost response.
    pub(crate) fn pending_enrolment(&self) -> Result<Option<String>> {
        self.read(|c| get(c, keys::PENDING_ENROLMENT))
    }
    pub(crate) fn set_pending_enrolment(&self, json: &str) -> Result<()> {
        planted!(EnrolmentForgotten => return Ok(()));
        self.write(|tx| set(tx, keys::PENDING_ENROLMENT, json))
    }
    /// The number of the next entry; it grows with every filing.
    pub(crate) fn next_number(&self) -> Result<u64> {
        self.read(|c| get(c, keys::NEXT_N)?.map_or(Ok(1), |text| parse(&text)))
    }
}
