//! Lets tests act in the server's place. Feature `testing`, never in a product build.

use crate::{
    Error, Result,
    platform::{clock::ClockRaw, surroundings::NetworkCost},
    store::{
        account::Account,
        data_use::{PlanMonth, TrafficKind},
        database::HandsetStore,
        network_settings::NetworkSettings,
    },
    transport::request::Traffic,
};
use protocol::{
    codes::CountyCode,
    entry::Receipt,
    feed::{FeedRow, PullAnswer},
    field::SignedCertificate,
    ids::{EntryId, PersonId, PostId, StreamId, TerminalId},
    manifest::{AskedEvidence, FileName, Manifest, ManifestFile},
    parcel::ParcelSecret,
    photo::Sha256,
    push::StreamMark,
    role::Role,
    sign::{Signer, SoftwareKey},
    time::Millis,
};
use uuid::Uuid;

/// Stores an account that no server knows. The holder is 王芳, a patroller and sports manager of 220104.
///
/// # Errors
/// Errors of the store.
pub fn enrol(store: &HandsetStore, county: CountyCode) -> Result<Account> {
    enrol_as(store, county, 1, "王芳")
}

/// As [`enrol`], with a stream of this number and a holder of this name.
///
/// # Errors
/// Errors of the store.
pub fn enrol_as(store: &HandsetStore, county: CountyCode, stream: u128, holder: &str) -> Result<Account> {
    let key = SoftwareKey::from_secret(&[7; 32]);
    let account = Account {
        stream: StreamId(Uuid::from_u128(stream)),
        terminal: TerminalId(Uuid::from_u128(2)),
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: holder.into(),
        roles: vec![Role::Patroller.into(), Role::SportsManager.into()],
        county,
        server: "http://127.0.0.1:9".into(),
        pins: Vec::new(),
        server_key: key.public_key(),
        server_keys: Vec::new(),
        parcel_key: ParcelSecret::from_secret(&[5; 32])
            .ok_or_else(|| Error::Keystore("no parcel key".into()))?
            .public()
            .to_string(),
        certificate: SignedCertificate {
            certificate: "{}".into(),
            signature: key.sign(b"{}")?,
        },
        enrolled: Millis(0),
        contact: None,
    };
    store.save_account(&account, "epoch-1")?;
    Ok(account)
}

/// Stores receipts for all waiting entries, and for their photos if `photos` is true.
///
/// # Errors
/// Errors of the store.
pub fn receive_all(store: &HandsetStore, now: Millis, photos: bool) -> Result<Vec<EntryId>> {
    let batch = store.offer(now, 500, usize::MAX)?;
    let receipts: Vec<Receipt> = batch
        .iter()
        .map(|entry| Receipt {
            id: entry.id,
            n: entry.n,
            sha256: Sha256::of(&entry.bytes),
            received: now,
        })
        .collect();
    let accepted = store.accept(&receipts, &[], &StreamMark::default())?;
    while photos && let Some(upload) = store.next_upload(now)? {
        store.photo_received(&protocol::field::PhotoReceipt {
            sha256: upload.sha256,
            size: upload.size,
            received: now,
        })?;
    }
    Ok(accepted.received)
}

/// Learns the server's time as from an exchange.
///
/// # Errors
/// Errors of the store.
pub fn server_time(store: &HandsetStore, clock: &ClockRaw, server: Millis) -> Result<()> {
    store.learn_server_time(clock, clock, server)
}

/// Stores mailbox rows as from a pull.
///
/// # Errors
/// Errors of the store.
pub fn pull(store: &HandsetStore, rows: Vec<FeedRow>) -> Result<()> {
    let asked = store.cursor()?;
    let answer = PullAnswer {
        epoch: "epoch-1".into(),
        server_time: Millis(0),
        reset: Vec::new(),
        rows,
        cursor: format!("{asked}+"),
        more: false,
    };
    store.apply_pull(&asked, &answer).map(|_| ())
}

/// Stores what the operator asks of evidence.
///
/// # Errors
/// Errors of the store.
pub fn ask(store: &HandsetStore, asked: AskedEvidence) -> Result<()> {
    store.save_manifest(&Manifest {
        v: 1,
        issued: Millis(0),
        files: Vec::new(),
        app: None,
        contact: None,
        asked: Some(asked),
    })
}

/// Puts a reference file in force.
///
/// # Errors
/// Errors of the store.
pub fn file(store: &HandsetStore, name: FileName, version: &str, bytes: &[u8]) -> Result<()> {
    store.save_manifest(&Manifest {
        v: 1,
        issued: Millis(0),
        files: vec![ManifestFile {
            name: name.into(),
            version: version.into(),
            sha256: Sha256::of(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }],
        app: None,
        contact: None,
        asked: None,
    })?;
    for wanted in store.wanted_files()? {
        store.add_file_part(&wanted.file, 0, bytes)?;
    }
    Ok(())
}

/// Sets a setting in a transaction that stays open while `during` runs.
///
/// # Errors
/// Errors of the store.
pub fn write_slowly(store: &HandsetStore, key: &str, value: &str, during: impl FnOnce()) -> Result<()> {
    store.write(|tx| {
        super::settings::set(tx, &format!("app.{key}"), value)?;
        during();
        Ok(())
    })
}

/// Counts bytes that were sent, as a sync does.
///
/// # Errors
/// Errors of the store.
pub fn count_bytes(store: &HandsetStore, at: Millis, metered: bool, bytes: u64) -> Result<()> {
    let traffic = Traffic {
        sent: bytes,
        ..Traffic::default()
    };
    let cost = if metered {
        NetworkCost::Metered
    } else {
        NetworkCost::Free
    };
    store.add_traffic(&PlanMonth::of(at), &[((cost, TrafficKind::Entries), traffic)])
}

/// Stores settings for the network as versions did that kept them per user.
///
/// # Errors
/// Errors of the store.
pub fn users_own_settings(store: &HandsetStore, settings: &NetworkSettings) -> Result<()> {
    store.set_setting("manners", &serde_json::to_string(settings)?)
}

/// The server answered at this wall-clock time.
///
/// # Errors
/// Errors of the store.
pub fn contact(store: &HandsetStore, at: Millis) -> Result<()> {
    store.write(|tx| super::settings::set(tx, super::settings::keys::LAST_CONTACT, &at.0.to_string()))
}

/// Plans the next try of an item.
///
/// # Errors
/// Errors of the store.
pub fn wait(store: &HandsetStore, item: EntryId, until: Millis) -> Result<()> {
    store.write(|tx| {
        let sql = "UPDATE item SET not_before = ?2, attempts = 1 WHERE id = ?1";
        super::sql::run(tx, sql, rusqlite::params![item.to_string(), until.0]).map(drop)
    })
}

/// Notes a complete sync.
///
/// # Errors
/// Errors of the store.
pub fn synced(store: &HandsetStore, at: Millis) -> Result<()> {
    store.set_last_sync(at)
}
