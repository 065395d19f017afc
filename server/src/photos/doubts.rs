//! Doubts about photos: older than the entry, taken elsewhere, used before. Each says what it rests on; none prevents that an
//! entry is accepted (docs/adr/0023-doubts-about-photos.md).

use super::uses::{PhotoUse, made_of, same_file};
use crate::{
    entries::flags::{FixContext, Flag},
    kernel::config::Settings,
    params,
    store::{error::StoreError, tx::Tx},
};
use grid::datum;
use protocol::{
    evidence::Position,
    geo::Datum,
    ids::{EntryId, PersonId, RecordId},
    photo::{PhotoPlace, PhotoRef, PhotoRole, Sha256},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Earlier uses of one picture that are named; more of them say no more.
pub(crate) const NAMED: usize = 3;

/// From which age and distance a photo is doubted (settings `photo_age_hours`, `photo_distance_m`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct PhotoDoubtLimits {
    age_ms: i64,
    distance_m: f64,
}

impl PhotoDoubtLimits {
    pub fn of(settings: &Settings) -> Self {
        Self {
            age_ms: i64::from(settings.photo_age_hours) * 3_600_000,
            distance_m: f64::from(settings.photo_distance_m),
        }
    }
}

/// The entry whose photos are judged.
pub(crate) struct JudgedEntry<'a> {
    pub entry: EntryId,
    pub record: RecordId,
    pub author: Option<PersonId>,
    pub photos: &'a [PhotoRef],
    /// The place of the matter and where the worker stood.
    pub fixes: &'a [&'a Position],
    pub made: FixContext,
}

/// A doubt about one photo of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundDoubt {
    /// The photo's place in the entry.
    pub position: i64,
    pub ground: Ground,
}

/// What a doubt rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Age {
        ms: i64,
    },
    Distance {
        metres: i64,
    },
    /// The entry that used the picture first. `bits`: how much the pictures differ; `None`: they are one file.
    Reuse {
        other: EntryId,
        bits: Option<u32>,
    },
}

impl Ground {
    pub const fn flag(self) -> Flag {
        match self {
            Self::Age { .. } => Flag::PhotoOld,
            Self::Distance { .. } => Flag::PhotoElsewhere,
            Self::Reuse { .. } => Flag::PhotoReused,
        }
    }
}

/// The doubts about the photos of a new entry, by what its handset stated and by the entries of the city.
pub(crate) fn judge(
    tx: &mut Tx<'_>,
    judged: &JudgedEntry<'_>,
    limits: PhotoDoubtLimits,
) -> Result<Vec<FoundDoubt>, StoreError> {
    let mut doubts = Vec::new();
    for (position, photo) in (0_i64..).zip(judged.photos) {
        let mut add = |ground| doubts.push(FoundDoubt { position, ground });
        if let Some(evidence) = &photo.evidence {
            if let Some(ms) = evidence
                .taken()
                .and_then(|taken| age(taken, &judged.made, limits))
            {
                add(Ground::Age { ms });
            }
            if let Some(place) = &evidence.place
                && let Some(metres) = distance(place, judged.fixes, limits)
            {
                add(Ground::Distance { metres });
            }
        }
        if is_after_like_before(photo, judged.photos) {
            add(Ground::Reuse {
                other: judged.entry,
                bits: None,
            });
        }
        // Of each record the first version that used it.
        let mut records: Vec<RecordId> = Vec::new();
        for used in same_file(tx, photo)? {
            if records.len() < NAMED
                && used.counts_against(judged.record, judged.author)
                && !records.contains(&used.record)
            {
                records.push(used.record);
                add(Ground::Reuse {
                    other: used.entry,
                    bits: None,
                });
            }
        }
    }
    Ok(doubts)
}

/// The age of a photo that is too old, by the clock that is nearer to its time: a camera has the handset's own.
fn age(taken: Millis, made: &FixContext, limits: PhotoDoubtLimits) -> Option<i64> {
    let age = made.made.since(taken).min(made.wall.since(taken));
    (age > limits.age_ms.saturating_add(made.slack_ms)).then_some(age)
}

/// The distance of a photo that was taken too far from every fix. A place that is not said to be WGS-84 may be GCJ-02.
fn distance(place: &PhotoPlace, fixes: &[&Position], limits: PhotoDoubtLimits) -> Option<i64> {
    if !place.point.is_on_globe() {
        return None;
    }
    let is_wgs84 = place
        .datum
        .as_deref()
        .is_some_and(|datum| datum.eq_ignore_ascii_case("WGS-84") || datum.eq_ignore_ascii_case("WGS84"));
    let shifted = datum::to_wgs84(place.point, Datum::Gcj02);
    let beyond = fixes
        .iter()
        .filter(|fix| fix.point.is_on_globe())
        .map(|fix| {
            let stated = place.point.metres_to(fix.point);
            let metres = if is_wgs84 {
                stated
            } else {
                stated.min(shifted.metres_to(fix.point))
            };
            // An accuracy circle explains no more than the limit itself.
            let explained = (f64::from(fix.accuracy_cm) / 100.0).min(limits.distance_m);
            (metres, metres > limits.distance_m + explained)
        })
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let (metres, is_far) = beyond?;
    #[expect(clippy::cast_possible_truncation, reason = "at most half the globe")]
    is_far.then_some(metres.round() as i64)
}

/// Returns true for a photo of after the handling that is also a photo of before it: the file is the same.
fn is_after_like_before(photo: &PhotoRef, all: &[PhotoRef]) -> bool {
    let is_same = |other: &PhotoRef| {
        let original = |photo: &PhotoRef| photo.evidence.as_ref().map(|evidence| evidence.original);
        other.sha256 == photo.sha256 || (original(photo).is_some() && original(photo) == original(other))
    };
    photo.role == PhotoRole::After
        && all
            .iter()
            .any(|other| other.role != PhotoRole::After && is_same(other))
}

/// Stores the doubts; those that are known stay as they are. Returns whether there was a new one.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    entry: EntryId,
    doubts: &[FoundDoubt],
    now: Millis,
) -> Result<bool, StoreError> {
    let mut new = 0;
    for doubt in doubts {
        let (other, amount) = match doubt.ground {
            Ground::Age { ms } => (String::new(), Some(ms)),
            Ground::Distance { metres } => (String::new(), Some(metres)),
            Ground::Reuse { other, bits } => (other.to_string(), bits.map(i64::from)),
        };
        new += tx.execute(
            "INSERT INTO photo_doubt (entry, position, flag, other, amount, found)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (entry, position, flag, other) DO NOTHING",
            params![
                entry.to_string(),
                doubt.position,
                doubt.ground.flag().as_str(),
                other,
                amount,
                now.0
            ],
        )?;
    }
    Ok(new > 0)
}

/// The flags of these doubts, each once.
pub(crate) fn flags(doubts: &[FoundDoubt]) -> Vec<Flag> {
    let mut flags: Vec<Flag> = doubts.iter().map(|doubt| doubt.ground.flag()).collect();
    flags.sort();
    flags.dedup();
    flags
}

/// The flags of the photos of an entry, each once.
pub(crate) fn flags_of(tx: &mut Tx<'_>, entry: EntryId) -> Result<Vec<Flag>, StoreError> {
    let mut flags: Vec<Flag> = tx.all(
        "SELECT DISTINCT flag FROM photo_doubt WHERE entry = ?1",
        params![entry.to_string()],
        |row| row.parse("flag"),
    )?;
    flags.sort();
    Ok(flags)
}

/// A doubt about a photo, for the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PhotoDoubt {
    /// `photo_old`, `photo_elsewhere` or `photo_reused`.
    pub code: String,
    pub zh: String,
    /// `photo_old`: age by EXIF when the entry was made, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
    /// `photo_elsewhere`: distance by EXIF from the entry's place, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<i64>,
    /// `photo_reused`: the entry that used the picture first. The same entry: a photo of after equals one of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// 受理号 of the case of that entry; absent for an activity record. It may lie outside the reader's area, who can then
    /// ask for it but not open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Bits of 64 in which the pictures' perceptual hashes differ. Absent: both were made of one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<i64>,
}

impl PhotoDoubt {
    /// A doubt that says nothing more than its flag.
    pub(crate) fn of(flag: Flag) -> Self {
        Self {
            code: flag.as_str().to_owned(),
            zh: flag.zh().to_owned(),
            age_ms: None,
            distance_m: None,
            entry: None,
            case: None,
            bits: None,
        }
    }
}

/// The entries, one of each record, that have a picture or were made of it.
pub(crate) fn entries_with(tx: &mut Tx<'_>, picture: Sha256) -> Result<Vec<EntryId>, StoreError> {
    let mut records: Vec<RecordId> = Vec::new();
    let mut entries = Vec::new();
    for used in made_of(tx, picture, picture)? {
        if entries.len() < NAMED && !records.contains(&used.record) {
            records.push(used.record);
            entries.push(used.entry);
        }
    }
    Ok(entries)
}

/// The doubts about the photos of an entry, with each photo's place in the entry.
pub(super) fn of_entry(tx: &mut Tx<'_>, entry: EntryId) -> Result<Vec<(i64, PhotoDoubt)>, StoreError> {
    tx.all(
        "SELECT d.position, d.flag, d.other, d.amount, COALESCE(r.number, a.number) AS number
         FROM photo_doubt d
         LEFT JOIN entry e ON e.id = d.other
         LEFT JOIN case_file r ON r.record = e.record
         LEFT JOIN task t ON t.answer_entry = d.other
         LEFT JOIN case_file a ON a.id = t.case_id
         WHERE d.entry = ?1 ORDER BY d.position, d.found, d.flag, d.other",
        params![entry.to_string()],
        |row| {
            let flag: Flag = row.parse("flag")?;
            let amount: Option<i64> = row.get("amount")?;
            let other: String = row.get("other")?;
            let doubt = PhotoDoubt {
                age_ms: amount.filter(|_| flag == Flag::PhotoOld),
                distance_m: amount.filter(|_| flag == Flag::PhotoElsewhere),
                entry: other.parse().ok(),
                case: row.get("number")?,
                bits: amount.filter(|_| flag == Flag::PhotoReused),
                ..PhotoDoubt::of(flag)
            };
            Ok((row.get("position")?, doubt))
        },
    )
}

/// What two uses of one picture say: which of them is doubted, and why; `None` if both may have it.
pub(super) fn of_pair(one: &PhotoUse, other: &PhotoUse, bits: u32) -> Option<(EntryId, FoundDoubt)> {
    let doubt = |doubted: &PhotoUse, first: &PhotoUse| {
        let ground = Ground::Reuse {
            other: first.entry,
            bits: Some(bits),
        };
        let position = doubted.position;
        Some((doubted.entry, FoundDoubt { position, ground }))
    };
    if one.entry == other.entry {
        return match (one.is_after, other.is_after) {
            (true, false) => doubt(one, other),
            (false, true) => doubt(other, one),
            (true, true) | (false, false) => None,
        };
    }
    let (first, second) = if (one.received, one.entry) < (other.received, other.entry) {
        (one, other)
    } else {
        (other, one)
    };
    if first.counts_against(second.record, second.author) {
        doubt(second, first)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::geo::PointE7;

    fn fix(point: PointE7, accuracy_cm: u32) -> Position {
        Position {
            point,
            accuracy_cm,
            provider: "gps".into(),
            mock: false,
            fix_time: Millis(0),
            monotonic_ms: None,
        }
    }

    #[test]
    fn field_01_a_place_without_a_datum_may_be_gcj_02() {
        let here = PointE7 {
            lat: 438_000_000,
            lon: 1_253_000_000,
        };
        let shown = |datum: Option<&str>| PhotoPlace {
            point: datum::from_wgs84(here, Datum::Gcj02),
            datum: datum.map(Into::into),
        };
        let limits = PhotoDoubtLimits {
            age_ms: 0,
            distance_m: 50.0,
        };
        let fix = fix(here, 800);
        assert_eq!(distance(&shown(None), &[&fix], limits), None);
        assert_eq!(distance(&shown(Some("GCJ-02")), &[&fix], limits), None);
        let metres = distance(&shown(Some("WGS-84")), &[&fix], limits).unwrap();
        assert!((300..1000).contains(&metres), "{metres}");
        // Nothing to compare with.
        assert_eq!(distance(&shown(Some("WGS-84")), &[], limits), None);
    }

    #[test]
    fn field_01_a_photo_is_old_by_the_clock_that_is_nearer_to_it() {
        const HOUR: i64 = 3_600_000;
        let limits = PhotoDoubtLimits {
            age_ms: 24 * HOUR,
            distance_m: 0.0,
        };
        let made = |made, wall, slack_ms| FixContext {
            made: Millis(made),
            wall: Millis(wall),
            slack_ms,
            monotonic_ms: None,
        };
        let taken = Millis(1_000 * HOUR);
        assert_eq!(age(taken, &made(1_024 * HOUR, 1_024 * HOUR, 0), limits), None);
        let at = made(1_025 * HOUR, 1_025 * HOUR, 0);
        assert_eq!(age(taken, &at, limits), Some(25 * HOUR));
        // The handset's clock is a month slow, and so is its camera.
        assert_eq!(age(taken, &made(1_720 * HOUR, 1_001 * HOUR, 0), limits), None);
        assert_eq!(
            age(taken, &made(1_025 * HOUR, 1_025 * HOUR, 2 * HOUR), limits),
            None
        );
    }
}
