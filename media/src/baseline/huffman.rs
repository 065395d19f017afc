//! Huffman codes: tables that answer most codes with one look.
#![expect(
    clippy::indexing_slicing,
    reason = "tables as long as their index has values: 2^LOOK entries and LOOK bits, 256 symbols and a byte"
)]

use super::bits::Bits;
use crate::error::MediaError;

/// Bits that the tables answer at once.
const LOOK: u32 = 10;

/// A code book. Codes that were not defined are `corrupt` when they occur.
pub(super) struct Huffman {
    /// By the next bits: length and symbol of the code, 0 for longer codes.
    short: [u16; 1 << LOOK],
    /// By the next bits: value, zeros before it, and bits in all of a coefficient that fits; 0 for others.
    whole: [i32; 1 << LOOK],
    /// For each length: the first 16 bits above its last code.
    above: [u32; 17],
    /// For each length: index of its first symbol less its first code.
    offset: [i32; 17],
    symbols: [u8; 256],
}

impl Huffman {
    /// Builds the tables from the number of codes of each length (1 to 16) and the symbols in order of their codes.
    pub(super) fn new(counts: &[u8; 16], listed: &[u8]) -> Result<Box<Self>, MediaError> {
        let mut table = Box::new(Self {
            short: [0; 1 << LOOK],
            whole: [0; 1 << LOOK],
            above: [0; 17],
            offset: [0; 17],
            symbols: [0; 256],
        });
        let mut code = 0_u32;
        let mut index = 0_usize;
        for (length, &count) in (1_u32..).zip(counts) {
            table.offset[length as usize] = i32::try_from(index).unwrap_or(0) - code.cast_signed();
            for _ in 0..count {
                let (Some(&symbol), true) = (listed.get(index), code < 1 << length) else {
                    return Err(MediaError::corrupt("a code table that contradicts itself"));
                };
                table.symbols[index & 255] = symbol;
                if length <= LOOK {
                    let spread = 1 << (LOOK - length);
                    let first = (code << (LOOK - length)) as usize;
                    table.short[first..first + spread]
                        .fill(u16::try_from(length << 8).unwrap_or(0) | u16::from(symbol));
                }
                code += 1;
                index += 1;
            }
            table.above[length as usize] = code << (16 - length);
            code <<= 1;
        }
        table.join_values();
        Ok(table)
    }

    /// Fills `whole`: codes whose value also fits into the bits of one look.
    fn join_values(&mut self) {
        for (bits, (entry, &short)) in (0_i32..).zip(self.whole.iter_mut().zip(&self.short)) {
            let (length, symbol) = (u32::from(short >> 8), u32::from(short & 255));
            let (zeros, size) = (symbol >> 4, symbol & 15);
            if length == 0 || size == 0 || length + size > LOOK {
                continue;
            }
            let value = (bits >> (LOOK - length - size)) & ((1 << size) - 1);
            let negative = (value >> (size - 1)) ^ 1;
            let value = value - negative * ((1 << size) - 1);
            *entry = (value << 16) | (zeros << 8 | (length + size)).cast_signed();
        }
    }

    /// Returns value, zeros before it, and bits of the next coefficient, when one look shows all of it.
    #[inline(always)]
    pub(super) fn whole(&self, bits: &Bits<'_, '_>) -> Option<(i32, u32, u32)> {
        let entry = self.whole[bits.peek::<LOOK>() as usize];
        (entry != 0).then(|| {
            (
                entry >> 16,
                (entry.cast_unsigned() >> 8) & 15,
                entry.cast_unsigned() & 255,
            )
        })
    }

    /// Reads a symbol. The bits must have been refilled.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_, '_>) -> Result<u32, MediaError> {
        let entry = self.short[bits.peek::<LOOK>() as usize];
        if entry != 0 {
            bits.consume(u32::from(entry >> 8));
            return Ok(u32::from(entry & 255));
        }
        self.long(bits)
    }

    #[cold]
    #[inline(never)]
    fn long(&self, bits: &mut Bits<'_, '_>) -> Result<u32, MediaError> {
        let next = bits.peek::<16>();
        for length in LOOK + 1..=16 {
            if next < self.above[length as usize] {
                let code = next >> (16 - length);
                let index = self.offset[length as usize] + code.cast_signed();
                bits.consume(length);
                return Ok(u32::from(self.symbols[index.cast_unsigned() as usize & 255]));
            }
        }
        bits.check()?;
        Err(MediaError::corrupt("a code that its table does not define"))
    }
}
