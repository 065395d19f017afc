//! Whether the scans of a progressive JPEG are all there: each brings some bits of some coefficients, and a file that
//! lost its last scans decodes to a blurred picture without any error.

/// What the scans brought so far.
#[derive(Default)]
pub(crate) struct Scans {
    /// The components by their ids, and for each coefficient the number of its bits that are still missing, plus one;
    /// 0 when no scan brought it.
    components: Vec<(u8, [u8; 64])>,
}

impl Scans {
    /// For the components of a frame header's body, three bytes each after the sixth.
    pub(crate) fn of(body: &[u8]) -> Self {
        let listed = body.get(6..).unwrap_or_default().as_chunks::<3>().0;
        let count = usize::from(body.get(5).copied().unwrap_or(0));
        let components = listed.iter().take(count);
        Self {
            components: components.map(|&[id, ..]| (id, [0; 64])).collect(),
        }
    }

    /// Notes what a scan brings, by its header's body.
    pub(crate) fn note(&mut self, body: &[u8]) {
        let Some((&count, rest)) = body.split_first() else {
            return;
        };
        let Some((ids, &[first, last, bits, ..])) = rest.split_at_checked(2 * usize::from(count)) else {
            return;
        };
        let missing = (bits & 15) + 1;
        for &[id, _] in ids.as_chunks::<2>().0 {
            for (_, brought) in self.components.iter_mut().filter(|(of, _)| *of == id) {
                let range = brought.get_mut(usize::from(first)..=usize::from(last).max(usize::from(first)));
                range.unwrap_or_default().fill(missing);
            }
        }
    }

    /// Returns whether every bit of every coefficient was brought.
    pub(crate) fn are_complete(&self) -> bool {
        self.components
            .iter()
            .all(|(_, brought)| brought.iter().all(|&missing| missing == 1))
    }
}
