//! Wrong behaviour of the sync for planted defects ([`protocol::sabotage`]). In a product build every defect is the
//! constant `false`, so nothing here changes what the sync does.

use crate::{
    Result,
    store::{database::HandsetStore, uploads::PhotoUpload},
    sync::{failure::read_answer, step::StepOutcome},
};
use protocol::{
    entry::Receipt,
    field::PhotoReceipt,
    ids::EntryId,
    photo::Sha256,
    push::{PushAnswer, StreamMark},
    sabotage::{self, Defect},
    time::Millis,
};

/// Stores receipts for everything that was sent, if a planted defect takes this outcome for them. Returns whether it
/// did.
pub(super) fn receives_all(
    store: &HandsetStore,
    now: Millis,
    outcome: &StepOutcome,
    body: Sha256,
    sent: &[(EntryId, u64, Sha256)],
) -> Result<bool> {
    let is_believed = is_believed(outcome, body, sent);
    if is_believed {
        let receipt = |(id, n, sha256): &(EntryId, u64, Sha256)| Receipt {
            id: *id,
            n: *n,
            sha256: *sha256,
            received: now,
        };
        let receipts: Vec<Receipt> = sent.iter().map(receipt).collect();
        store.accept(&receipts, &[], &StreamMark::default())?;
    }
    Ok(is_believed)
}

/// The defects that [`is_believed`] looks for. Without one of them armed the answer is not read a second time.
const BELIEVING: [Defect; 6] = [
    Defect::ReceivedWithoutReceipt,
    Defect::TooLargeBelieved,
    Defect::LaterBelieved,
    Defect::PortalBelieved,
    Defect::ReceiptOfAnotherPush,
    Defect::ReceiptWithoutHash,
];

fn is_believed(outcome: &StepOutcome, body: Sha256, sent: &[(EntryId, u64, Sha256)]) -> bool {
    if !BELIEVING.into_iter().any(sabotage::is) {
        return false;
    }
    let StepOutcome::Answer(answer) = outcome else {
        return sabotage::is(Defect::ReceivedWithoutReceipt);
    };
    match answer.status {
        413 => sabotage::is(Defect::TooLargeBelieved),
        429 | 503 => sabotage::is(Defect::LaterBelieved),
        200 => match read_answer::<PushAnswer>(&answer.body, "push") {
            Err(_) => sabotage::is(Defect::PortalBelieved),
            Ok(answer) if answer.body_sha256 != body => {
                let for_all = answer.taken.is_some() || answer.receipts.len() >= sent.len();
                sabotage::is(Defect::ReceiptOfAnotherPush) && for_all
            }
            Ok(answer) => {
                let of = |id: EntryId| answer.receipts.iter().filter(move |receipt| receipt.id == id);
                let of_others = |(id, _, sha256): &(EntryId, u64, Sha256)| {
                    of(*id).count() > 0 && of(*id).all(|receipt| receipt.sha256 != *sha256)
                };
                sabotage::is(Defect::ReceiptWithoutHash) && sent.iter().all(of_others)
            }
        },
        _ => false,
    }
}

/// Stores a receipt for a photo whose last byte was sent ([`Defect::PhotoByLength`]). Returns whether it did.
pub(super) fn receives_by_length(
    store: &HandsetStore,
    now: Millis,
    upload: &PhotoUpload,
    sent: u64,
    outcome: &StepOutcome,
) -> Result<bool> {
    let is_failed = matches!(outcome, StepOutcome::Failed(_));
    let is_believed = sabotage::is(Defect::PhotoByLength) && sent == upload.size && is_failed;
    if is_believed {
        store.photo_received(&PhotoReceipt {
            sha256: upload.sha256,
            size: upload.size,
            received: now,
        })?;
    }
    Ok(is_believed)
}

/// Takes any receipt for this photo's ([`Defect::PhotoReceiptOfAnyHash`]).
pub(super) fn of_any_hash(receipt: Option<PhotoReceipt>, upload: &PhotoUpload) -> Option<PhotoReceipt> {
    let mut receipt = receipt?;
    if sabotage::is(Defect::PhotoReceiptOfAnyHash) {
        (receipt.sha256, receipt.size) = (upload.sha256, upload.size);
    }
    Some(receipt)
}
