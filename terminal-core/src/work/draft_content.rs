//! What a draft of one kind holds besides photos and position.

use crate::{Result, terminal::Terminal, words::Summary};
use protocol::{
    codes::CellCode,
    evidence::Position,
    manifest::AskedEvidence,
    payload::{EntryKind, Payload},
    photo::{PhotoRef, PhotoRole},
};
use serde::{Serialize, de::DeserializeOwned};

/// The content of a draft of one kind, besides photos and position: [`super::report::ReportContent`],
/// [`super::activity::ActivityContent`] and [`super::tasks::AnswerContent`].
pub trait DraftContent: Clone + Serialize + DeserializeOwned {
    /// The kind of entry it becomes.
    const KIND: EntryKind;
    /// The role of its photos.
    const PHOTO_ROLE: PhotoRole;
    /// Checks before submission that nothing is missing or wrong.
    fn check(&self, terminal: &Terminal, photos: &[PhotoRef]) -> Result<()>;
    /// Makes the payload. `cell` is the cell in the handset's grid, looked up from a position.
    fn payload(&self, cell: Option<CellCode>, photos: Vec<PhotoRef>) -> Result<Payload>;
    /// The place of the matter, if it is not where the worker stands.
    fn place(&self) -> Option<&Position> {
        None
    }
    /// The cell that the worker chose, if one was chosen.
    fn chosen_cell(&self) -> Option<CellCode> {
        None
    }
    /// The cell of the version that this one revises: it stays unless a position gives another.
    fn kept_cell(&self) -> Option<CellCode> {
        None
    }
    /// How many photos the operator asks for.
    fn photos_asked(&self, _: AskedEvidence) -> u32 {
        0
    }
    /// What it is about, for the queue.
    fn summary(&self) -> Summary;
}
