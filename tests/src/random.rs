//! Seeded pseudo-random numbers for tests: equal seeds give equal runs.

/// splitmix64 generator. Not for secrets.
#[derive(Debug, Clone)]
pub struct ScenarioRandom(u64);

impl ScenarioRandom {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// A separate stream for each actor of a run.
    pub fn of(seed: u64, actor: &str) -> Self {
        Self(actor.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0..`n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() % (n.max(1) as u64)).unwrap_or(0)
    }
    /// True with a probability of `percent` percent.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }
    /// One element, `None` if the slice is empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}
