//! What must hold of a stream that is over: its handset has forgotten, so the server has it all.

use super::{
    ends::Former,
    handset::Damage,
    judge::{Judged, Rule, broken, holds_photo, of_stream, unwell},
    server::Server,
};
use protocol::photo::Sha256;
use server::params;
use std::collections::BTreeSet;

impl Former {
    pub fn at_rest(&self, server: &Server) -> Judged {
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
            .map_err(unwell)?;
        let kept: BTreeSet<Sha256> = items.iter().map(|(sha256, _)| *sha256).collect();
        let whole = match (&self.damage, &self.report) {
            (None, _) => true,
            (Some(_), None) => {
                return broken(
                    Rule::Unwell,
                    format!("the damaged database of handset {t} was never handed over"),
                );
            }
            (Some(Damage::Head), Some(_)) => true,
            (Some(Damage::Rows), Some(report)) => report.is_whole && report.lost.is_empty(),
        };
        for (id, promise) in self.book.promises() {
            let is_there = match (held.get(&id), promise.sha256) {
                (Some(_), None) => true,
                (Some((_, stands, _)), Some(wanted)) => promise.taken_back || *stands == wanted,
                (None, Some(wanted)) => kept.contains(&wanted),
                (None, None) => false,
            };
            if !is_there && whole && !promise.taken_back {
                return broken(
                    Rule::Lost,
                    format!(
                        "handset {t} has forgotten entry {id} of the stream that ended ({:?}), and the server has it \
                         not; it reported {:?}",
                        self.damage, self.report
                    ),
                );
            }
            if promise.taken_back || !is_there {
                continue;
            }
            if let Some(photo) = promise
                .photos
                .iter()
                .find(|photo| !holds_photo(server, stream, **photo))
            {
                return broken(
                    Rule::Lost,
                    format!("photo {photo} of {id} of the ended stream of handset {t} is not on the server"),
                );
            }
        }
        for (id, photos) in self.book.drafts() {
            let is_named = |photo: &Sha256| {
                let name = photo.to_string();
                items
                    .iter()
                    .any(|(_, bytes)| bytes.windows(name.len()).any(|part| part == name.as_bytes()))
            };
            // A draft that was submitted while the machine died is an entry; its photos are looked for all the same.
            let lost = photos.iter().find(|photo| {
                !holds_photo(server, stream, **photo) || !held.contains_key(id) && whole && !is_named(photo)
            });
            if let Some(photo) = lost {
                return broken(
                    Rule::Lost,
                    format!(
                        "draft {id} with photo {photo} of the ended stream of handset {t} is not on the server"
                    ),
                );
            }
        }
        Ok(())
    }
}
