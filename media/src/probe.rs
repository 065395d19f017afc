//! The stream decoder without what follows it, for the tests and the fuzz target that compare it with another decoder.

use std::io::Read;

use crate::baseline::{self, OpenedJpeg, Size};
use crate::error::MediaError;
use crate::input::PhotoBytes;
use crate::limits::PhotoLimits;

/// A component: samples of a row, and all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    /// Samples of a row.
    pub width: usize,
    /// Rows from the top.
    pub samples: Vec<u8>,
}

/// Decodes a JPEG at `eighths` (1, 2, 4 or 8) of its size. `None` if the stream decoder does not take the file.
///
/// # Errors
/// As [`prepare`](crate::prepare).
pub fn components(
    mut source: impl Read,
    limits: &PhotoLimits,
    eighths: u32,
) -> Result<Option<Vec<Samples>>, MediaError> {
    let size = Size::ALL.into_iter().find(|size| size.samples() == eighths);
    let size = size.ok_or_else(|| MediaError::internal("no such size"))?;
    let mut input = PhotoBytes::new(&mut source);
    let OpenedJpeg::Streamed(frame) = baseline::open(&mut input, limits)? else {
        return Ok(None);
    };
    let empty = Samples {
        width: 0,
        samples: Vec::new(),
    };
    let mut components = vec![empty; frame.components.len()];
    baseline::decode(&frame, [size; 3], &mut input, &mut |index, row| {
        if let Some(component) = components.get_mut(index) {
            component.width = row.len();
            component.samples.extend_from_slice(row);
        }
        Ok(())
    })?;
    input.finish()?;
    Ok(Some(components))
}
