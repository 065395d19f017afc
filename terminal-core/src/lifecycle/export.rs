//! Export to a file: everything that only this handset holds, sealed.

use crate::{
    Error, Result,
    platform::photo_files::{PhotoFileError, PhotoFiles},
    sync::parcel::{Exported, ParcelBuilder},
    terminal::Terminal,
    transport::cancel::CancelToken,
};
use protocol::{parcel::SealedFor, problem::HandsetCode};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

impl Terminal {
    /// As [`Self::export_with`], without cancel and progress.
    ///
    /// # Errors
    /// As [`Self::export_with`].
    pub fn export_parcels(&self, file: &Path) -> Result<Exported> {
        self.export_with(file, &CancelToken::default(), &mut |_| {})
    }
    /// Writes everything that only this handset holds into a sealed file, to be carried to the centre. The
    /// store does not change: the items wait for the server's receipt, which they get at the next contact
    /// once the file was imported. `listener` is told after each parcel. A cancelled or failed export leaves no file.
    ///
    /// # Errors
    /// `parcel.file_exists`: an existing file is not overwritten. `call.cancelled`. Errors of the store, the keys and
    /// the file.
    pub fn export_with(
        &self,
        file: &Path,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(&ExportProgress),
    ) -> Result<Exported> {
        let call = self.begin(cancel)?;
        if file.exists() {
            return Err(Error::input(
                HandsetCode::ParcelFileExists,
                "文件已存在，请换一个文件名",
                "this file exists already, choose another name",
            ));
        }
        let part = part_of(file);
        let exported = self.write_parcels(&part, &call.cancel, listener);
        if exported.is_err() {
            // The caller gets the error; a part that cannot be removed is overwritten by the next export.
            let _ = fs::remove_file(&part);
        }
        let exported = exported?;
        fs::rename(&part, file).map_err(Error::io(file))?;
        // The file system of a memory card may not support syncing folders; the file itself was synced.
        if let Some(folder) = file.parent().and_then(|folder| fs::File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(exported)
    }
    fn write_parcels(
        &self,
        part: &Path,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(&ExportProgress),
    ) -> Result<Exported> {
        let signer = self.platform().keystore.signer(self.account().stream)?;
        let pending = self.store().pending()?;
        let (mut done, mut exported) = (BTreeSet::new(), Exported::default());
        let mut out = fs::File::create(part).map_err(Error::io(part))?;
        loop {
            let mut pack = ParcelBuilder::next(&pending, &done, self.clock_reading()?, SealedFor::Export)?;
            while let Some(photo) = pack.wanted() {
                if cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let read = PhotoFiles::read(self.photo_folder().as_ref(), &photo.file, 0, photo.size);
                if let Err(PhotoFileError::Unreadable(why)) = &read {
                    return Err(Error::Data(why.clone()));
                }
                pack.take_photo(read);
            }
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            self.store().mark_offered(pack.entries())?;
            let parcel = pack.seal(self.account(), signer.as_ref(), self.random())?;
            out.write_all(&parcel).map_err(Error::io(part))?;
            exported.add(pack.contents());
            done.extend(pack.hashes());
            let left = pack.contents().left;
            listener(&ExportProgress {
                sealed: exported.clone(),
                left,
            });
            if left == 0 {
                break;
            }
        }
        out.sync_all().map_err(Error::io(part))?;
        Ok(exported)
    }
}

/// How far an export is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportProgress {
    /// What was sealed so far.
    pub sealed: Exported,
    /// Entries, drafts and photos that follow.
    pub left: u64,
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
