//! Activities per district and month. Each district must hold at least one organised activity per calendar month; a month
//! without one is shown as missing (SP-05). Only what the district hosts, with enough participants and photos and a
//! summary, and approved from above, fills a month. The beginning of the activity in Asia/Shanghai decides the month.

use super::{
    records::{self, Host},
    rules::{self, MonthFacts, Standing},
};
use crate::{
    app::state::App,
    auth::actor::Staff,
    http::body::{Json, Query},
    kernel::{
        failure::{Failure, invalid},
        page::Where,
    },
};
use axum::extract::State;
use jiff::civil::{Date, date};
use protocol::{area::Area, codes::CountyCode, ids::PostId, problem::Problem, role::Role, time::Millis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Roles that see the months.
pub(super) const READERS: &[Role] = &[Role::Supervisor, Role::ShiftLeader];

/// Which year, and where.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// 2020 to 2100
    pub year: i16,
    /// Prefix of cell codes.
    pub area: Option<String>,
}

/// One month of one district.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Month {
    /// 1..=12
    pub month: i8,
    /// Approved records.
    pub approved: u64,
    /// Approved records that fill the month (SP-05): [`super::rules::not_counted`].
    pub counted: u64,
    /// Waiting for a review.
    pub submitted: u64,
    /// Returned and not revised yet.
    pub returned: u64,
    /// True if the month has begun and no record fills it.
    pub missing: bool,
}

/// Activity records of one district in one year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DistrictYear {
    pub district: CountyCode,
    pub name: String,
    /// All twelve months.
    pub months: Vec<Month>,
}

/// District, beginning and state of one record, and whether it fills the month once it is approved.
pub(super) type Fact = (CountyCode, Millis, Standing, bool);

/// The year of each district, including districts without activities. Months after `today` are never missing.
pub(super) fn table(
    year: i16,
    districts: &BTreeMap<CountyCode, String>,
    facts: &[Fact],
    today: Date,
) -> Vec<DistrictYear> {
    districts
        .iter()
        .map(|(code, name)| {
            let months = (1..=12)
                .map(|month| {
                    let mut row = Month {
                        month,
                        ..Month::default()
                    };
                    for (_, _, state, fills) in facts.iter().filter(|(district, starts, ..)| {
                        let day = starts.civil().date();
                        district == code && (day.year(), day.month()) == (year, month)
                    }) {
                        match state {
                            Standing::Approved => {
                                row.approved += 1;
                                row.counted += u64::from(*fills);
                            }
                            Standing::Submitted => row.submitted += 1,
                            Standing::Returned => row.returned += 1,
                            Standing::Withdrawn => {}
                        }
                    }
                    row.missing = row.counted == 0 && (year, month) <= (today.year(), today.month());
                    row
                })
                .collect();
            DistrictYear {
                district: *code,
                name: name.clone(),
                months,
            }
        })
        .collect()
}

/// Activity records by district and month. A month that no record fills has `missing` set (SP-05).
#[utoipa::path(get, path = "/v1/activities/months", tag = "activities", params(MonthQuery),
    responses((status = 200, body = Vec<DistrictYear>), (status = "4XX", body = Problem)))]
pub(super) async fn months(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Vec<DistrictYear>>, Failure> {
    if !(2020..=2100).contains(&query.year) {
        return Err(invalid(
            "?year",
            "年份为 2020 至 2100",
            "the year is 2020 to 2100",
        ));
    }
    let today = app.clock.now().civil().date();
    let persons = app.settings.activity_min_participants;
    let pictures = app.settings.activity_min_photos;
    let areas = staff.areas(READERS);
    app.read(move |tx| {
        let scope = |column: &str| {
            let mut condition = Where::default();
            condition.within(column, &areas);
            if let Some(area) = &query.area {
                condition.within_asked(column, area);
            }
            condition
        };
        let mut condition = scope("area");
        condition.and("length(area) = 6");
        let sql = format!("SELECT area, kind, name FROM org {} ORDER BY id", condition.sql());
        let mut districts = BTreeMap::new();
        // The name of the district's own unit; its departments have the same area.
        for (code, kind, name) in tx.all(&sql, condition.values(), |row| {
            Ok((
                row.parse::<CountyCode>("area")?,
                row.get::<String>("kind")?,
                row.get::<String>("name")?,
            ))
        })? {
            if kind == "district" {
                districts.insert(code, name);
            } else {
                districts.entry(code).or_insert(name);
            }
        }
        let mut condition = scope("area");
        let first = Millis::from_civil(date(query.year, 1, 1).at(0, 0, 0, 0));
        let after = Millis::from_civil(date(query.year + 1, 1, 1).at(0, 0, 0, 0));
        let (first, after) = (condition.bind(first.0), condition.bind(after.0));
        condition.and(format!(
            "starts >= {first} AND starts < {after} AND length(area) >= 6"
        ));
        let sql = format!(
            "SELECT substr(area, 1, 6) AS district, starts, state, participants, summary, post, approved_from,
                 (SELECT COUNT(*) FROM entry_photo e JOIN photo h ON h.stream = e.stream AND h.sha256 = e.sha256
                      WHERE e.entry = activity.entry AND h.received IS NOT NULL) AS photos
             FROM activity {} ORDER BY record",
            condition.sql()
        );
        let found = tx.all(&sql, condition.values(), |row| {
            let summary: String = row.get("summary")?;
            let facts = MonthFacts {
                is_host_district: false,
                participants: row.get("participants")?,
                photos: row.get("photos")?,
                has_summary: !summary.trim().is_empty(),
                is_approved_below: false,
            };
            let when = Millis(row.get("starts")?);
            let key: (CountyCode, Millis, Standing) = (row.parse("district")?, when, row.parse("state")?);
            let from: Option<Area> = row.parse_opt("approved_from")?;
            Ok((key, (row.parse::<PostId>("post")?, from), facts))
        })?;
        // Few posts file for a district, and each files many records.
        let mut hosts: BTreeMap<PostId, Host> = BTreeMap::new();
        let mut facts: Vec<Fact> = Vec::with_capacity(found.len());
        for ((district, starts, state), (post, from), known) in found {
            let host = match hosts.get(&post) {
                Some(host) => *host,
                None => {
                    let host = records::host(tx, post)?;
                    hosts.insert(post, host);
                    host
                }
            };
            let known = MonthFacts {
                is_host_district: host.is_district,
                is_approved_below: rules::is_approved_below(state, from, host.area),
                ..known
            };
            let fills = rules::not_counted(&known, persons, pictures).is_empty();
            facts.push((district, starts, state, fills));
        }
        for (district, ..) in &facts {
            districts.entry(*district).or_insert_with(|| district.to_string());
        }
        Ok(table(query.year, &districts, &facts, today))
    })
    .await
    .map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rule: SP-05
    #[test]
    fn a_month_without_an_approved_activity_is_visible() {
        let district: CountyCode = "220104".parse().unwrap();
        let other: CountyCode = "220105".parse().unwrap();
        let districts = BTreeMap::from([(district, "朝阳区".to_owned()), (other, "二道区".to_owned())]);
        let at = |month, day| Millis::from_civil(date(2026, month, day).at(0, 0, 0, 0));
        let facts = [
            (district, at(1, 1), Standing::Approved, true),
            (district, at(1, 31), Standing::Submitted, true),
            (district, at(2, 1), Standing::Returned, true),
            (district, at(2, 2), Standing::Approved, false),
            (district, at(2, 3), Standing::Withdrawn, true),
        ];
        let years = table(2026, &districts, &facts, date(2026, 3, 15));
        assert_eq!(years.len(), 2);
        let first = &years[0].months;
        assert_eq!(
            (first[0].counted, first[0].submitted, first[0].missing),
            (1, 1, false)
        );
        assert_eq!((first[1].approved, first[1].counted), (1, 0));
        assert!(first[1].missing && first[2].missing);
        assert!(!first[3].missing, "April has not begun");
        assert!(years[1].months[0].missing);
    }

    #[test]
    fn the_month_is_that_of_shanghai() {
        let district: CountyCode = "220104".parse().unwrap();
        let districts = BTreeMap::from([(district, String::new())]);
        // 2026-01-31 23:30 UTC is February in Asia/Shanghai.
        let at = Millis(Millis::from_civil(date(2026, 2, 1).at(7, 30, 0, 0)).0);
        let years = table(
            2026,
            &districts,
            &[(district, at, Standing::Approved, true)],
            date(2026, 12, 1),
        );
        assert_eq!(years[0].months[1].approved, 1);
    }
}
