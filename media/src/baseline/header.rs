//! Everything before the compressed data: sizes, tables, EXIF, and whether this decoder takes the file.

use super::tables::JpegTables;
use crate::error::MediaError;
use crate::input::PhotoBytes;
use crate::limits::PhotoLimits;

const EXIF_HEADER: &[u8] = b"Exif\0\0";

/// What the headers of a JPEG say.
pub(crate) enum OpenedJpeg {
    /// The input is at the first byte of compressed data.
    Streamed(Box<Frame>),
    /// Another decoder is needed, which holds file and picture: progressive, CMYK, RGB, unusual sampling, or broken
    /// in a way that the walk over the file names.
    Whole {
        /// Width and height, if there is a frame header.
        size: Option<(u32, u32)>,
    },
}

/// A picture that this decoder takes.
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// One or three.
    pub(crate) components: Vec<Component>,
    /// The raw EXIF block (TIFF), if there is one.
    pub(crate) exif: Option<Vec<u8>>,
    /// Units of blocks between restart markers; 0 without.
    pub(super) interval: u32,
    pub(super) tables: JpegTables,
}

/// A component: luma, or one of both chromas.
pub(crate) struct Component {
    id: u8,
    /// Blocks in a unit, across and down.
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) quantisation: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

impl Frame {
    /// Blocks of the component with most of them, across and down a unit.
    pub(super) fn most(&self) -> (u32, u32) {
        let across = self.components.iter().map(|c| c.across).max();
        let down = self.components.iter().map(|c| c.down).max();
        (across.unwrap_or(1), down.unwrap_or(1))
    }

    /// Size of a component in samples, before scaling: not whole when the picture ends within a sample.
    pub(crate) fn extent(&self, component: &Component) -> (f64, f64) {
        let (most_across, most_down) = self.most();
        (
            f64::from(self.width) * f64::from(component.across) / f64::from(most_across),
            f64::from(self.height) * f64::from(component.down) / f64::from(most_down),
        )
    }

    /// Returns whether the component has as many samples as the picture has pixels.
    pub(crate) fn is_full(&self, component: &Component) -> bool {
        (component.across, component.down) == self.most()
    }
}

/// Reads the headers up to the first scan. The input must be at the file's start.
pub(crate) fn open(input: &mut PhotoBytes<'_>, limits: &PhotoLimits) -> Result<OpenedJpeg, MediaError> {
    let opened = open_headers(input, limits);
    // A source that failed is not a file that ends early.
    input.check()?;
    opened
}

fn open_headers(input: &mut PhotoBytes<'_>, limits: &PhotoLimits) -> Result<OpenedJpeg, MediaError> {
    input.skip(2);
    let mut body = Vec::new();
    let mut tables = JpegTables::default();
    let (mut exif, mut interval, mut adobe) = (None, 0, None);
    let mut frame: Option<Frame> = None;
    loop {
        let marker = next_marker(input)?;
        // What does not belong here is left to the walk, which names it.
        let whole = || OpenedJpeg::Whole {
            size: frame.as_ref().map(|frame| (frame.width, frame.height)),
        };
        match marker {
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            0xD9 => return Ok(whole()),
            _ => {}
        }
        let length = length(input)?;
        let wanted = matches!(marker, 0xC0..=0xC2 | 0xC4 | 0xDA | 0xDB | 0xDD | 0xE1 | 0xEE);
        let complete = if wanted {
            input.take(length, &mut body)
        } else {
            input.skip(length)
        };
        if !complete {
            return Err(MediaError::CutOff);
        }
        match marker {
            0xC0..=0xC2 if frame.is_some() => return Ok(whole()),
            0xC0..=0xC2 => {
                let read = read_frame(&body, limits)?;
                if marker == 0xC2 {
                    let size = Some((read.width, read.height));
                    return Ok(OpenedJpeg::Whole { size });
                }
                frame = Some(read);
            }
            0xC4 => tables.read_codes(&body)?,
            0xC3 | 0xC5..=0xCF if marker != 0xC8 => {
                return Err(MediaError::UnsupportedFormat {
                    format: "lossless or arithmetic JPEG",
                });
            }
            0xDB => tables.read_quantisation(&body)?,
            0xDD => {
                let &[high, low, ..] = body.as_slice() else {
                    return Err(MediaError::corrupt("a restart interval that is too short"));
                };
                interval = u32::from(u16::from_be_bytes([high, low]));
            }
            0xE1 if exif.is_none() => exif = body.strip_prefix(EXIF_HEADER).map(<[u8]>::to_vec),
            0xEE => adobe = body.strip_prefix(b"Adobe").and_then(|rest| rest.get(6)).copied(),
            0xDA => {
                let Some(mut frame) = frame else {
                    return Err(MediaError::corrupt("a scan before the frame header"));
                };
                if !is_taken(&frame, adobe) || !read_scan(&body, &mut frame.components) {
                    let size = Some((frame.width, frame.height));
                    return Ok(OpenedJpeg::Whole { size });
                }
                (frame.exif, frame.interval, frame.tables) = (exif, interval, tables);
                return Ok(OpenedJpeg::Streamed(Box::new(frame)));
            }
            _ => {}
        }
    }
}

/// Consumes the next marker and whatever is before it.
fn next_marker(input: &mut PhotoBytes<'_>) -> Result<u8, MediaError> {
    let mut after_ff = false;
    while let Some(byte) = input.byte() {
        match byte {
            0xFF => after_ff = true,
            code if after_ff => return Ok(code),
            _ => {}
        }
    }
    Err(MediaError::CutOff)
}

/// Reads the length of a segment's body.
fn length(input: &mut PhotoBytes<'_>) -> Result<usize, MediaError> {
    let &[high, low, ..] = input.peek(2) else {
        return Err(MediaError::CutOff);
    };
    input.advance(2);
    usize::from(u16::from_be_bytes([high, low]))
        .checked_sub(2)
        .ok_or_else(|| MediaError::corrupt("a segment shorter than its own length field"))
}

/// What every frame header begins with.
pub(crate) struct FrameHead<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How many components it says that it has.
    pub(crate) count: u8,
    listed: &'a [u8],
}

impl<'a> FrameHead<'a> {
    /// Parses it and checks its size against the limits.
    pub(crate) fn read(body: &'a [u8], limits: &PhotoLimits) -> Result<Self, MediaError> {
        let &[precision, y1, y0, x1, x0, count, ref listed @ ..] = body else {
            return Err(MediaError::corrupt("a frame header that is too short"));
        };
        if precision != 8 {
            return Err(MediaError::UnsupportedFormat {
                format: "JPEG with more than 8 bits a sample",
            });
        }
        let (width, height) = (
            u32::from(u16::from_be_bytes([x1, x0])),
            u32::from(u16::from_be_bytes([y1, y0])),
        );
        limits.check_size(width, height)?;
        Ok(Self {
            width,
            height,
            count,
            listed,
        })
    }
}

/// Parses a frame header. Components are left out when there are not as many as their number says.
fn read_frame(body: &[u8], limits: &PhotoLimits) -> Result<Frame, MediaError> {
    let FrameHead {
        width,
        height,
        count,
        listed,
    } = FrameHead::read(body, limits)?;
    let components = listed.as_chunks::<3>().0.iter().take(usize::from(count));
    let components = components.map(|&[id, sampling, quantisation]| Component {
        id,
        across: u32::from(sampling >> 4),
        down: u32::from(sampling & 15),
        quantisation: usize::from(quantisation),
        dc: 0,
        ac: 0,
    });
    let mut components: Vec<Component> = components.collect();
    // The only component of a picture has one block in a unit, whatever its sampling says.
    if let [only] = components.as_mut_slice() {
        (only.across, only.down) = (1, 1);
    }
    Ok(Frame {
        width,
        height,
        components,
        exif: None,
        interval: 0,
        tables: JpegTables::default(),
    })
}

/// Returns whether this decoder takes the components: grey, or YCbCr with the usual sampling.
fn is_taken(frame: &Frame, adobe: Option<u8>) -> bool {
    let (most_across, most_down) = frame.most();
    let usual = |component: &Component| {
        matches!(
            (component.across, most_across),
            (1, 1 | 2 | 4) | (2, 2 | 4) | (4, 4)
        ) && matches!((component.down, most_down), (1, 1 | 2 | 4) | (2, 2 | 4) | (4, 4))
    };
    match frame.components.as_slice() {
        [_] => true,
        [luma, blue, red] => {
            // Adobe's marker says 0 for RGB; without any marker, some writers name the components so.
            let rgb = adobe == Some(0) || [luma.id, blue.id, red.id] == *b"RGB";
            let blocks: u32 = frame.components.iter().map(|c| c.across * c.down).sum();
            !rgb && frame.is_full(luma) && frame.components.iter().all(usual) && blocks <= 10
        }
        _ => false,
    }
}

/// Gives each component its code tables. Returns false if the scan is not of all components in their order.
fn read_scan(body: &[u8], components: &mut [Component]) -> bool {
    let Some((&count, listed)) = body.split_first() else {
        return false;
    };
    if usize::from(count) != components.len() || listed.len() < 2 * components.len() {
        return false;
    }
    let pairs = listed.as_chunks::<2>().0;
    for (component, &[id, tables]) in components.iter_mut().zip(pairs) {
        if component.id != id {
            return false;
        }
        (component.dc, component.ac) = (usize::from(tables >> 4), usize::from(tables & 15));
    }
    true
}
