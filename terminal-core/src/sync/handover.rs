//! The hand-over of an ended stream: everything that only this handset holds is sent in sealed parcels, and
//! the hand-over is complete only when nothing is left. Only receipts are stored: a run that is killed starts
//! again, seals the same items again, and the server recognises them by id and hash. Each run asks again
//! whether the stream has really ended.

use crate::{
    Result,
    platform::{clock::ClockRaw, photo_files::PhotoFileError},
    store::{database::HandsetStore, retry::SyncStep},
    sync::{
        failure::{FailureKind, SyncFailure, classify, failure, read_answer},
        parcel::ParcelBuilder,
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
    transport::request::{Method, Request},
};
use protocol::{
    parcel::ParcelAnswer,
    photo::Sha256,
    planted,
    problem::{HandsetCode, ProblemCode},
    time::Millis,
};
use std::collections::BTreeSet;

impl Sync {
    /// Reads the next photo of the parcel, or sends the parcel; `None` if no hand-over is in progress.
    pub(super) fn handover_action(
        &mut self,
        store: &HandsetStore,
        now: &ClockRaw,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        let Some(handover) = &mut self.handover else {
            return Ok(None);
        };
        planted!(WipeBeforeSealing => self.report.handed_over = Some(handover.summary(now.wall)));
        let pack = match &mut handover.pack {
            Some(pack) => pack,
            none => {
                let clock = store.clock_reading(now.clone())?;
                let pack =
                    ParcelBuilder::next(&store.pending()?, &handover.done, clock, handover.sealed_for)?;
                store.mark_offered(pack.entries())?;
                none.insert(pack)
            }
        };
        if let Some(photo) = pack.wanted() {
            let read = NextAction::ReadPhoto {
                file: photo.file.clone(),
                offset: 0,
                len: photo.size,
            };
            return Ok(Some((PendingRequest::ParcelPhoto, read)));
        }
        let bytes = pack.seal(&self.account, self.signer.as_ref(), self.random.as_ref())?;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.events.push(SyncProgress::Sealed {
            entries: count(pack.contents().entries.len()),
            photos: count(pack.contents().photos.len()),
        });
        let asked = PendingRequest::Parcel(Sha256::of(&bytes));
        let mut request = Request::new(Method::Post, self.path("parcel"));
        request.body = bytes;
        let request = request.header("content-type", "application/octet-stream");
        Ok(Some((asked, NextAction::Send(request))))
    }

    pub(super) fn parcel_photo(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        outcome: StepOutcome,
    ) -> Result<()> {
        let read = match outcome {
            StepOutcome::Photo(read) => read,
            StepOutcome::Answer(_) | StepOutcome::Failed(_) => {
                Err(PhotoFileError::Unreadable("no bytes".into()))
            }
        };
        if let Err(PhotoFileError::Unreadable(why)) = &read {
            // It may become readable; only a photo that is lost for good is reported as missing.
            let later = failure(
                FailureKind::Transient { retry_after_ms: None },
                HandsetCode::PhotoFileUnreadable,
                "照片文件暂时无法读取，将重试",
                why,
            );
            return self.handover_failed(store, now, &later);
        }
        if let Some(pack) = self.handover.as_mut().and_then(|h| h.pack.as_mut()) {
            pack.take_photo(read);
        }
        Ok(())
    }

    pub(super) fn parcel_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        parcel: Sha256,
        outcome: StepOutcome,
    ) -> Result<()> {
        let answer = classify(outcome)
            .and_then(|response| read_answer::<ParcelAnswer>(&response.body, "parcel"))
            .and_then(|answer| match answer.parcel == parcel {
                true => Ok(answer),
                false => Err(SyncFailure::foreign("an answer to another parcel")),
            });
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.handover_failed(store, now, &failure),
        };
        // A restored server lacks entries that it had receipted, and an ended stream gets no token that would
        // say so. The epoch and mark of this answer say what is missing; it waits again and is handed over
        // before the wipe.
        let is_another = self.see_epoch(store, &answer.epoch)?;
        let Some(handover) = &mut self.handover else {
            return Ok(());
        };
        let Some(pack) = handover.pack.take() else {
            return Ok(());
        };
        if is_another {
            handover.done.clear();
        }
        store.accept_parcel(&answer.receipts, &answer.photos, &answer.mark)?;
        store.check_mark(&answer.mark)?;
        let held: BTreeSet<Sha256> = answer
            .receipts
            .iter()
            .map(|receipt| receipt.sha256)
            .chain(answer.kept)
            .chain(answer.photos.iter().map(|photo| photo.sha256))
            .chain(pack.contents().missing.iter().map(|photo| photo.sha256))
            .collect();
        if !pack.hashes().is_subset(&held) {
            let short = SyncFailure::foreign("the answer does not name all that was in the parcel");
            return self.handover_failed(store, now, &short);
        }
        handover.done.extend(pack.hashes());
        handover.total.add(pack.contents());
        if pack.contents().left > 0 {
            return Ok(());
        }
        let summary = handover.summary(now);
        if store.finish_handover(&handover.done, &summary)? {
            self.handover = None;
            self.report.handed_over = Some(summary);
        }
        Ok(())
    }

    /// Ends the run; everything stays. The next run asks first whether the stream has still ended.
    fn handover_failed(&mut self, store: &HandsetStore, now: Millis, failure: &SyncFailure) -> Result<()> {
        let why = self.handover.take().map(|handover| handover.why);
        self.step_failed(store, now, SyncStep::Session, failure)?;
        // The server accepts no parcels yet: the worker must still see that the terminal has ended.
        if let (Some(why), true) = (why, failure.reason.code == ProblemCode::NotFound) {
            let mut step = store.step(SyncStep::Session)?;
            step.problem = Some(why.clone());
            store.set_step(SyncStep::Session, &step)?;
            self.report.problem = Some(why);
        }
        self.handover = None;
        Ok(())
    }
}
