//! A manifest may offer the same version of the grid twice: as a pack of format 1, which every handset reads, and as one
//! of format 2, which has a third of the bytes. This handset keeps one of them, always under the name
//! [`FileName::Grid`], so that everything else knows one grid (`docs/adr/0026-second-format-of-the-pack.md`).

use crate::{
    Result,
    platform::home::grid_file_name,
    store::{
        database::HandsetStore,
        files::{ReferenceFile, have},
        pack_file::read_pack,
    },
};
use protocol::{
    manifest::{FileName, Manifest},
    open::Open,
};
use rusqlite::{Connection, OptionalExtension};
use std::path::PathBuf;

/// The files of a manifest that this version knows, and the packs of its grid, the preferred one first.
fn offered(manifest: &Manifest) -> (Vec<ReferenceFile>, Vec<ReferenceFile>) {
    let known = manifest.files.iter().filter_map(|new| match new.name {
        Open::Known(name) => Some(ReferenceFile {
            name,
            version: new.version.clone(),
            sha256: new.sha256,
            size: new.size,
        }),
        Open::Other(_) => None,
    });
    let (mut files, mut grids) = (Vec::new(), Vec::new());
    let mut second = None;
    for file in known {
        match file.name {
            FileName::GridSecond => {
                second = Some(ReferenceFile {
                    name: FileName::Grid,
                    ..file
                });
            }
            FileName::Grid => grids.push(file),
            FileName::Catalogue | FileName::Calendar => files.push(file),
        }
    }
    // A server of an older version that was put back imports grids without the second format: then the file of
    // format 1 is the newer one.
    let is_same = |second: &ReferenceFile| grids.iter().all(|grid| grid.version == second.version);
    if let Some(second) = second.filter(is_same) {
        grids.insert(0, second);
    }
    (files, grids)
}

impl HandsetStore {
    /// The files of a manifest that this handset keeps: those that this version knows, and one pack of the grid.
    pub(super) fn files_to_keep(&self, tx: &Connection, manifest: &Manifest) -> Result<Vec<ReferenceFile>> {
        let (mut files, grids) = offered(manifest);
        files.extend(self.choose_grid(tx, grids)?);
        Ok(files)
    }

    /// The pack to keep of those that are offered, the preferred one first: one that is here or on this phone, so that
    /// nothing is fetched twice; else the one with the fewest bytes left to fetch. `None` if none is offered.
    fn choose_grid(&self, tx: &Connection, offered: Vec<ReferenceFile>) -> Result<Option<ReferenceFile>> {
        if offered.len() > 1 {
            let in_force: Option<String> = tx
                .prepare_cached("SELECT sha256 FROM file WHERE name = ?1")?
                .query_row([FileName::Grid.as_str()], |row| row.get(0))
                .optional()?;
            let is_in_force = |file: &ReferenceFile| {
                in_force
                    .as_ref()
                    .is_some_and(|hash| *hash == file.sha256.to_string())
            };
            let is_left_here = |file: &ReferenceFile| {
                let pack = read_pack(self.disk(), self.home(), file.sha256, file.size);
                pack.unwrap_or(None).is_some()
            };
            // Whether that one is whole is known when it is taken; otherwise it is fetched.
            let others = self.homes_of_others().unwrap_or_default();
            let has_another = |file: &ReferenceFile| {
                let path = |home: &PathBuf| home.join(grid_file_name(file.sha256));
                others.iter().any(|home| self.disk().exists(&path(home)))
            };
            let is_here: [&dyn Fn(&ReferenceFile) -> bool; 3] = [&is_in_force, &is_left_here, &has_another];
            if let Some(here) = is_here
                .iter()
                .find_map(|is_here| offered.iter().find(|file| is_here(file)))
            {
                return Ok(Some(here.clone()));
            }
        }
        let mut best: Option<(u64, ReferenceFile)> = None;
        for file in offered {
            let left = file.size.saturating_sub(have(tx, file.sha256)?);
            if best.as_ref().is_none_or(|(least, _)| left < *least) {
                best = Some((left, file));
            }
        }
        Ok(best.map(|(_, file)| file))
    }
}

#[cfg(test)]
mod tests;
