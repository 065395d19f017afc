//! Who is on duty now: the one definition and its queries.
//!
//! A person is on duty at a post at the time `t` when all of this holds:
//!
//! 1. present: the last check-in at the post was not followed by a check-out or by another end of duty;
//! 2. `t` is before the end of the presence (`ends`);
//! 3. the person holds the post at `t`: assignments end by date, too;
//! 4. the account is active;
//! 5. at least one stream of the person is not revoked (SP-06): without one no task could reach the person.
//!
//! Condition 1 alone is not enough, because a presence is ended by a sweep ([`super::presence::sweep`]) or by a
//! reaction some time after it stopped being valid, and because an entry of a revoked stream can begin one when a
//! reviewer accepts it. The sweep ends exactly the presences that fail conditions 2 to 5.
//!
//! Roster, leave and substitutes (SP-10, DC-06, DC-07) will change this definition, and `presence.rs`, which begins and
//! ends presences; no caller changes. For a time in the past [`super::presence::was_on_duty`] is a second definition:
//! it reads the stored periods of duty, from a check-in to its end, and none of the conditions above.

use super::presence_rules::Candidate;
use crate::{
    entries::flags::FlagName,
    kernel::{
        failure::Failure,
        page::{List, Page, Where},
    },
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    area::Area,
    codes::CellCode,
    ids::{EntryId, PersonId, PostId},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// Presences `p` with their person `q`.
const PRESENT: &str = "presence p JOIN person q ON q.id = p.person";

/// Conditions 2 to 5 of the definition as SQL over [`PRESENT`]; `clock` is the parameter that holds `t` in ms.
fn valid(clock: &str) -> String {
    format!(
        "(p.ends > {clock} AND q.disabled IS NULL
          AND EXISTS (SELECT 1 FROM post_holder h WHERE h.post = p.post AND h.person = p.person
                      AND h.since <= {clock} AND (h.until IS NULL OR h.until > {clock}))
          AND EXISTS (SELECT 1 FROM stream s WHERE s.person = p.person AND s.revoked IS NULL))"
    )
}

/// A person on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OnDuty {
    pub person: PersonId,
    pub name: String,
    pub post: PostId,
    pub post_name: String,
    /// 号码 of the post
    pub number: String,
    pub since: Millis,
    /// End of the duty if there is no check-out.
    pub ends: Millis,
    /// Time of the last contact with a terminal of this person.
    pub last_contact: Millis,
    /// Flags of the position fix of the check-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagName>,
}

/// The people on duty whose post answers for an area inside one of `areas`. Empty `areas`
/// match nobody. `wish` narrows this to posts with an area inside the wish or around it.
fn within(now: Millis, areas: &[Area], wish: Option<&str>) -> Where {
    let mut condition = Where::default();
    let clock = condition.bind(now.0);
    condition.and("p.present");
    condition.and(valid(&clock));
    let reach = condition.within_text("a.area", areas);
    let wished = wish.map_or_else(String::new, |area| {
        let name = format!("CAST({} AS TEXT)", condition.bind(area));
        format!(
            " AND (substr(a.area, 1, length({name})) = {name} OR substr({name}, 1, length(a.area)) = a.area)"
        )
    });
    condition.and(format!(
        "EXISTS (SELECT 1 FROM post_area a WHERE a.post = p.post AND {reach}{wished})"
    ));
    condition
}

/// How many people are on duty within `areas`: the length of the whole [`list`] for the same areas.
pub fn count(tx: &mut Tx<'_>, now: Millis, areas: &[Area]) -> Result<u64, StoreError> {
    let condition = within(now, areas, None);
    let sql = format!("SELECT COUNT(*) AS n FROM {PRESENT} {}", condition.sql());
    tx.one(&sql, condition.values(), |row| row.get("n"))
}

/// A page of the people on duty within `areas`, by the person's id. `wish` narrows the list to posts with an area inside
/// the wish or around it.
pub fn list(
    tx: &mut Tx<'_>,
    now: Millis,
    (areas, wish): (&[Area], Option<&str>),
    list: &List<(PersonId,)>,
) -> Result<Page<OnDuty>, Failure> {
    let condition = within(now, areas, wish);
    let select = format!(
        "SELECT p.person, q.name, p.post, t.name AS post_name, t.number, p.since, p.ends, p.last_contact,
             p.changed_by
         FROM {PRESENT} JOIN post t ON t.id = p.post"
    );
    let rows = list.rows(tx, (&select, "p.person"), &condition, |row| {
        let check_in: Option<EntryId> = row.parse_opt("changed_by")?;
        let on_duty = OnDuty {
            person: row.parse("person")?,
            name: row.get("name")?,
            post: row.parse("post")?,
            post_name: row.get("post_name")?,
            number: row.get("number")?,
            since: Millis(row.get("since")?),
            ends: Millis(row.get("ends")?),
            last_contact: Millis(row.get("last_contact")?),
            flags: Vec::new(),
        };
        Ok((on_duty, check_in))
    })?;
    let people = rows
        .into_iter()
        .map(|(on_duty, check_in)| {
            let flags = match check_in {
                Some(entry) => FlagName::of_entry(tx, entry)?,
                None => Vec::new(),
            };
            Ok(OnDuty { flags, ..on_duty })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    list.page(people, |row| (row.person,))
}

/// Who is on duty in a cell, by the person's id: the people who can get a task there.
pub fn candidates(tx: &mut Tx<'_>, cell: CellCode, now: Millis) -> Result<Vec<Candidate>, StoreError> {
    let valid = valid("?2");
    tx.all(
        &format!(
            "SELECT p.person, p.post, p.last_contact FROM {PRESENT}
             WHERE p.present AND {valid}
               AND EXISTS (SELECT 1 FROM post_area a
                           WHERE a.post = p.post AND substr(CAST(?1 AS TEXT), 1, length(a.area)) = a.area)
             ORDER BY p.person"
        ),
        params![cell.to_string(), now.0],
        |row| {
            Ok(Candidate {
                person: row.parse("person")?,
                post: row.parse("post")?,
                last_contact: Millis(row.get("last_contact")?),
            })
        },
    )
}

/// How many presences are still open although the person is not on duty any more.
pub(super) fn count_over(tx: &mut Tx<'_>, now: Millis) -> Result<u64, StoreError> {
    let valid = valid("?1");
    tx.one(
        &format!("SELECT COUNT(*) AS n FROM {PRESENT} WHERE p.present AND NOT {valid}"),
        params![now.0],
        |row| row.get("n"),
    )
}

/// The persons of [`count_over`], the earliest end first; at most `most`.
pub(super) fn over(tx: &mut Tx<'_>, now: Millis, most: u32) -> Result<Vec<PersonId>, StoreError> {
    let valid = valid("?1");
    tx.all(
        &format!(
            "SELECT p.person FROM {PRESENT} WHERE p.present AND NOT {valid}
             ORDER BY p.ends, p.person LIMIT ?2"
        ),
        params![now.0, most],
        |row| row.parse("person"),
    )
}
