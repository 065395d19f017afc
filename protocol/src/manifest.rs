//! Reference data: a signed manifest lists versioned, hashed files that handsets download with resume.

use crate::{field::Contact, photo::Sha256, sign::Signature, time::Millis};
use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// The files that this version knows; others in a manifest are ignored.
    pub enum FileName {
        /// The grid pack of the holder's county, in format 1.
        Grid = "grid",
        /// The same version of the grid in format 2, a third of the size. Older handsets ignore it. A handset that knows it
        /// takes it in place of [`Self::Grid`], if both have the same version.
        GridSecond = "grid_2",
        /// 事/部件 catalogue
        Catalogue = "catalogue",
        /// Working calendar
        Calendar = "calendar",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestFile {
    pub name: crate::open::Open<FileName>,
    pub version: String,
    pub sha256: Sha256,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Manifest {
    pub v: u16,
    pub issued: Millis,
    pub files: Vec<ManifestFile>,
    /// The newest app; absent if the operator published none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppRelease>,
    /// Whom workers call; absent if the operator named nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// What the operator asks of evidence; absent in manifests of older servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedEvidence>,
}

/// What the operator asks of a fix and of photos, so that a handset says before filing what the centre will flag. Nothing
/// that falls short is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AskedEvidence {
    /// The oldest fix, in minutes (setting `fix_age_minutes`).
    pub fix_age_minutes: u32,
    /// The largest radius of the accuracy circle, in metres (setting `fix_accuracy_m`).
    pub fix_accuracy_m: u32,
    /// Photos of an answer to a verification or check (setting `answer_photos`).
    pub answer_photos: u32,
    /// Photos of an activity record (setting `activity_min_photos`).
    pub activity_photos: u32,
}

impl Default for AskedEvidence {
    /// The defaults of the server's settings.
    fn default() -> Self {
        Self {
            fix_age_minutes: 30,
            fix_accuracy_m: 100,
            answer_photos: 1,
            activity_photos: 3,
        }
    }
}

/// A version of the Android app (应用版本) that handsets fetch from this server, without a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppRelease {
    /// As people read it, such as `1.4.0`.
    pub version: String,
    /// Android's `versionCode`; a larger number is newer.
    pub build: u32,
    /// Of the package (APK).
    pub sha256: Sha256,
    /// Size of the package in bytes, 1..=[`MAX_APP_BYTES`].
    pub size: u64,
    /// SHA-256 of the certificate that signed the package; a handset installs no package of another signer.
    pub signer: Sha256,
    /// The oldest build that this server still serves. A handset of an older one asks its user to update; what it sends
    /// is received all the same (law 1).
    pub oldest: u32,
}

/// Maximum size of an app's package in bytes: a handset holds it in memory once to check it.
pub const MAX_APP_BYTES: u64 = 20 * 1024 * 1024;

/// Text of the manifest, exactly as it was signed, and the server's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedManifest {
    pub manifest: String,
    pub signature: Signature,
}

/// A matter that can be reported: its code, and its name in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CatalogueItem {
    pub code: crate::codes::MatterCode,
    pub zh: String,
    pub en: String,
    /// True if two independent sources agree on the item; otherwise an administrator should verify it.
    pub verified: bool,
    /// The syllables of `zh` without tones, for search: one word per character, its readings separated by `/`
    /// (`chong/zhong da wei xian yuan`). Empty in catalogues of servers that do not know the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pinyin: String,
}

/// Readings of the characters of the shipped tables, ordered by character; written by `build.rs`.
const READINGS: &[(char, &str)] = include!(concat!(env!("OUT_DIR"), "/readings.rs"));

/// The syllables of a name in the form of [`CatalogueItem::pinyin`]. Letters and digits stand for themselves; other
/// characters without a known reading are left out.
fn syllables(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            words.push(character.to_ascii_lowercase().to_string());
        } else if let Some((_, readings)) = READINGS
            .binary_search_by_key(&character, |(known, _)| *known)
            .ok()
            .and_then(|at| READINGS.get(at))
        {
            words.push((*readings).to_owned());
        }
    }
    words.join(" ")
}

/// The catalogue file (CJ/T 214 edition; the operator can replace it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalogue {
    pub version: String,
    pub items: Vec<CatalogueItem>,
}

#[derive(Deserialize)]
struct SourceItem {
    code: String,
    name_zh: String,
    name_en: String,
    #[serde(default)]
    verified: bool,
}
#[derive(Deserialize)]
struct SourceTable {
    items: Vec<SourceItem>,
}

impl Catalogue {
    /// Returns the tables that ship with the product (`data/`) as one catalogue.
    pub fn shipped() -> Result<Self, CatalogueError> {
        let tables = [
            ('C', include_str!("../data/components_cjt214.json")),
            ('E', include_str!("../data/events_cjt214.json")),
        ];
        let mut items = Vec::new();
        for (letter, text) in tables {
            for item in serde_json::from_str::<SourceTable>(text)?.items {
                let code = format!("{letter}{}", item.code).parse()?;
                items.push(CatalogueItem {
                    code,
                    pinyin: syllables(&item.name_zh),
                    zh: item.name_zh,
                    en: item.name_en,
                    verified: item.verified,
                });
            }
        }
        items.sort_by_key(|item| item.code);
        Ok(Self {
            version: "cjt214.2".into(),
            items,
        })
    }
    pub fn find(&self, code: crate::codes::MatterCode) -> Option<&CatalogueItem> {
        self.items.iter().find(|item| item.code == code)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Code(#[from] crate::codes::CodeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_contains_both_tables_without_duplicates() {
        let catalogue = Catalogue::shipped().unwrap();
        assert_eq!(catalogue.items.len(), 85 + 54);
        assert_eq!(catalogue.find("E0102".parse().unwrap()).unwrap().zh, "暴露垃圾");
        assert_eq!(catalogue.find("C0101".parse().unwrap()).unwrap().zh, "上水井盖");
        let mut codes: Vec<_> = catalogue.items.iter().map(|i| i.code).collect();
        codes.dedup();
        assert_eq!(codes.len(), catalogue.items.len());
    }

    #[test]
    fn every_character_of_the_shipped_catalogue_has_its_readings() {
        let catalogue = Catalogue::shipped().unwrap();
        for item in &catalogue.items {
            let shown = item.zh.chars().filter(|c| c.is_alphanumeric()).count();
            assert_eq!(
                item.pinyin.split(' ').count(),
                shown,
                "{} {}",
                item.zh,
                item.pinyin
            );
            assert!(
                item.pinyin
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b' ' || b == b'/'),
                "{}",
                item.pinyin
            );
        }
        let pinyin = |zh: &str| {
            let item = catalogue.items.iter().find(|item| item.zh == zh).unwrap();
            item.pinyin.clone()
        };
        assert_eq!(pinyin("暴露垃圾").split(' ').nth(1), Some("lu/lou"));
        // All readings of a polyphonic character; ü is typed as v.
        let danger = pinyin("重大危险源");
        let first: Vec<&str> = danger.split(' ').next().unwrap().split('/').collect();
        assert!(first.contains(&"zhong") && first.contains(&"chong"), "{danger}");
        assert!(
            pinyin("绿地")
                .split(' ')
                .next()
                .unwrap()
                .split('/')
                .any(|r| r == "lv")
        );
    }

    #[test]
    fn a_catalogue_of_an_older_server_is_read_without_syllables() {
        let older = r#"{"version":"cjt214.1","items":[{"code":"E0102","zh":"暴露垃圾","en":"litter","verified":true}]}"#;
        let read: Catalogue = serde_json::from_str(older).unwrap();
        assert_eq!(read.items[0].pinyin, "");
        assert_eq!(serde_json::to_string(&read).unwrap(), older);
    }
}
