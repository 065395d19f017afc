//! Downloads besides the mailboxes. Manifest and files: verified with the server's key, fetched in parts, put
//! in force when complete. Reference photos: fetched by hash.

use crate::{
    Result,
    store::{
        account::Account,
        database::HandsetStore,
        files::WantedFile,
        retry::{Retry, SyncStep},
    },
    sync::{
        failure::{FailureKind, SyncFailure, classify, failure, read_answer},
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
    transport::request::{Method, Request, Response},
};
use protocol::{
    manifest::{Manifest, SignedManifest},
    photo::Sha256,
    problem::HandsetCode,
    sign::{PublicKey, manifest_message},
    time::Millis,
};

const MOST: u64 = 2 * 1024 * 1024;

const LEAST: u64 = 16 * 1024;

impl Sync {
    pub(super) fn manifest_action(
        &mut self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        if !self.manifest_due || store.step(SyncStep::Manifest)?.wait_until(now).is_some() {
            return Ok(None);
        }
        Ok(Some((
            PendingRequest::Manifest,
            NextAction::Send(self.request(Method::Get, "manifest")),
        )))
    }

    pub(super) fn manifest_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        outcome: StepOutcome,
    ) -> Result<()> {
        // Read again: the token of this run may have brought new keys.
        let account = store.account()?;
        let manifest = classify(outcome)
            .and_then(|r| read_answer::<SignedManifest>(&r.body, "manifest"))
            .and_then(|signed| Self::verified(&account, &signed));
        match manifest {
            Ok(manifest) => {
                store.save_manifest(&manifest)?;
                self.manifest_due = false;
                if store.step(SyncStep::Manifest)?.attempts > 0 {
                    store.set_step(SyncStep::Manifest, &Retry::default())?;
                }
                self.well(store)
            }
            Err(failure) => self.step_failed(store, now, SyncStep::Manifest, &failure),
        }
    }

    fn verified(account: &Account, signed: &SignedManifest) -> std::result::Result<Manifest, SyncFailure> {
        let refused = |en: String| {
            failure(
                FailureKind::Refused,
                HandsetCode::ManifestSignature,
                "资料清单的签名不符，未采用，继续使用原有资料",
                &format!("the manifest was not taken, the files in force stay: {en}"),
            )
        };
        let message = manifest_message(&signed.manifest);
        let signs = |key: &PublicKey| key.verify(&message, &signed.signature).is_ok();
        if !account.manifest_keys().iter().any(signs) {
            return Err(refused("no key of the server signed it".to_owned()));
        }
        serde_json::from_str(&signed.manifest).map_err(|error| refused(error.to_string()))
    }

    pub(super) fn file_action(
        &mut self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        // On any network: it costs nothing.
        if store.take_grid_of_phone()? {
            self.report.files_updated += 1;
        }
        let Some(wanted) = store.next_file(now, !self.policy.files)? else {
            return Ok(None);
        };
        let request = self.part_request(wanted.file.sha256, wanted.have, wanted.file.size);
        Ok(Some((PendingRequest::File(wanted), NextAction::Send(request))))
    }

    pub(super) fn file_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        wanted: &WantedFile,
        outcome: StepOutcome,
    ) -> Result<()> {
        let part = classify(outcome).and_then(|response| part(response, wanted.have, wanted.file.size));
        let bytes = match part {
            Ok(bytes) => bytes,
            Err(failure) => {
                self.adapt_part(false);
                return self.file_failed(store, now, wanted, &failure);
            }
        };
        if !store.add_file_part(&wanted.file, wanted.have, &bytes)? {
            let failure = failure(
                FailureKind::Transient { retry_after_ms: None },
                HandsetCode::FileHashMismatch,
                "资料内容与清单不符，将重新下载，继续使用原有资料",
                "the file does not match the list; it will be downloaded again and the present file stays in use",
            );
            return self.file_failed(store, now, wanted, &failure);
        }
        self.adapt_part(true);
        let have = wanted
            .have
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        if have >= wanted.file.size {
            self.report.files_updated += 1;
        }
        self.events.push(SyncProgress::File {
            name: wanted.file.name,
            have,
            size: wanted.file.size,
        });
        self.well(store)
    }

    /// Asks for the next part of a file of the manifest.
    pub(super) fn part_request(&self, sha256: Sha256, have: u64, size: u64) -> Request {
        let last = have.saturating_add(self.file_chunk).min(size).saturating_sub(1);
        let request = self.request(Method::Get, &format!("files/{sha256}"));
        if size == 0 {
            return request;
        }
        request.header("range", format!("bytes={have}-{last}"))
    }

    /// After an answer with a part: the next one is larger, up to [`MOST`]. After a failure it is smaller.
    pub(super) fn adapt_part(&mut self, is_well: bool) {
        self.file_chunk = match is_well {
            true => (self.file_chunk * 2).min(MOST),
            false => (self.file_chunk / 2).max(LEAST),
        };
    }

    fn file_failed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        wanted: &WantedFile,
        failure: &SyncFailure,
    ) -> Result<()> {
        let attempts = wanted.retry.attempts;
        if failure.kind != FailureKind::Authenticate {
            store.fail_file(wanted.file.name, &self.retry_for(failure, attempts, now)?)?;
        }
        self.unwell(store, now, failure, attempts, false)
    }
}

impl Sync {
    /// Fetches a reference photo of a task.
    pub(super) fn compare_action(
        &mut self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        let Some((sha256, attempts)) = store.next_compare_photo(now)? else {
            return Ok(None);
        };
        let request = self.request(Method::Get, &format!("photos/by-hash/{sha256}"));
        Ok(Some((
            PendingRequest::Compare { sha256, attempts },
            NextAction::Send(request),
        )))
    }

    pub(super) fn compare_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        sha256: Sha256,
        attempts: u32,
        outcome: StepOutcome,
    ) -> Result<()> {
        let bytes = classify(outcome).and_then(|response| match Sha256::of(&response.body) == sha256 {
            true => Ok(response.body),
            false => Err(SyncFailure::foreign("not the photo that was asked for")),
        });
        match bytes {
            Ok(bytes) => {
                store.save_compare_photo(sha256, &bytes)?;
                self.well(store)
            }
            Err(failure) => {
                if failure.kind != FailureKind::Authenticate {
                    store.fail_compare_photo(sha256, &self.retry_for(&failure, attempts, now)?)?;
                }
                self.unwell(store, now, &failure, attempts, false)
            }
        }
    }
}

/// Extracts the bytes that follow the stored ones, from a partial or a complete response.
pub(super) fn part(response: Response, have: u64, size: u64) -> std::result::Result<Vec<u8>, SyncFailure> {
    let foreign = || SyncFailure::foreign("not the part that was asked for");
    let skip = usize::try_from(have).map_err(|_| foreign())?;
    let length = u64::try_from(response.body.len()).map_err(|_| foreign())?;
    let bytes = match response.status {
        206 => {
            let begins = format!("bytes {have}-");
            let range = response.header("content-range").ok_or_else(foreign)?;
            if !range.starts_with(&begins) {
                return Err(foreign());
            }
            response.body
        }
        200 if length == size => response.body.get(skip..).ok_or_else(foreign)?.to_vec(),
        _ => return Err(foreign()),
    };
    let fits = have.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) <= size;
    if !fits || (bytes.is_empty() && size > 0) {
        return Err(foreign());
    }
    Ok(bytes)
}
