//! The input of a cut: outlines of districts, and the list of their streets and communities.

use protocol::codes::CountyCode;
use protocol::geo::Datum;
use serde::Deserialize;

use super::error::CutError;
use super::outline::RawOutline;
use crate::datum::to_wgs84;
use crate::geojson;

/// The list of units with the codes of the statistics bureau.
#[derive(Clone, Debug, Deserialize)]
pub struct Divisions {
    /// Counties and urban districts, and zones that are not counties but have streets.
    pub counties: Vec<CountyUnits>,
}

/// A county and its streets.
#[derive(Clone, Debug, Deserialize)]
pub struct CountyUnits {
    /// Six digits.
    pub code: String,
    /// Name.
    pub name: String,
    /// Streets and townships (街道/乡镇).
    pub streets: Vec<StreetUnits>,
}

/// A street and its communities.
#[derive(Clone, Debug, Deserialize)]
pub struct StreetUnits {
    /// Nine digits; the last three below 100 are a subdistrict (街道), else a town or township.
    pub code: String,
    /// Name.
    pub name: String,
    /// Communities and villages (社区/村).
    pub communities: Vec<CommunityUnit>,
}

/// A community: statistics code of twelve digits, and name.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "(String, String)")]
pub struct CommunityUnit {
    /// Twelve digits; the last three below 200 are a town's community (居委会), else a village's (村委会).
    pub code: String,
    /// Name.
    pub name: String,
}

impl From<(String, String)> for CommunityUnit {
    fn from((code, name): (String, String)) -> Self {
        Self { code, name }
    }
}

impl CommunityUnit {
    /// Returns true for a town's community, false for a village's, by the rule of the statistics code.
    pub fn is_urban(&self) -> bool {
        self.code
            .get(9..12)
            .and_then(|n| n.parse::<u16>().ok())
            .is_some_and(|n| n < 200)
    }
}

impl StreetUnits {
    /// Returns true for a subdistrict (街道), false for a town or township.
    pub fn is_subdistrict(&self) -> bool {
        self.code
            .get(6..9)
            .and_then(|n| n.parse::<u16>().ok())
            .is_some_and(|n| n < 100)
    }

    pub(super) fn urban_count(&self) -> usize {
        self.communities.iter().filter(|c| c.is_urban()).count()
    }
}

impl CountyUnits {
    /// Returns true if most of the communities are urban; such districts determine the centre of the city.
    pub fn is_urban(&self) -> bool {
        let all: usize = self.streets.iter().map(|s| s.communities.len()).sum();
        2 * self.streets.iter().map(StreetUnits::urban_count).sum::<usize>() > all
    }
}

impl Divisions {
    /// Parses the list and checks that every code follows its scheme and is under its parent.
    pub fn read(text: &str) -> Result<Self, CutError> {
        let divisions: Self = serde_json::from_str(text).map_err(CutError::Divisions)?;
        let is_code = |code: &str, len: usize, parent: &str| {
            code.len() == len && code.starts_with(parent) && code.bytes().all(|b| b.is_ascii_digit())
        };
        for county in &divisions.counties {
            if !is_code(&county.code, 6, "") {
                return Err(CutError::StatisticsCode(county.code.clone()));
            }
            for street in &county.streets {
                if !is_code(&street.code, 9, &county.code) {
                    return Err(CutError::StatisticsCode(street.code.clone()));
                }
                if let Some(c) = street
                    .communities
                    .iter()
                    .find(|c| !is_code(&c.code, 12, &street.code))
                {
                    return Err(CutError::StatisticsCode(c.code.clone()));
                }
            }
        }
        Ok(divisions)
    }

    /// Returns the county with this code.
    pub fn county(&self, code: CountyCode) -> Option<&CountyUnits> {
        self.counties.iter().find(|c| c.code == code.as_str())
    }
}

/// Parses the outlines and converts them to WGS-84; this is the only place that converts them. Only outer rings are
/// used. Also returns the source that the file states (`metadata.source`), if any.
pub fn read_outlines(text: &str, datum: Datum) -> Result<(Vec<RawOutline>, Option<String>), CutError> {
    let file = geojson::read(text)?;
    if let Some(finding) = file.findings.first() {
        return Err(CutError::Outline(finding.codes.concat(), finding.detail.clone()));
    }
    let source = file
        .metadata
        .as_ref()
        .and_then(|m| m.get("source")?.as_str())
        .map(str::to_owned);
    let outlines: Result<Vec<RawOutline>, CutError> = file
        .areas
        .into_iter()
        .map(|a| {
            let code = a
                .area
                .code
                .parse()
                .map_err(|_| CutError::StatisticsCode(a.area.code.clone()))?;
            let rings = std::iter::once(&a.area.ring).chain(&a.others);
            let parts = rings
                .map(|r| r.iter().map(|&p| to_wgs84(p.into(), datum).into()).collect())
                .collect();
            Ok(RawOutline { code, parts })
        })
        .collect();
    Ok((outlines?, source))
}
