//! Checks of a stream that ended: its handset has deleted its data, so the server must hold everything.

use super::{
    ends::EndedStream,
    handset::DatabaseDamage,
    judge::{CheckResult, Invariant, check_failed, holds_photo, of_stream, violation},
    server::SimServer,
};
use protocol::photo::Sha256;
use server::params;
use std::collections::BTreeSet;

impl EndedStream {
    pub fn at_rest(&self, server: &SimServer) -> CheckResult {
        let (stream, t) = (self.stream, self.t);
        let (held, _) = of_stream(server, stream)?;
        let items: Vec<(Sha256, Vec<u8>)> = server
            .read(move |tx| {
                Ok(tx.all(
                    "SELECT sha256, bytes FROM parcel_item WHERE stream = ?1",
                    params![stream.to_string()],
                    |row| Ok((row.parse("sha256")?, row.get("bytes")?)),
                )?)
            })
            .map_err(check_failed)?;
        let kept: BTreeSet<Sha256> = items.iter().map(|(sha256, _)| *sha256).collect();
        let whole = match (&self.damage, &self.report) {
            (None, _) => true,
            (Some(_), None) => {
                return violation(
                    Invariant::Health,
                    format!("the damaged database of handset {t} was never delivered"),
                );
            }
            (Some(DatabaseDamage::Head), Some(_)) => true,
            (Some(DatabaseDamage::Rows), Some(report)) => report.is_whole && report.lost.is_empty(),
        };
        for (id, promise) in self.expected.promises() {
            let is_there = match (held.get(&id), promise.sha256) {
                (Some(_), None) => true,
                (Some((_, stands, _)), Some(wanted)) => promise.withdrawn || *stands == wanted,
                (None, Some(wanted)) => kept.contains(&wanted),
                (None, None) => false,
            };
            if !is_there && whole && !promise.withdrawn {
                return violation(
                    Invariant::Lost,
                    format!(
                        "handset {t} has forgotten entry {id} of the stream that ended ({:?}), and the server has it \
                         not; it reported {:?}",
                        self.damage, self.report
                    ),
                );
            }
            if promise.withdrawn || !is_there {
                continue;
            }
            if let Some(photo) = promise
                .photos
                .iter()
                .find(|photo| !holds_photo(server, stream, **photo))
            {
                return violation(
                    Invariant::Lost,
                    format!(
                        "photo {photo} of entry {id} of the ended stream of handset {t} is not on the server"
                    ),
                );
            }
        }
        for (id, photos) in self.expected.drafts() {
            let is_named = |photo: &Sha256| {
                let name = photo.to_string();
                items
                    .iter()
                    .any(|(_, bytes)| bytes.windows(name.len()).any(|part| part == name.as_bytes()))
            };
            // A draft that was submitted while the machine died may be an entry; its photos are checked in
            // any case.
            let lost = photos.iter().find(|photo| {
                !holds_photo(server, stream, **photo) || !held.contains_key(id) && whole && !is_named(photo)
            });
            if let Some(photo) = lost {
                return violation(
                    Invariant::Lost,
                    format!(
                        "draft {id} with photo {photo} of the ended stream of handset {t} is not on the server"
                    ),
                );
            }
        }
        Ok(())
    }
}
