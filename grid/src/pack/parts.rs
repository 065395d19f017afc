//! What the builder of an index finds in a bucket; a format gives it bytes.

use super::record::CellHandle;

/// One border relative to a bucket's corner, its west end first, and the candidates whose inside it toggles.
pub(crate) type BorderRow = ([i64; 4], u32);

/// What a bucket holds.
pub(crate) enum BucketContent {
    Same(Option<CellHandle>),
    BucketRecord(RecordParts),
}

/// The borders of a bucket, relative to its corner.
pub(crate) struct RecordParts {
    pub start: u32,
    pub candidates: Vec<CellHandle>,
    pub rows: Vec<BorderRow>,
}
