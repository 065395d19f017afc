//! Bits of a scan: stuffing removed, stopped by a marker.

use crate::error::MediaError;
use crate::input::PhotoBytes;

/// Reads the compressed data of a scan bit by bit. After the data's end it gives zeros, and remembers how many: a
/// picture that used one of them is cut off.
pub(super) struct Bits<'i, 'r> {
    input: &'i mut PhotoBytes<'r>,
    /// The next bits, from the top.
    window: u64,
    /// Bits in the window that count.
    count: u32,
    /// Zeros that were added after the end, in all since the last restart.
    padding: u32,
}

impl<'i, 'r> Bits<'i, 'r> {
    pub(super) fn new(input: &'i mut PhotoBytes<'r>) -> Self {
        Self {
            input,
            window: 0,
            count: 0,
            padding: 0,
        }
    }

    /// Makes at least 32 bits available: the longest code and the longest value together.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(bytes) = self.input.buffered8() {
            let word = u64::from_be_bytes(bytes);
            // True if no byte is 0xFF, which would be stuffing or a marker.
            const LOW: u64 = 0x0101_0101_0101_0101;
            let inverted = !word;
            if inverted.wrapping_sub(LOW) & word & (LOW << 7) == 0 {
                // Bits of a byte that fits only in part are repeated by the next refill, and are the same then.
                self.window |= word >> self.count;
                let bytes = (63 - self.count) / 8;
                self.count += bytes * 8;
                self.input.advance(bytes as usize);
                return;
            }
        }
        self.refill_by_bytes();
    }

    #[cold]
    #[inline(never)]
    fn refill_by_bytes(&mut self) {
        while self.count <= 56 {
            let byte = match *self.input.peek(2) {
                [0xFF, 0, ..] => {
                    self.input.advance(2);
                    0xFF
                }
                // A marker, which stays where it is, or the end.
                [] | [0xFF, ..] => {
                    // The bits below `count` may be left from a partial byte only when more data follows.
                    self.padding = self.padding.saturating_add(8);
                    self.count += 8;
                    continue;
                }
                [byte, ..] => {
                    self.input.advance(1);
                    byte
                }
            };
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Returns the next `N` bits, at least 1 and at most 32, without consuming them.
    #[inline(always)]
    pub(super) fn peek<const N: u32>(&self) -> u32 {
        // At most 32 bits remain.
        (self.window >> 32) as u32 >> (32 - N)
    }

    #[inline(always)]
    pub(super) fn consume(&mut self, count: u32) {
        self.window <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// Reads the value of a coefficient of `size` bits, 1 to 15.
    #[inline(always)]
    pub(super) fn value(&mut self, size: u32) -> i32 {
        let bits = ((self.window >> 32) as u32 >> (32 - size)).cast_signed();
        self.consume(size);
        // A leading 0 marks a negative value.
        let negative = (bits >> (size - 1)) ^ 1;
        bits - negative * ((1 << size) - 1)
    }

    /// Returns an error if more bits were used than the file has. Call it at least once for each block.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), MediaError> {
        if self.padding > self.count {
            return Err(MediaError::CutOff);
        }
        Ok(())
    }

    /// Ends an interval: drops the bits that fill its last byte, and consumes the restart marker with this number.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), MediaError> {
        // Whole bytes that were read ahead belong to no block.
        if self.count.saturating_sub(self.padding) >= 8 {
            return Err(MediaError::corrupt(
                "data between an interval and its restart marker",
            ));
        }
        (self.window, self.count, self.padding) = (0, 0, 0);
        let mut marker = None;
        while let Some(byte) = self.input.byte() {
            match (byte, marker) {
                (0xFF, _) => marker = Some(()),
                (byte, Some(())) if byte == 0xD0 + number => return Ok(()),
                (0xD9, Some(())) => return Err(MediaError::CutOff),
                _ => return Err(MediaError::corrupt("another marker in place of a restart marker")),
            }
        }
        Err(MediaError::CutOff)
    }
}
