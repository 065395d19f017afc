//! Lists by state in the order of an index: a page costs what it shows, not what the city holds.
//!
//! Each state is a [`Strand`] with its own index range; the strands are merged by their keys. Where the reader reaches a part
//! of the city only, two ways lead to a strand's first rows: along the order, past the rows of other areas, or through all
//! rows of the area, sorted afterwards. The figures of [`super::tally`] say which is shorter. For a page of k rows and n rows
//! in the state, the shorter one reads about the square root of k·n index entries at most, if the rows of the area are spread
//! evenly over the order.

use super::tally::{self, CountedKind};
use crate::{
    kernel::page::{Key, List, Where},
    store::{
        error::StoreError,
        tx::Tx,
        value::{Row, Value},
    },
};
use protocol::area::Area;
use std::{cmp::Ordering, collections::BTreeMap};

/// The key of a row: two numbers and its id.
pub type OrderKey = (i64, i64, String);

/// A column of the key, or a number that is the same for the whole strand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    Column(&'static str),
    Is(i64),
}

/// The rows of one state, or of a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Strand {
    /// Text of the state; written into the statement, where a partial index has it too.
    pub state: &'static str,
    /// Narrows the state, if not empty.
    pub part: &'static str,
    /// What the rows are sorted by, before their id.
    pub key: [KeyPart; 2],
}

/// A table whose rows are listed so. It has indexes `(state, key .., id, place)` and `(place, state, ..)`.
#[derive(Debug, Clone, Copy)]
pub struct OrderedTable {
    pub name: &'static str,
    pub id: &'static str,
    /// The column with area or cell.
    pub place: &'static str,
    pub counted: CountedKind,
}

/// What a reader sees of the part of the city that the request asks for.
#[derive(Debug, Clone)]
pub struct Scope {
    areas: Vec<Area>,
    /// The column of the owner, and the owners whose rows the reader sees wherever they lie.
    owners: (&'static str, Vec<String>),
    asked: Asked,
}

/// The part of the city that a request asks for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    All,
    In(Area),
    /// The text is no area, and matches no row.
    Nothing,
}

impl Scope {
    /// Everything in `areas`.
    pub fn of(areas: Vec<Area>, asked: Option<&str>) -> Self {
        let asked = match asked.map(str::parse) {
            None => Asked::All,
            Some(Ok(area)) => Asked::In(area),
            Some(Err(_)) => Asked::Nothing,
        };
        Self {
            areas,
            owners: ("", Vec::new()),
            asked,
        }
    }
    /// And what has one of `owners` in this column. The table has indexes that begin with it.
    pub fn owned_by(mut self, column: &'static str, owners: impl Iterator<Item = String>) -> Self {
        self.owners = (column, owners.collect());
        self
    }
}

/// Where a list goes on, and how many rows it reads.
#[derive(Debug, Clone)]
pub struct ListSpan {
    pub after: Option<OrderKey>,
    pub most: u32,
}

impl ListSpan {
    /// What `list` asks for; `key` gives the key of its cursor.
    pub fn of<K: Key>(list: &List<K>, key: impl Fn(&K) -> OrderKey) -> Self {
        let (after, most) = list.span();
        Self {
            after: after.map(key),
            most,
        }
    }
}

impl OrderedTable {
    /// Reads the first rows of all strands after the key, in order. `columns` are those that `read` wants.
    pub fn rows<T>(
        &self,
        tx: &mut Tx<'_>,
        strands: &[Strand],
        scope: &Scope,
        reading: &ListSpan,
        columns: &str,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let areas = match scope.asked {
            Asked::All => Area::apart(&scope.areas),
            Asked::In(asked) => Area::apart(&Area::shared(&scope.areas, asked)),
            Asked::Nothing => return Ok(Vec::new()),
        };
        let mut keys: Vec<OrderKey> = Vec::new();
        let all = tally::of_areas(tx, self.counted, &[Area::EVERYWHERE])?;
        let mut own = Vec::new();
        for area in &areas {
            own.push((*area, tally::of_areas(tx, self.counted, &[*area])?));
        }
        let count = |figures: &tally::ByState, state: &str| figures.get(state).copied().unwrap_or(0);
        for strand in strands {
            let within: u64 = own.iter().map(|(_, figures)| count(figures, strand.state)).sum();
            let passed = u64::from(reading.most).saturating_mul(count(&all, strand.state));
            if let Some(along) = passed.checked_div(within) {
                let through: u64 = own.iter().flat_map(|(_, figures)| figures.values()).sum();
                let everywhere = areas.contains(&Area::EVERYWHERE);
                if everywhere || along <= through {
                    let mut filter = Where::default();
                    if !everywhere {
                        filter.within(self.place, &areas);
                    }
                    filter.and(format!("state = '{}'", strand.state));
                    keys.extend(self.keys(tx, strand, filter, reading)?);
                } else {
                    for area in &areas {
                        let mut filter = Where::default();
                        filter.between(self.place, *area);
                        // Not by the index of the state: the planner does not know how small the area is.
                        filter.and(format!("state || '' = '{}'", strand.state));
                        keys.extend(self.keys(tx, strand, filter, reading)?);
                    }
                }
            }
            let (column, owners) = &scope.owners;
            for owner in owners {
                let mut filter = Where::default();
                let owner = filter.bind(owner.as_str());
                filter.and(format!("{column} = {owner}"));
                filter.and(format!("state = '{}'", strand.state));
                if let Asked::In(asked) = scope.asked {
                    filter.within(self.place, &[asked]);
                }
                keys.extend(self.keys(tx, strand, filter, reading)?);
            }
        }
        keys.sort();
        keys.dedup();
        keys.truncate(usize::try_from(reading.most).unwrap_or(usize::MAX));
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut filter = Where::default();
        filter.one_of(self.id, keys.iter().map(|(_, _, id)| id.as_str()));
        let sql = format!(
            "SELECT {columns}, {} AS row_id FROM {} {}",
            self.id,
            self.name,
            filter.sql()
        );
        let found = tx.all(&sql, filter.values(), |row| {
            Ok((row.get::<String>("row_id")?, read(row)?))
        })?;
        let mut found: BTreeMap<String, T> = found.into_iter().collect();
        Ok(keys
            .into_iter()
            .filter_map(|(_, _, id)| found.remove(&id))
            .collect())
    }

    /// The first keys of a strand after the key of the reading.
    fn keys(
        &self,
        tx: &mut Tx<'_>,
        strand: &Strand,
        mut filter: Where,
        reading: &ListSpan,
    ) -> Result<Vec<OrderKey>, StoreError> {
        if !strand.part.is_empty() {
            filter.and(strand.part);
        }
        let columns: Vec<&str> = strand
            .key
            .iter()
            .filter_map(|part| match part {
                KeyPart::Column(name) => Some(*name),
                KeyPart::Is(_) => None,
            })
            .chain([self.id])
            .collect();
        if let Some((first, second, id)) = &reading.after {
            let mut values: Vec<Value> = Vec::new();
            let mut behind = false;
            for (part, at) in strand.key.iter().zip([first, second]) {
                match part {
                    KeyPart::Column(_) => values.push((*at).into()),
                    // A number for the whole strand decides only while nothing before it does.
                    KeyPart::Is(number) if values.is_empty() => match number.cmp(at) {
                        Ordering::Less => return Ok(Vec::new()),
                        Ordering::Greater => {
                            behind = true;
                            break;
                        }
                        Ordering::Equal => {}
                    },
                    KeyPart::Is(_) => {}
                }
            }
            if !behind {
                values.push(id.as_str().into());
                let names: Vec<String> = values.into_iter().map(|value| filter.bind(value)).collect();
                filter.and(format!("({}) > ({})", columns.join(", "), names.join(", ")));
            }
        }
        let order = columns.join(", ");
        let most = filter.bind(reading.most);
        let sql = format!(
            "SELECT {order} FROM {} {} ORDER BY {order} LIMIT {most}",
            self.name,
            filter.sql()
        );
        tx.all(&sql, filter.values(), |row| {
            let mut key = [0; 2];
            for (place, part) in key.iter_mut().zip(strand.key) {
                *place = match part {
                    KeyPart::Column(name) => row.get(name)?,
                    KeyPart::Is(number) => number,
                };
            }
            let [first, second] = key;
            Ok((first, second, row.get(self.id)?))
        })
    }
}
