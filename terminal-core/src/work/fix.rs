//! How good a position fix is, judged as the server will judge it, so that the worker hears it before filing.

use crate::{
    Result,
    terminal::Terminal,
    words::{
        Lang,
        fix::{self, FixDoubt},
    },
};
use protocol::{
    entry::Entry,
    evidence::{ClockReading, Position},
    ids::EntryId,
    manifest::AskedEvidence,
};

/// The provider of a place that was typed or dragged: it has neither an age nor a circle.
const MANUAL: &str = "manual";

/// A position fix as the worker is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixView {
    /// Radius of the accuracy circle in centimetres.
    pub accuracy_cm: u32,
    /// `gps`, `network`, `fused`, `manual`, or a value of a later app.
    pub provider: String,
    /// The platform marks it as a mock location.
    pub mock: bool,
    /// Its age in milliseconds, negative for a fix time in the future; `None` for a place chosen by hand.
    pub age_ms: Option<i64>,
    /// What the centre will doubt.
    pub doubts: Vec<FixDoubt>,
}

impl FixView {
    /// Judges a fix at the moment of `clock`, which is a reading of the same boot.
    pub(crate) fn of(fix: &Position, clock: &ClockReading, asked: AskedEvidence) -> Self {
        let is_measured = fix.provider != MANUAL;
        let age_ms = is_measured.then(|| age_ms(fix, clock));
        let oldest_ms = i64::from(asked.fix_age_minutes) * 60_000;
        let all = [
            (fix.mock, FixDoubt::Mock),
            (is_measured && fix.accuracy_cm == 0, FixDoubt::NoAccuracy),
            (
                is_measured && fix.accuracy_cm > asked.fix_accuracy_m.saturating_mul(100),
                FixDoubt::Imprecise {
                    metres: fix.accuracy_cm.div_ceil(100),
                },
            ),
            (
                age_ms.is_some_and(|age| age.saturating_abs() > oldest_ms),
                FixDoubt::Stale {
                    age_ms: age_ms.unwrap_or(0),
                },
            ),
        ];
        Self {
            accuracy_cm: fix.accuracy_cm,
            provider: fix.provider.clone(),
            mock: fix.mock,
            age_ms,
            doubts: all
                .into_iter()
                .filter(|(is, _)| *is)
                .map(|(_, why)| why)
                .collect(),
        }
    }
    /// 「卫星定位 · ±8 米 · 12 秒前」
    pub fn line(&self, lang: Lang) -> String {
        let mut parts = vec![
            fix::provider(lang, &self.provider).to_owned(),
            fix::accuracy(lang, self.accuracy_cm),
        ];
        parts.extend(self.age_ms.filter(|age| *age >= 0).map(|age| fix::age(lang, age)));
        parts.join(" · ")
    }
}

/// By the monotonic clock, else by the clock that is nearer to the fix time, because some providers take the wall clock.
fn age_ms(fix: &Position, clock: &ClockReading) -> i64 {
    fix.age_at(clock.monotonic_ms).unwrap_or_else(|| {
        let ages = [
            clock.estimate().since(fix.fix_time),
            clock.wall.since(fix.fix_time),
        ];
        ages.into_iter()
            .min_by_key(|age| age.saturating_abs())
            .unwrap_or(0)
    })
}

impl Terminal {
    /// Judges a fix of this boot, now.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn judge_fix(&self, fix: &Position) -> Result<FixView> {
        Ok(FixView::of(
            fix,
            &self.clock_reading()?,
            self.store().asked_evidence()?,
        ))
    }
    /// The fix with which an item was filed, judged at that moment; `None` without one, and for a draft.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn fix_of(&self, id: EntryId) -> Result<Option<FixView>> {
        if self.store().item(id)?.is_none() {
            return Ok(None);
        }
        let (entry, _) = self.store().entry(id)?;
        self.fix_of_entry(&entry)
    }
    pub(crate) fn fix_of_entry(&self, entry: &Entry) -> Result<Option<FixView>> {
        let evidence = &entry.evidence;
        let asked = self.store().asked_evidence()?;
        let judged = |fix| FixView::of(fix, &evidence.clock, asked);
        Ok(evidence.position.as_ref().map(judged))
    }
}
