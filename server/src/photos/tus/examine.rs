//! Whether the bytes of a complete upload are the ones that were announced, and a picture.

use super::upload::{Upload, UploadContent};
use crate::{
    app::{object_name::ObjectName, state::App},
    kernel::failure::Failure,
    photos::{
        attachments::Attached,
        checks::{limits, not_a_photo},
    },
};
use media::PhotoLimits;
use protocol::{
    photo::Sha256,
    sabotage::{self, Defect},
};

/// The outcome of an examination.
pub(super) enum ExaminedPicture {
    Picture(Attached),
    /// The bytes differ from the hash that the client or the entry named.
    OtherBytes,
    NoPicture(Failure),
}

/// What the bytes of an upload must be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    content: UploadContent,
    pub length: u64,
    limits: PhotoLimits,
}

impl Expected {
    pub fn of(app: &App, upload: &Upload) -> Self {
        Self {
            content: upload.content,
            length: upload.length,
            limits: limits(app),
        }
    }

    /// Hashes the bytes, unless their hash is known, and looks through the picture. Takes some milliseconds, so it does not
    /// belong on an async thread.
    pub fn examine(&self, bytes: &[u8], known: Option<Sha256>) -> ExaminedPicture {
        let named = self.content.named();
        let picture = |sha256, width, height| {
            ExaminedPicture::Picture(Attached {
                sha256,
                size: self.length,
                width,
                height,
                shown: None,
            })
        };
        let is_length_right = bytes.len() as u64 == self.length;
        if let Some(named) = named
            && is_length_right
            && sabotage::is(Defect::UploadByLength)
        {
            return picture(named, 0, 0);
        }
        if !is_length_right {
            return ExaminedPicture::OtherBytes;
        }
        let sha256 = known.unwrap_or_else(|| Sha256::of(bytes));
        if named.is_some_and(|named| named != sha256) {
            return ExaminedPicture::OtherBytes;
        }
        match media::inspect(bytes, &self.limits) {
            Ok(info) => {
                let (width, height) = info.upright_size();
                picture(sha256, width, height)
            }
            Err(error) => ExaminedPicture::NoPicture(not_a_photo(&error)),
        }
    }

    /// The name under which an examined picture is stored; `None` if a deliberate defect forgets to store it.
    pub fn object(&self, picture: &Attached) -> Option<ObjectName> {
        (!sabotage::is(Defect::PhotoNotKept)).then(|| self.content.object(picture.sha256))
    }
}
