//! Figures by state that a screen shows, kept as the rows change: what a figure costs does not grow with the city.
//!
//! A write appends what it changes to `tally_change`, in its own transaction, so a figure is exact at every moment. A job
//! adds the changes up in `tally`. Appending makes no two replicas wait for each other, as one row for each figure would.
//!
//! An area's figure contains its parts: a change in a cell is added to all areas that contain it. A place that is a stream
//! stands for itself. [`recount`] proves the figures from the rows.

use crate::{
    kernel::page::Where,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::area::Area;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// What is counted, and by which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountedKind {
    /// Cases by area.
    Case,
    /// Tasks by cell.
    Task,
    /// Activity records by area.
    Activity,
    /// Entries by stream.
    Entry,
    /// Entries that arrived in sealed parcels, by stream; the state is empty.
    Sealed,
    /// Photos by stream: [`NAMED`] by an entry or a sealed parcel, and of those [`HELD`].
    Photo,
    /// Of the photos those that a sealed parcel names and no entry.
    Unnamed,
}

/// A photo that somebody names.
pub const NAMED: &str = "named";
/// A photo that the server holds.
pub const HELD: &str = "held";

impl CountedKind {
    const ALL: [Self; 7] = [
        Self::Case,
        Self::Task,
        Self::Activity,
        Self::Entry,
        Self::Sealed,
        Self::Photo,
        Self::Unnamed,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Task => "task",
            Self::Activity => "activity",
            Self::Entry => "entry",
            Self::Sealed => "sealed",
            Self::Photo => "photo",
            Self::Unnamed => "unnamed",
        }
    }

    /// The rows themselves by place and state.
    const fn rows(self) -> &'static str {
        match self {
            Self::Case => "SELECT area AS place, state, COUNT(*) AS n FROM case_file GROUP BY area, state",
            Self::Task => "SELECT cell AS place, state, COUNT(*) AS n FROM task GROUP BY cell, state",
            Self::Activity => "SELECT area AS place, state, COUNT(*) AS n FROM activity GROUP BY area, state",
            Self::Entry => "SELECT stream AS place, state, COUNT(*) AS n FROM entry GROUP BY stream, state",
            Self::Sealed => {
                "SELECT e.stream AS place, '' AS state, COUNT(*) AS n FROM entry e JOIN parcel p ON p.id = e.push
                 GROUP BY e.stream"
            }
            Self::Photo => {
                "SELECT stream AS place, 'named' AS state, COUNT(*) AS n FROM photo GROUP BY stream
                 UNION ALL SELECT stream AS place, 'held' AS state, COUNT(received) AS n FROM photo
                 WHERE received IS NOT NULL GROUP BY stream"
            }
            Self::Unnamed => {
                "WITH unnamed AS (SELECT stream, received FROM photo p WHERE NOT EXISTS
                     (SELECT 1 FROM entry_photo e WHERE e.stream = p.stream AND e.sha256 = p.sha256))
                 SELECT stream AS place, 'named' AS state, COUNT(*) AS n FROM unnamed GROUP BY stream
                 UNION ALL SELECT stream AS place, 'held' AS state, COUNT(*) AS n FROM unnamed
                 WHERE received IS NOT NULL GROUP BY stream"
            }
        }
    }

    /// The places whose figures contain that of `place`.
    fn within(self, place: &str) -> impl Iterator<Item = &str> {
        let shortest = match self {
            Self::Case | Self::Task | Self::Activity => 0,
            Self::Entry | Self::Sealed | Self::Photo | Self::Unnamed => place.len(),
        };
        (shortest..=place.len()).filter_map(|digits| place.get(..digits))
    }
}

/// The changes of one write.
#[derive(Debug, Clone, Default)]
pub struct Tally(BTreeMap<(CountedKind, String, &'static str), i64>);

impl Tally {
    /// Adds `n`, which may be negative.
    pub fn add(&mut self, what: CountedKind, place: impl fmt::Display, state: &'static str, n: i64) {
        *self.0.entry((what, place.to_string(), state)).or_default() += n;
    }
    /// Counts a row in a new state or place, and no longer in the one before.
    pub fn moved<P: fmt::Display>(
        &mut self,
        what: CountedKind,
        before: Option<(P, &'static str)>,
        after: (P, &'static str),
    ) {
        if let Some((place, state)) = before {
            self.add(what, place, state, -1);
        }
        self.add(what, after.0, after.1, 1);
    }
    pub(super) fn absorb(&mut self, later: Self) {
        for (key, n) in later.0 {
            *self.0.entry(key).or_default() += n;
        }
    }
    pub(super) fn flush(self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for ((what, place, state), n) in self.0.into_iter().filter(|(_, n)| *n != 0) {
            tx.run(
                "INSERT INTO tally_change (what, place, state, n) VALUES (?1, ?2, ?3, ?4)",
                params![what.as_str(), place, state, n],
            )?;
        }
        Ok(())
    }
}

/// Figures by state; a state without rows is left out.
pub type ByState = BTreeMap<String, u64>;

fn read(tx: &mut Tx<'_>, sums: &str, filter: &Where) -> Result<ByState, StoreError> {
    let sql = format!(
        "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM ({sums}) AS x GROUP BY state HAVING SUM(n) <> 0 ORDER BY state"
    );
    let rows = tx.all(&sql, filter.values(), |row| {
        Ok((row.get("state")?, row.get("n")?))
    })?;
    Ok(rows.into_iter().collect())
}

/// The figures of all of `areas`; what lies in two of them counts once.
pub fn of_areas(tx: &mut Tx<'_>, what: CountedKind, areas: &[Area]) -> Result<ByState, StoreError> {
    let areas = Area::apart(areas);
    let mut filter = Where::default();
    let what = filter.bind(what.as_str());
    let whole = filter.one_of_text("place", areas.iter().map(Area::as_str));
    let parts = filter.within_text("place", &areas);
    let sums = format!(
        "SELECT state, n FROM tally WHERE what = {what} AND {whole}
         UNION ALL SELECT state, n FROM tally_change WHERE what = {what} AND {parts}"
    );
    read(tx, &sums, &filter)
}

/// The figures of one stream.
pub fn of_stream(
    tx: &mut Tx<'_>,
    what: CountedKind,
    stream: impl fmt::Display,
) -> Result<ByState, StoreError> {
    let mut filter = Where::default();
    let (what, stream) = (filter.bind(what.as_str()), filter.bind(stream.to_string()));
    let sums = format!(
        "SELECT state, n FROM tally WHERE what = {what} AND place = {stream}
         UNION ALL SELECT state, n FROM tally_change WHERE what = {what} AND place = {stream}"
    );
    read(tx, &sums, &filter)
}

/// The figures of all streams whose post's unit lies in `areas`.
pub fn of_streams(tx: &mut Tx<'_>, what: CountedKind, areas: &[Area]) -> Result<ByState, StoreError> {
    let mut filter = Where::default();
    let what = filter.bind(what.as_str());
    let units = filter.within_text("o.area", areas);
    let sums = format!(
        "SELECT t.state, t.n FROM (
             SELECT place, state, n FROM tally WHERE what = {what}
             UNION ALL SELECT place, state, n FROM tally_change WHERE what = {what}) AS t
         JOIN stream s ON s.id = t.place JOIN post q ON q.id = s.post JOIN org o ON o.id = q.org WHERE {units}"
    );
    read(tx, &sums, &filter)
}

/// Place and state of what is counted.
pub(super) type FigureKey = (CountedKind, String, String);

/// What all changes come to, by each place that contains one.
pub(super) fn changes(tx: &mut Tx<'_>) -> Result<BTreeMap<FigureKey, i64>, StoreError> {
    let sql = "SELECT what, place, state, CAST(SUM(n) AS BIGINT) AS n FROM tally_change
               GROUP BY what, place, state HAVING SUM(n) <> 0";
    let rows = tx.all(sql, params![], |row| {
        let what: String = row.get("what")?;
        let what = CountedKind::ALL.into_iter().find(|known| known.as_str() == what);
        Ok((
            what,
            row.get::<String>("place")?,
            row.get::<String>("state")?,
            row.get::<i64>("n")?,
        ))
    })?;
    let mut figures = BTreeMap::new();
    for (what, place, state, n) in rows {
        // One of a newer program, which has its own replica to add it up.
        let Some(what) = what else { continue };
        spread(&mut figures, what, &place, &state, n);
    }
    Ok(figures)
}

fn spread(figures: &mut BTreeMap<FigureKey, i64>, what: CountedKind, place: &str, state: &str, n: i64) {
    for within in what.within(place) {
        *figures
            .entry((what, within.to_owned(), state.to_owned()))
            .or_default() += n;
    }
}

/// A figure that was not what the rows give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongFigure {
    pub what: CountedKind,
    pub place: String,
    pub state: String,
    pub kept: i64,
    pub counted: i64,
}

impl fmt::Display for WrongFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            place,
            state,
            kept,
            counted,
        } = self;
        write!(f, "{} {place} {state}: {kept} -> {counted}", what.as_str())
    }
}

/// Counts all rows and compares; reads every table from end to end.
pub fn compare(tx: &mut Tx<'_>) -> Result<Vec<WrongFigure>, StoreError> {
    let counted = count(tx)?;
    let mut kept = changes(tx)?;
    for what in CountedKind::ALL {
        let rows = tx.all(
            "SELECT place, state, n FROM tally WHERE what = ?1",
            params![what.as_str()],
            |row| Ok((row.get("place")?, row.get("state")?, row.get::<i64>("n")?)),
        )?;
        for (place, state, n) in rows {
            *kept.entry((what, place, state)).or_default() += n;
        }
    }
    let mut both: HashMap<&FigureKey, (i64, i64)> = HashMap::new();
    for (key, n) in &kept {
        both.entry(key).or_default().0 = *n;
    }
    for (key, n) in &counted {
        both.entry(key).or_default().1 = *n;
    }
    let mut wrong: Vec<WrongFigure> = both
        .into_iter()
        .filter(|(_, (kept, counted))| kept != counted)
        .map(|((what, place, state), (kept, counted))| WrongFigure {
            what: *what,
            place: place.clone(),
            state: state.clone(),
            kept,
            counted,
        })
        .collect();
    wrong.sort_by(|a, b| (a.what, &a.place, &a.state).cmp(&(b.what, &b.place, &b.state)));
    Ok(wrong)
}

fn count(tx: &mut Tx<'_>) -> Result<BTreeMap<FigureKey, i64>, StoreError> {
    let mut counted = BTreeMap::new();
    for what in CountedKind::ALL {
        let rows = tx.all(what.rows(), params![], |row| {
            Ok((
                row.get::<String>("place")?,
                row.get::<String>("state")?,
                row.get::<i64>("n")?,
            ))
        })?;
        for (place, state, n) in rows {
            spread(&mut counted, what, &place, &state, n);
        }
    }
    Ok(counted)
}

/// Replaces all figures by what the rows give; returns those that were wrong. For the operator, after a program from before
/// these figures wrote to the database.
pub fn recount(tx: &mut Tx<'_>) -> Result<Vec<WrongFigure>, StoreError> {
    let wrong = compare(tx)?;
    if wrong.is_empty() {
        return Ok(wrong);
    }
    let counted = count(tx)?;
    tx.execute("DELETE FROM tally", params![])?;
    tx.execute("DELETE FROM tally_change", params![])?;
    for ((what, place, state), n) in counted {
        tx.execute(
            "INSERT INTO tally (what, place, state, n) VALUES (?1, ?2, ?3, ?4)",
            params![what.as_str(), place, state, n],
        )?;
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_counts_in_every_area_around_it_and_a_stream_in_itself() {
        let places = |what: CountedKind, place: &'static str| what.within(place).collect::<Vec<_>>();
        assert_eq!(places(CountedKind::Case, "220"), ["", "2", "22", "220"]);
        assert_eq!(places(CountedKind::Task, ""), [""]);
        assert_eq!(places(CountedKind::Entry, "0193-ab"), ["0193-ab"]);
    }

    #[test]
    fn what_cancels_out_is_no_change() {
        let mut tally = Tally::default();
        tally.moved(CountedKind::Entry, None, ("s", "pending"));
        let mut later = Tally::default();
        later.moved(CountedKind::Entry, Some(("s", "pending")), ("s", "applied"));
        tally.absorb(later);
        let left: Vec<_> = tally.0.into_iter().filter(|(_, n)| *n != 0).collect();
        assert_eq!(left, [((CountedKind::Entry, "s".to_owned(), "applied"), 1)]);
    }
}
