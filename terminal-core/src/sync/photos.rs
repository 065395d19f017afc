//! Photo uploads by tus 1.0: creation with the first part, HEAD to continue, PATCH with a checksum per part. On a line
//! that carried the last photos well the first part is the whole photo. A photo is received
//! only by a receipt with its hash and size. This file never deletes a photo file.

use crate::{
    Result,
    platform::photo_files::PhotoFileError,
    store::{
        database::HandsetStore,
        uploads::{PhotoUpload, UploadPlace},
    },
    sync::{
        failure::{FailureKind, SyncFailure, classify, failure},
        photo_answers::{UPLOADS, checksum, is_gone, offset, unreadable, upload_path},
        photo_uploads::{ActiveUpload, FIRST, LEAST, MOST},
        planted,
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
    transport::request::{Method, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{
    field::{PHOTO_RECEIPT_HEADER, PhotoReceipt, RESUME_KEY},
    problem::{ErrorCode, HandsetCode, ProblemCode},
    time::Millis,
};

/// Lost or inconsistent uploads in one run before the photo waits.
const PATIENCE: u32 = 3;

impl Sync {
    pub(super) fn photo_action(
        &mut self,
        store: &HandsetStore,
        now: Millis,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        self.photo.only_post = store.only_post(now)?;
        let active = match self.photo.active.take() {
            Some(active) => active,
            None => match store.next_upload(now)? {
                None => return Ok(None),
                Some(upload) => match upload.upload.clone() {
                    // The first part travels with the creation.
                    UploadPlace::None => ActiveUpload::at(upload, None, 0),
                    UploadPlace::Begun => return Ok(Some(self.create(upload, None))),
                    UploadPlace::At(url) => return Ok(Some(self.head(upload, url))),
                },
            },
        };
        self.next_part(store, now, active).map(Some)
    }

    /// Reads the next part of the upload, or sends it, or asks for the receipt when all was sent.
    fn next_part(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        mut active: ActiveUpload,
    ) -> Result<(PendingRequest, NextAction)> {
        if let Some(part) = active.part.take() {
            let Some(url) = active.url.clone() else {
                // If its answer is lost, the server is asked what it has.
                store.set_upload(&active.upload, &UploadPlace::Begun, 0)?;
                return Ok(self.create(active.upload, Some(part)));
            };
            return Ok(self.patch(active, url, part));
        }
        if let Some(url) = &active.url
            && active.offset >= active.upload.size
        {
            let asked = self.head(active.upload.clone(), url.clone());
            self.photo.active = Some(active);
            return Ok(asked);
        }
        let most = store.photo_limit(now)?.unwrap_or(MOST).max(LEAST);
        let part = self.part(store, now)?.min(most);
        let len = part.min(active.upload.size - active.offset);
        let action = NextAction::ReadPhoto {
            file: active.upload.file.clone(),
            offset: active.offset,
            len,
        };
        let asked = PendingRequest::ReadPhoto {
            offset: active.offset,
            len,
            url: active.url.clone(),
            upload: active.upload.clone(),
        };
        self.photo.active = Some(active);
        Ok((asked, action))
    }

    /// Bytes that a request may carry, by what the last ones over such a network showed.
    fn part(&self, store: &HandsetStore, now: Millis) -> Result<u64> {
        let known = store.photo_part(self.policy.cost, now)?;
        Ok(known.unwrap_or(FIRST).clamp(LEAST, MOST))
    }

    /// The line carried a part of this many bytes.
    fn carried(&self, store: &HandsetStore, now: Millis, len: u64) -> Result<()> {
        let part = self.part(store, now)?;
        // The rest of a photo says little.
        if len < part.min(FIRST) || part == MOST {
            return Ok(());
        }
        store.set_photo_part(self.policy.cost, (part * 2).min(MOST), now)
    }

    /// The line broke under a part.
    fn broke(&self, store: &HandsetStore, now: Millis) -> Result<()> {
        let part = self.part(store, now)?;
        if part == LEAST {
            return Ok(());
        }
        store.set_photo_part(self.policy.cost, (part / 2).max(LEAST), now)
    }

    fn head(&self, upload: PhotoUpload, url: String) -> (PendingRequest, NextAction) {
        let request = self.tus(Method::Head, &url);
        (PendingRequest::Head { upload, url }, NextAction::Send(request))
    }

    /// Begins an upload with its first part; without one, asks for the upload that was begun before.
    fn create(&self, upload: PhotoUpload, part: Option<Vec<u8>>) -> (PendingRequest, NextAction) {
        let mut metadata = [
            ("entry", upload.item.to_string()),
            ("sha256", upload.sha256.to_string()),
            ("filename", format!("{}.jpg", upload.position)),
        ]
        .map(|(key, value)| format!("{key} {}", BASE64.encode(value)))
        .join(",");
        if part.is_none() {
            metadata.push(',');
            metadata.push_str(RESUME_KEY);
        }
        let mut request = self
            .tus(Method::Post, UPLOADS.trim_end_matches('/'))
            .header("upload-length", upload.size.to_string())
            .header("upload-metadata", metadata);
        let sent = part.as_ref().map_or(0, Vec::len) as u64;
        if let Some(part) = part {
            request = request
                .header("content-type", "application/offset+octet-stream")
                .header("upload-checksum", checksum(&part));
            request.body = part;
        }
        (PendingRequest::Create { upload, sent }, NextAction::Send(request))
    }

    fn patch(&mut self, active: ActiveUpload, url: String, part: Vec<u8>) -> (PendingRequest, NextAction) {
        let mut request = self
            .tus(Method::Patch, &url)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", active.offset.to_string())
            .header("upload-checksum", checksum(&part));
        let asked = PendingRequest::Patch {
            upload: active.upload.clone(),
            url,
            offset: active.offset,
            len: part.len() as u64,
        };
        request.body = part;
        self.photo.active = Some(active);
        (asked, NextAction::Send(request))
    }

    pub(super) fn create_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        sent: u64,
        outcome: StepOutcome,
    ) -> Result<()> {
        if planted::receives_by_length(store, now, &upload, sent, &outcome)? {
            return Ok(());
        }
        if sent > 0 && matches!(outcome, StepOutcome::Failed(_)) {
            self.broke(store, now)?;
        }
        let response = match classify(outcome) {
            Ok(response) => response,
            Err(failure) if sent > 0 => return self.part_failed(store, now, upload, None, sent, &failure),
            Err(failure) => return self.photo_failed(store, now, &upload, &failure),
        };
        if let Some(done) = self.receipt(store, now, &upload, &response)? {
            return self.carried(store, now, sent).map(|()| done);
        }
        let Some(url) = response.header("location").and_then(upload_path) else {
            let failure = SyncFailure::foreign("no Location header");
            return self.photo_failed(store, now, &upload, &failure);
        };
        // A server that kept no first bytes, or none that it knows of, names no offset or 0.
        let offset = offset(&response).unwrap_or(0).min(upload.size);
        self.progressed(store, now, upload, url, (0, sent, offset))
    }

    pub(super) fn head_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        url: String,
        outcome: StepOutcome,
    ) -> Result<()> {
        if is_gone(&outcome) {
            return self.upload_gone(store, now, &upload);
        }
        if self.is_method_barred(store, now, &outcome)? {
            return Ok(());
        }
        let asked_again = self.photo.active.as_ref().is_some_and(|a| a.asked_again);
        let response = match classify(outcome) {
            Ok(response) => response,
            Err(failure) => return self.photo_failed(store, now, &upload, &failure),
        };
        if let Some(done) = self.receipt(store, now, &upload, &response)? {
            return Ok(done);
        }
        let Some(offset) = offset(&response).filter(|o| *o <= upload.size) else {
            let failure = SyncFailure::foreign("no Upload-Offset header");
            return self.photo_failed(store, now, &upload, &failure);
        };
        store.set_upload(&upload, &UploadPlace::At(url.clone()), offset)?;
        if offset == upload.size && asked_again {
            return self.unconfirmed(store, now, &upload);
        }
        self.continue_at(upload, url, offset);
        if let Some(active) = &mut self.photo.active {
            active.asked_again = offset == active.upload.size;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what was asked, and its outcome")]
    pub(super) fn photo_read(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        url: Option<String>,
        offset: u64,
        len: u64,
        outcome: StepOutcome,
    ) -> Result<()> {
        let failure = match outcome {
            StepOutcome::Photo(Ok(part)) if u64::try_from(part.len()) == Ok(len) => {
                let active = ActiveUpload::at(upload, url, offset);
                self.photo.active = Some(ActiveUpload {
                    part: Some(part),
                    ..active
                });
                return Ok(());
            }
            StepOutcome::Photo(Err(error)) => unreadable(&error),
            StepOutcome::Photo(Ok(_)) | StepOutcome::Answer(_) | StepOutcome::Failed(_) => {
                unreadable(&PhotoFileError::Damaged)
            }
        };
        self.photo_failed(store, now, &upload, &failure)
    }

    #[allow(clippy::too_many_arguments, reason = "what was asked, and its outcome")]
    pub(super) fn patch_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        url: String,
        offset_before: u64,
        len: u64,
        outcome: StepOutcome,
    ) -> Result<()> {
        let end = offset_before.saturating_add(len);
        if planted::receives_by_length(store, now, &upload, end, &outcome)? {
            return Ok(());
        }
        if is_gone(&outcome) {
            return self.upload_gone(store, now, &upload);
        }
        if self.is_method_barred(store, now, &outcome)? {
            return Ok(());
        }
        if matches!(outcome, StepOutcome::Failed(_)) {
            self.broke(store, now)?;
        }
        let response = match classify(outcome) {
            Ok(response) => response,
            Err(failure) => {
                return self.part_failed(store, now, upload, Some((url, offset_before)), len, &failure);
            }
        };
        if let Some(done) = self.receipt(store, now, &upload, &response)? {
            return self.carried(store, now, len).map(|()| done);
        }
        match offset(&response).filter(|o| *o > offset_before && *o <= end) {
            Some(offset) => self.progressed(store, now, upload, url, (offset_before, len, offset)),
            None => {
                let failure = SyncFailure::foreign("no valid Upload-Offset header");
                self.photo_failed(store, now, &upload, &failure)
            }
        }
    }

    /// The server has the bytes up to `offset`, after `len` bytes were sent from `before` on.
    fn progressed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        url: String,
        (before, len, offset): (u64, u64, u64),
    ) -> Result<()> {
        store.set_upload(&upload, &UploadPlace::At(url.clone()), offset)?;
        if offset > before {
            self.carried(store, now, len)?;
            self.events.push(SyncProgress::Photo {
                item: upload.item,
                position: upload.position,
                sent: offset,
                size: upload.size,
            });
        }
        self.continue_at(upload, url, offset);
        if let Some(active) = &mut self.photo.active
            && offset > before
        {
            active.upload.attempts = 0;
            active.asked_again = offset == active.upload.size;
        }
        self.well(store)
    }

    /// A request with `len` bytes of the photo failed; `at` is the place of a PATCH, `None` for a creation.
    fn part_failed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: PhotoUpload,
        at: Option<(String, u64)>,
        len: u64,
        failure: &SyncFailure,
    ) -> Result<()> {
        if failure.kind == FailureKind::Split && len > LEAST {
            // Something on the way has a limit. Without a memory of it, each success would lead to it again.
            let part = (len / 2).max(LEAST);
            store.set_photo_limit(part, now)?;
            store.set_photo_part(self.policy.cost, part, now)?;
            if let Some((url, offset)) = at {
                self.continue_at(upload, url, offset);
            }
            return self.unwell(store, now, failure, 0, false);
        }
        if at.is_some()
            && matches!(
                failure.reason.code,
                ErrorCode::Problem(ProblemCode::UploadOffset | ProblemCode::UploadChecksum)
            )
            && self.photo.stumbles < PATIENCE
        {
            // Ask the server where to continue.
            self.photo.stumbles += 1;
            self.photo.active = None;
            return self.unwell(store, now, failure, 0, false);
        }
        if failure.reason.code == ProblemCode::PhotoHash {
            // The server's bytes differ from the photo: start again.
            store.set_upload(&upload, &UploadPlace::None, 0)?;
        }
        self.photo_failed(store, now, &upload, failure)
    }

    fn continue_at(&mut self, upload: PhotoUpload, url: String, offset: u64) {
        self.photo.active = Some(ActiveUpload::at(upload, Some(url), offset));
    }

    /// Processes the receipt of a response, if it has one. `Some`: this photo is finished for now.
    fn receipt(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: &PhotoUpload,
        response: &Response,
    ) -> Result<Option<()>> {
        let Some(text) = response.header(PHOTO_RECEIPT_HEADER) else {
            return Ok(None);
        };
        let read = planted::of_any_hash(serde_json::from_str::<PhotoReceipt>(text).ok(), upload);
        let receipt = read.filter(|r| r.sha256 == upload.sha256 && r.size == upload.size);
        let Some(receipt) = receipt else {
            // A receipt for other content does not count. The server's upload is not this photo: start again.
            store.set_upload(upload, &UploadPlace::None, 0)?;
            let failure = failure(
                FailureKind::Transient { retry_after_ms: None },
                HandsetCode::ReceiptMismatch,
                "服务器的回执与照片不符，将重新上传",
                "the receipt from the server does not match the photo; it will be uploaded again",
            );
            return self.photo_failed(store, now, upload, &failure).map(Some);
        };
        let updated = store.photo_received(&receipt)?;
        self.photo.active = None;
        // The limit is for uploads without progress: after a restore every upload is gone, and each photo
        // that is received is progress.
        self.photo.stumbles = 0;
        self.report.photos_received += u64::try_from(updated).unwrap_or(0);
        self.events.push(SyncProgress::PhotoReceived {
            item: upload.item,
            position: upload.position,
        });
        self.pull_due = true;
        self.well(store).map(Some)
    }

    /// 404 or 410: the upload expired, or the server was restored. The photo starts again (story 13).
    fn upload_gone(&mut self, store: &HandsetStore, now: Millis, upload: &PhotoUpload) -> Result<()> {
        store.set_upload(upload, &UploadPlace::None, 0)?;
        self.photo.active = None;
        self.photo.stumbles += 1;
        if self.photo.stumbles <= PATIENCE {
            return Ok(());
        }
        let failure = failure(
            FailureKind::Transient { retry_after_ms: None },
            ProblemCode::UploadGone,
            "上传在服务器上已失效，照片仍保存在本机，将重新上传",
            "the upload is gone on the server; the photo is kept here and will be sent again",
        );
        self.photo_failed(store, now, upload, &failure)
    }

    /// All bytes were sent, but the server does not confirm the hash.
    fn unconfirmed(&mut self, store: &HandsetStore, now: Millis, upload: &PhotoUpload) -> Result<()> {
        let failure = failure(
            FailureKind::Transient { retry_after_ms: None },
            HandsetCode::PhotoUnconfirmed,
            "照片已传完，服务器尚未确认，将自动再问",
            "the photo was uploaded, but the server has not confirmed it yet; the handset will ask again",
        );
        self.photo_failed(store, now, upload, &failure)
    }

    fn photo_failed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        upload: &PhotoUpload,
        failure: &SyncFailure,
    ) -> Result<()> {
        self.photo.active = None;
        if failure.kind == FailureKind::Authenticate {
            return self.unwell(store, now, failure, upload.attempts, false);
        }
        if failure.reason.code == ProblemCode::PhotoUnnamed {
            // The server does not know the entry: the mark of a new token shows what it lacks.
            self.session.renew();
        }
        store.fail_photo(upload, &self.retry_for(failure, upload.attempts, now)?)?;
        self.unwell(store, now, failure, upload.attempts, false)
    }
}
