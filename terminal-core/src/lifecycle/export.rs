//! Export to a file: everything that only this handset holds, sealed.

use crate::{
    Error, Result,
    platform::photo_files::{PhotoFileError, PhotoFiles},
    sync::parcel::{Exported, ParcelBuilder},
    terminal::Terminal,
};
use protocol::{parcel::SealedFor, problem::HandsetCode};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

impl Terminal {
    /// Writes everything that only this handset holds into a sealed file, to be carried to the centre. The
    /// store does not change: the items wait for the server's receipt, which they get at the next contact
    /// once the file was imported.
    ///
    /// # Errors
    /// `parcel.file_exists`: an existing file is not overwritten. Errors of the store, the keys and the file.
    pub fn export_parcels(&self, file: &Path) -> Result<Exported> {
        if file.exists() {
            return Err(Error::input(
                HandsetCode::ParcelFileExists,
                "文件已存在，请换一个文件名",
                "the file already exists; choose another file name",
            ));
        }
        let signer = self.platform().keystore.signer(self.account().stream)?;
        let pending = self.store().pending()?;
        let (mut done, mut exported) = (BTreeSet::new(), Exported::default());
        let part = part_of(file);
        let mut out = fs::File::create(&part).map_err(Error::io(&part))?;
        loop {
            let mut pack = ParcelBuilder::next(&pending, &done, self.clock_reading()?, SealedFor::Export)?;
            while let Some(photo) = pack.wanted() {
                let read = PhotoFiles::read(self.photo_folder().as_ref(), &photo.file, 0, photo.size);
                if let Err(PhotoFileError::Unreadable(why)) = &read {
                    return Err(Error::Data(why.clone()));
                }
                pack.take_photo(read);
            }
            self.store().mark_offered(pack.entries())?;
            let parcel = pack.seal(self.account(), signer.as_ref(), self.random())?;
            out.write_all(&parcel).map_err(Error::io(&part))?;
            exported.add(pack.contents());
            done.extend(pack.hashes());
            if pack.contents().left == 0 {
                break;
            }
        }
        out.sync_all().map_err(Error::io(&part))?;
        fs::rename(&part, file).map_err(Error::io(file))?;
        // The file system of a memory card may not support syncing folders; the file itself was synced.
        if let Some(folder) = file.parent().and_then(|folder| fs::File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(exported)
    }
}

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
