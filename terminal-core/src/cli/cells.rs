//! `cells`: streets, communities and cells of the handset's grid, for a report without a fix.

use crate::{
    Error, Result,
    cli::{documents, filing::CommandContext, said::Said, table::table},
    grid::{
        listing::{ListedUnit, NearCell, unknown_unit},
        place::TypedPlace,
    },
    words,
};
use protocol::{geo::Datum, problem::HandsetCode};
use serde_json::{Value, json};
use std::fmt::Display;

impl CommandContext<'_> {
    /// Lists the cells near a place, the cells of a community, the communities of a street, or all streets.
    pub(super) fn cells(
        &self,
        street: Option<&str>,
        community: Option<&str>,
        near: Option<&str>,
        limit: usize,
    ) -> Result<Said> {
        let point = near
            .map(|text| TypedPlace::parse(text, Datum::Wgs84))
            .transpose()?
            .map(|typed| typed.point);
        let Some(grid) = self.terminal.grid()? else {
            return Ok(Said::new(
                self.lang.pick(
                    "本机还没有网格，同步后即可查询；上报不受影响",
                    "There is no grid on this handset yet; sync to download it; reports can still be filed",
                ),
                json!({ "grid": null }),
            ));
        };
        let (text, list) = if let Some(point) = point {
            let near = self.terminal.cells_near(point, limit)?;
            (
                self.near(&near),
                json!({ "cells": near.iter().map(near_document).collect::<Vec<_>>() }),
            )
        } else if let Some(wanted) = community {
            let communities: Vec<_> = self
                .terminal
                .streets()?
                .iter()
                .map(|street| self.terminal.communities(street.code))
                .collect::<Result<Vec<_>>>()?
                .concat();
            let cells = self.terminal.cells_of(one(wanted, &communities)?)?;
            (
                lines(cells.iter().map(|cell| vec![cell.words()])),
                json!({ "cells": cells.iter().map(documents::cell).collect::<Vec<_>>() }),
            )
        } else if let Some(wanted) = street {
            let street = one(wanted, &self.terminal.streets()?)?;
            let communities = self.terminal.communities(street)?;
            (
                self.units(&communities),
                json!({ "communities": unit_documents(&communities) }),
            )
        } else {
            let streets = self.terminal.streets()?;
            (
                self.units(&streets),
                json!({ "streets": unit_documents(&streets) }),
            )
        };
        let mut document = json!({ "grid": grid.version() });
        if let (Some(document), Value::Object(list)) = (document.as_object_mut(), list) {
            document.extend(list);
        }
        Ok(Said::new(text, document))
    }
    fn units<C: Display>(&self, units: &[ListedUnit<C>]) -> String {
        lines(units.iter().map(|unit| {
            let name = unit.name.clone().unwrap_or_default();
            let cells = unit.cells;
            let count = self
                .lang
                .pick(format!("{cells} 个单元网格"), format!("{cells} cells"));
            vec![unit.code.to_string(), name, count]
        }))
    }
    fn near(&self, near: &[NearCell]) -> String {
        lines(near.iter().map(|near| {
            let way = if near.metres > 0.0 {
                words::distance(self.lang, near.metres)
            } else {
                self.lang.pick("在此", "here").to_owned()
            };
            vec![way, near.cell.words()]
        }))
    }
}

fn lines(rows: impl Iterator<Item = Vec<String>>) -> String {
    table(&[], &rows.collect::<Vec<_>>())
}

fn unit_documents<C: serde::Serialize>(units: &[ListedUnit<C>]) -> Vec<Value> {
    units
        .iter()
        .map(|unit| json!({ "code": unit.code, "name": unit.name, "cells": unit.cells }))
        .collect()
}

fn near_document(near: &NearCell) -> Value {
    let mut document = documents::cell(&near.cell);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("metres".into(), json!(near.metres));
    }
    document
}

/// The unit that a code (hyphens allowed), a name or a part of a name means.
fn one<C: Display + Copy>(wanted: &str, units: &[ListedUnit<C>]) -> Result<C> {
    let wanted = wanted.trim();
    let code = wanted.replace('-', "");
    let named = |unit: &&ListedUnit<C>, fits: fn(&str, &str) -> bool| {
        unit.name.as_deref().is_some_and(|name| fits(name, wanted))
    };
    let exact = |unit: &&ListedUnit<C>| unit.code.to_string() == code || named(unit, |a, b| a == b);
    let mut found: Vec<&ListedUnit<C>> = units.iter().filter(exact).collect();
    if found.is_empty() && !wanted.is_empty() {
        found = units
            .iter()
            .filter(|unit| named(unit, |a, b| a.contains(b)))
            .collect();
    }
    match found.as_slice() {
        [one] => Ok(one.code),
        [] => Err(unknown_unit(wanted)),
        many => {
            let list: Vec<String> = many
                .iter()
                .take(6)
                .map(|unit| format!("{} {}", unit.code, unit.name.as_deref().unwrap_or_default()))
                .collect();
            Err(Error::input(
                HandsetCode::PlaceUnknown,
                format!("「{wanted}」对应多个，请用代码选一个：{}", list.join("、")),
                format!(
                    "“{wanted}” matches several; choose one by its code: {}",
                    list.join(", ")
                ),
            ))
        }
    }
}
