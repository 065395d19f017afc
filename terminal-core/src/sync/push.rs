//! Pushes entries. A receipt counts only for the exact bytes of one item; a refused item does not block
//! others.

use crate::{
    Error, Result,
    platform::clock::ClockRaw,
    store::{database::HandsetStore, offer::RefusedElement},
    sync::{
        failure::{FailureKind, SyncFailure, classify, failure, read_answer},
        planted,
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
    },
    transport::request::Method,
};
use protocol::{
    WIRE_VERSION,
    coding::Words,
    entry::{Reason, Receipt},
    ids::EntryId,
    photo::Sha256,
    problem::{ErrorCode, HandsetCode},
    push::{BRIEF, Envelope, PushAnswer},
    sign::{SIGNATURE_HEADER, push_message},
    time::Millis,
};

impl Sync {
    pub(super) fn push_action(
        &mut self,
        store: &HandsetStore,
        now: &ClockRaw,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        let known = store
            .push_limit(now.wall)?
            .and_then(|most| usize::try_from(most).ok());
        let most_bytes = known.map_or(self.push.bytes, |most| most.min(self.push.bytes));
        let batch = store.offer(now.wall, self.push.entries, most_bytes)?;
        if batch.is_empty() {
            return Ok(None);
        }
        let mut entries = Vec::with_capacity(batch.len());
        let mut ids = Vec::with_capacity(batch.len());
        let size = batch.iter().map(|queued| queued.bytes.len()).sum();
        for queued in batch {
            ids.push((queued.id, queued.n, Sha256::of(&queued.bytes)));
            let text = String::from_utf8(queued.bytes).map_err(|e| Error::Data(e.to_string()))?;
            entries.push(serde_json::value::RawValue::from_string(text)?);
        }
        let body = serde_json::to_vec(&Envelope {
            v: WIRE_VERSION,
            stream: self.account.stream,
            clock: store.clock_reading(now.clone())?,
            exchange: store.shortest_exchange(now)?,
            entries,
        })?;
        let signature = self.signer.sign(&push_message(self.token(), &body))?;
        let asked = PendingRequest::Push {
            body: Sha256::of(&body),
            ids,
            size,
        };
        let request = self
            .request(Method::Post, "push")
            .header(SIGNATURE_HEADER, signature.to_string())
            .header(BRIEF.0, BRIEF.1)
            .known_by(Words::of(
                self.account.stream,
                self.account.holder,
                self.account.post,
            ))
            .json(body);
        Ok(Some((asked, NextAction::Send(request))))
    }

    pub(super) fn push_answer(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        body: Sha256,
        (sent, size): (&[(EntryId, u64, Sha256)], usize),
        outcome: StepOutcome,
    ) -> Result<()> {
        if planted::receives_all(store, now, &outcome, body, sent)? {
            return Ok(());
        }
        let answer = classify(outcome)
            .and_then(|response| read_answer::<PushAnswer>(&response.body, "push"))
            .and_then(|answer| match answer.body_sha256 == body {
                true => Ok(answer),
                false => Err(SyncFailure::foreign("an answer to another push")),
            });
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.push_failed(store, now, (sent, size), &failure),
        };
        let same_epoch = self.epoch.as_deref() == Some(answer.epoch.as_str());
        if self.see_epoch(store, &answer.epoch)? {
            self.session.renew();
        }
        let brief = brief_receipts(&answer, same_epoch, sent);
        // Only items of this push can be decided by its answer.
        let receipts: Vec<_> = answer
            .receipts
            .into_iter()
            .chain(brief)
            .filter(|r| {
                sent.iter()
                    .any(|(id, n, sha256)| *id == r.id && *n == r.n && *sha256 == r.sha256)
            })
            .collect();
        let received = |id: EntryId| receipts.iter().any(|r| r.id == id);
        let refused: Vec<_> = answer
            .refused
            .iter()
            .filter_map(|element| {
                let (id, ..) = sent.get(element.index)?;
                let fits = element.id.is_none_or(|named| named == *id) && !received(*id);
                fits.then(|| RefusedElement {
                    id: *id,
                    reason: refusal(&element.code, &element.detail),
                })
            })
            .collect();
        let accepted = store.accept(&receipts, &refused, &answer.mark)?;
        let decided = |id: &EntryId| accepted.received.contains(id) || refused.iter().any(|r| r.id == *id);
        let left: Vec<EntryId> = sent
            .iter()
            .map(|(id, ..)| *id)
            .filter(|id| !decided(id))
            .collect();
        self.report.entries_received += u64::try_from(accepted.received.len()).unwrap_or(0);
        for element in refused {
            // Sent again with another number: nothing that the worker has to know.
            if accepted.renumbered.contains(&element.id) {
                continue;
            }
            self.report.entries_refused += 1;
            self.report.problem = Some(element.reason.clone());
            self.events.push(SyncProgress::Refused {
                item: element.id,
                why: element.reason,
            });
        }
        if left.is_empty() {
            self.push.grow();
            self.well(store)?;
        } else {
            let without = failure(
                FailureKind::Transient { retry_after_ms: None },
                HandsetCode::ReceiptMissing,
                "服务器的回执与本条内容不符或缺失，将重新发送",
                "the receipt from the server is missing or does not match this item; it will be sent again",
            );
            store.fail_items(&left, &|attempts| self.retry_for(&without, attempts, now))?;
            self.unwell(store, now, &without, 0, false)?;
        }
        if !accepted.received.is_empty() {
            self.events.push(SyncProgress::Received {
                items: accepted.received,
            });
            self.pull_due = true;
        }
        Ok(())
    }

    /// Handles a push without any receipt.
    fn push_failed(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        (sent, size): (&[(EntryId, u64, Sha256)], usize),
        failure: &SyncFailure,
    ) -> Result<()> {
        let ids: Vec<EntryId> = sent.iter().map(|(id, ..)| *id).collect();
        let many = ids.len() > 1;
        let narrow = match failure.kind {
            FailureKind::Authenticate => return self.unwell(store, now, failure, 0, false),
            FailureKind::Refused if failure.reason.code.class().concerns_sender() => {
                return self.unwell(store, now, failure, 0, false);
            }
            // Sends half of them at once, without waiting, until the faulty one is alone.
            FailureKind::Split | FailureKind::Refused | FailureKind::Transient { retry_after_ms: None } => {
                many
            }
            FailureKind::Transient {
                retry_after_ms: Some(_),
            } => false,
            FailureKind::Network => {
                self.push.halve(ids.len());
                false
            }
        };
        if narrow {
            self.push.halve(ids.len());
            if failure.kind == FailureKind::Split {
                // Something on the way has a limit. Without a memory of it, each success would lead to it again.
                let half = u64::try_from(size / 2).unwrap_or(u64::MAX);
                store.set_push_limit(half.max(1), now)?;
            }
        } else {
            store.fail_items(&ids, &|attempts| self.retry_for(failure, attempts, now))?;
        }
        let attempts = match ids.first() {
            Some(id) => store
                .item(*id)?
                .map_or(0, |item| item.retry.attempts.saturating_sub(1)),
            None => 0,
        };
        self.unwell(store, now, failure, attempts, false)
    }
}

/// Expands a brief answer: one time as the receipt of all entries in this body, whose hash the answer names,
/// from the server with the known epoch. Together with refusals it is invalid and gives no receipts.
fn brief_receipts(answer: &PushAnswer, same_epoch: bool, sent: &[(EntryId, u64, Sha256)]) -> Vec<Receipt> {
    let (Some(received), true, []) = (answer.taken, same_epoch, answer.refused.as_slice()) else {
        return Vec::new();
    };
    receipts_at(sent, received)
}

fn receipts_at(sent: &[(EntryId, u64, Sha256)], received: Millis) -> Vec<Receipt> {
    let receipt = |(id, n, sha256): &(EntryId, u64, Sha256)| Receipt {
        id: *id,
        n: *n,
        sha256: *sha256,
        received,
    };
    sent.iter().map(receipt).collect()
}

/// Words for the server's refusal of one item, in both languages.
fn refusal(code: &ErrorCode, detail: &str) -> Reason {
    let (zh, en) = match code {
        ErrorCode::Problem(known) => (known.zh(), known.en()),
        ErrorCode::Reason(_) | ErrorCode::Handset(_) | ErrorCode::Other(_) => {
            ("服务器未接收此条", "the server did not take this")
        }
    };
    let en = if detail.is_empty() {
        en.to_owned()
    } else {
        format!("{en} ({detail})")
    };
    Reason::new(code, zh, en)
}
