//! Photos of a handling (处置反馈, T10) that the city has already: the department filed the photo of the report again, or one
//! of another case. The handling is taken all the same, and flagged (docs/adr/0023-doubts-about-photos.md).

use super::file::CaseFile;
use crate::{
    entries::flags::Flag,
    kernel::failure::Failure,
    params,
    photos::{
        alike,
        doubts::{self, NAMED, PhotoDoubt},
    },
    store::{error::StoreError, tx::Tx},
};
use protocol::{ids::CaseId, photo::Sha256, time::Millis};

/// Where a picture was used before.
struct EarlierUse {
    entry: String,
    case: String,
}

/// Notes that these attachments show the handling of the case. Returns true if one of them was used before: `near` is the
/// number of bits in which similar pictures may differ.
pub(super) fn note(
    tx: &mut Tx<'_>,
    file: &CaseFile,
    attachments: &[Sha256],
    near: u32,
    now: Millis,
) -> Result<bool, Failure> {
    let mut is_reused = false;
    for sha256 in attachments {
        let mut pictures = vec![(*sha256, None)];
        let similar = alike::similar(tx, *sha256, near)?;
        pictures.extend(similar.into_iter().map(|(other, bits)| (other, Some(bits))));
        for (picture, bits) in pictures {
            for used in uses(tx, file.id, picture)? {
                is_reused = true;
                tx.run(
                    "INSERT INTO attachment_doubt (case_id, sha256, other_entry, other_case, bits, found)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (case_id, sha256, other_entry, other_case) DO NOTHING",
                    params![
                        file.id.to_string(),
                        sha256.to_string(),
                        used.entry,
                        used.case,
                        bits,
                        now.0
                    ],
                )?;
            }
        }
        tx.run(
            "INSERT INTO attachment_use (sha256, case_id) VALUES (?1, ?2) ON CONFLICT (sha256, case_id) DO NOTHING",
            params![sha256.to_string(), file.id.to_string()],
        )?;
    }
    Ok(is_reused)
}

/// Uses of a picture by entries of the field, this case's own report among them, and by the handling of other cases.
fn uses(tx: &mut Tx<'_>, case: CaseId, picture: Sha256) -> Result<Vec<EarlierUse>, StoreError> {
    let mut found = Vec::new();
    for entry in doubts::entries_with(tx, picture)? {
        found.push(EarlierUse {
            entry: entry.to_string(),
            case: String::new(),
        });
    }
    let cases: Vec<String> = tx.all(
        &format!(
            "SELECT case_id FROM attachment_use WHERE sha256 = ?1 AND case_id <> ?2 ORDER BY case_id LIMIT {NAMED}"
        ),
        params![picture.to_string(), case.to_string()],
        |row| row.get("case_id"),
    )?;
    found.extend(cases.into_iter().map(|case| EarlierUse {
        entry: String::new(),
        case,
    }));
    Ok(found)
}

/// The doubts about the attachments of a case.
pub(super) fn doubts_of(tx: &mut Tx<'_>, case: CaseId) -> Result<Vec<(Sha256, PhotoDoubt)>, StoreError> {
    tx.all(
        "SELECT d.sha256, d.other_entry, d.bits, COALESCE(c.number, r.number, a.number) AS number
         FROM attachment_doubt d
         LEFT JOIN case_file c ON c.id = d.other_case
         LEFT JOIN entry e ON e.id = d.other_entry
         LEFT JOIN case_file r ON r.record = e.record
         LEFT JOIN task t ON t.answer_entry = d.other_entry
         LEFT JOIN case_file a ON a.id = t.case_id
         WHERE d.case_id = ?1 ORDER BY d.found, d.sha256, d.other_entry, d.other_case",
        params![case.to_string()],
        |row| {
            let other: String = row.get("other_entry")?;
            let doubt = PhotoDoubt {
                entry: other.parse().ok(),
                case: row.get("number")?,
                bits: row.get("bits")?,
                ..PhotoDoubt::of(Flag::PhotoReused)
            };
            Ok((row.parse("sha256")?, doubt))
        },
    )
}
