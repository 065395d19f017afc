//! The names of all objects in the object store, and how they are written. Names are stored on disk and in the rows of
//! parts, so they never change.

use object_store::path::Path;
use protocol::{
    ids::{StreamId, UploadId},
    photo::Sha256,
};
use std::{fmt, str::FromStr};

/// The name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectName {
    /// A photo of a stream. Its content is shared only inside the stream: knowing a hash does not give access to the photo.
    Photo { stream: StreamId, sha256: Sha256 },
    /// Bytes that a parcel brought as a photo and that are no picture. They are kept, because the terminal has deleted
    /// its copy when it gets the receipt for the parcel.
    ParcelFile { stream: StreamId, sha256: Sha256 },
    /// A picture that staff attached.
    Attachment { sha256: Sha256 },
    /// The picture that is shown of an attachment, by its own hash.
    AttachmentView { sha256: Sha256 },
    /// The thumbnail of that picture, by the hash of the picture.
    AttachmentThumbnail { sha256: Sha256 },
    /// A reference file: a grid pack, the catalogue, the calendar.
    Reference { sha256: Sha256 },
    /// A part of an upload, whose first byte is at `offset`. `nonce` is random, so that two requests for the same offset
    /// do not overwrite each other's part.
    Part {
        upload: UploadId,
        offset: u64,
        nonce: [u8; 8],
    },
    /// The file to which the parts of an upload are appended, on an object folder.
    Staging { upload: UploadId },
    /// The id that the store shares with its database.
    StoreId,
    /// Written by the readiness check.
    Probe,
}

/// A folder of objects that are deleted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectFolder {
    /// All photos of a stream.
    Photos { stream: StreamId },
    /// All parts of an upload, and its [`ObjectName::Staging`].
    Parts { upload: UploadId },
}

/// The text is not the name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an object")]
pub struct NotAnObjectName;

impl ObjectName {
    pub(super) fn path(&self) -> Path {
        Path::from(self.to_string())
    }

    /// [`FromStr`] that also accepts other spellings of hashes, ids and numbers.
    fn parse(text: &str) -> Option<Self> {
        let segments: Vec<&str> = text.split('/').collect();
        Some(match segments.as_slice() {
            ["photos", stream, file] => Self::Photo {
                stream: stream.parse().ok()?,
                sha256: file.strip_suffix(".jpg")?.parse().ok()?,
            },
            ["parcels", stream, sha256] => Self::ParcelFile {
                stream: stream.parse().ok()?,
                sha256: sha256.parse().ok()?,
            },
            ["attachments", sha256] => Self::Attachment {
                sha256: sha256.parse().ok()?,
            },
            ["attachments", "shown", sha256] => Self::AttachmentView {
                sha256: sha256.parse().ok()?,
            },
            ["attachments", "small", sha256] => Self::AttachmentThumbnail {
                sha256: sha256.parse().ok()?,
            },
            ["reference", sha256] => Self::Reference {
                sha256: sha256.parse().ok()?,
            },
            ["staging", upload, part] => {
                let (offset, hex) = part.split_once('-')?;
                let mut nonce = [0; 8];
                hex::decode_to_slice(hex, &mut nonce).ok()?;
                Self::Part {
                    upload: upload.parse().ok()?,
                    offset: offset.parse().ok()?,
                    nonce,
                }
            }
            ["staging", file] => Self::Staging {
                upload: file.strip_suffix(".parts")?.parse().ok()?,
            },
            ["store-id"] => Self::StoreId,
            ["probe", "ready"] => Self::Probe,
            _ => return None,
        })
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Photo { stream, sha256 } => {
                write!(f, "{}/{sha256}.jpg", ObjectFolder::Photos { stream: *stream })
            }
            Self::ParcelFile { stream, sha256 } => write!(f, "parcels/{stream}/{sha256}"),
            Self::Attachment { sha256 } => write!(f, "attachments/{sha256}"),
            Self::AttachmentView { sha256 } => write!(f, "attachments/shown/{sha256}"),
            Self::AttachmentThumbnail { sha256 } => write!(f, "attachments/small/{sha256}"),
            Self::Reference { sha256 } => write!(f, "reference/{sha256}"),
            Self::Part {
                upload,
                offset,
                nonce,
            } => {
                let folder = ObjectFolder::Parts { upload: *upload };
                write!(f, "{folder}/{offset:010}-{}", hex::encode(nonce))
            }
            Self::Staging { upload } => {
                let folder = ObjectFolder::Parts { upload: *upload };
                write!(f, "{folder}.parts")
            }
            Self::StoreId => f.write_str("store-id"),
            Self::Probe => f.write_str("probe/ready"),
        }
    }
}

impl FromStr for ObjectName {
    type Err = NotAnObjectName;
    fn from_str(text: &str) -> Result<Self, NotAnObjectName> {
        Self::parse(text)
            .filter(|name| name.to_string() == text)
            .ok_or(NotAnObjectName)
    }
}

impl ObjectFolder {
    pub(super) fn path(&self) -> Path {
        Path::from(self.to_string())
    }
}

impl fmt::Display for ObjectFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Photos { stream } => write!(f, "photos/{stream}"),
            Self::Parts { upload } => write!(f, "staging/{upload}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ID: &str = "0192f0c1-0000-7000-8000-00000000002a";
    const HASH: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    fn all() -> Vec<(ObjectName, String)> {
        let id = Uuid::parse_str(ID).unwrap();
        let (stream, upload) = (StreamId(id), UploadId(id));
        let sha256 = Sha256::of(b"x");
        let part = |offset| ObjectName::Part {
            upload,
            offset,
            nonce: [0, 1, 2, 3, 4, 5, 6, 0xff],
        };
        vec![
            (
                ObjectName::Photo { stream, sha256 },
                format!("photos/{ID}/{HASH}.jpg"),
            ),
            (
                ObjectName::ParcelFile { stream, sha256 },
                format!("parcels/{ID}/{HASH}"),
            ),
            (ObjectName::Attachment { sha256 }, format!("attachments/{HASH}")),
            (
                ObjectName::AttachmentView { sha256 },
                format!("attachments/shown/{HASH}"),
            ),
            (
                ObjectName::AttachmentThumbnail { sha256 },
                format!("attachments/small/{HASH}"),
            ),
            (ObjectName::Reference { sha256 }, format!("reference/{HASH}")),
            (part(0), format!("staging/{ID}/0000000000-00010203040506ff")),
            (part(131_072), format!("staging/{ID}/0000131072-00010203040506ff")),
            (
                part(u64::MAX),
                format!("staging/{ID}/18446744073709551615-00010203040506ff"),
            ),
            (ObjectName::Staging { upload }, format!("staging/{ID}.parts")),
            (ObjectName::StoreId, "store-id".to_owned()),
            (ObjectName::Probe, "probe/ready".to_owned()),
        ]
    }

    /// One number per variant: a new variant does not compile until it is listed here, and fails the test until it is in
    /// [`all`].
    fn variant(name: &ObjectName) -> usize {
        match name {
            ObjectName::Photo { .. } => 0,
            ObjectName::ParcelFile { .. } => 1,
            ObjectName::Attachment { .. } => 2,
            ObjectName::Reference { .. } => 3,
            ObjectName::Part { .. } => 4,
            ObjectName::StoreId => 5,
            ObjectName::Probe => 6,
            ObjectName::AttachmentView { .. } => 7,
            ObjectName::AttachmentThumbnail { .. } => 8,
            ObjectName::Staging { .. } => 9,
        }
    }

    #[test]
    fn every_name_is_written_as_before_and_read_back() {
        let mut variants = std::collections::BTreeSet::new();
        for (name, text) in all() {
            assert_eq!(name.to_string(), text);
            assert_eq!(name.path().as_ref(), text, "the store keeps the name as it is");
            assert_eq!(text.parse(), Ok(name));
            variants.insert(variant(&name));
        }
        assert_eq!(
            variants.into_iter().collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        );
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in [
            String::new(),
            "photos".to_owned(),
            format!("photos/{ID}/{HASH}"),
            format!("photos/{ID}/{HASH}.png"),
            format!("photos/{ID}/../{HASH}.jpg"),
            format!("attachments/{}", HASH.to_uppercase()),
            format!("attachments/{HASH}/"),
            format!("/attachments/{HASH}"),
            format!("staging/{ID}/0-00010203040506ff"),
            format!("staging/{ID}/+000000000-00010203040506ff"),
            format!("staging/{ID}/0000000000-0001"),
            format!("staging/{ID}"),
            format!("staging/{ID}.part"),
            "store-id/x".to_owned(),
        ] {
            assert_eq!(text.parse::<ObjectName>(), Err(NotAnObjectName), "{text}");
        }
    }

    #[test]
    fn a_folder_holds_its_names() {
        let id = Uuid::parse_str(ID).unwrap();
        for (name, text) in all() {
            let folder = match name {
                ObjectName::Photo { stream, .. } => ObjectFolder::Photos { stream },
                ObjectName::Part { upload, .. } => ObjectFolder::Parts { upload },
                _ => continue,
            };
            assert_eq!(
                text.strip_prefix(&folder.to_string()).map(|rest| &rest[..1]),
                Some("/")
            );
        }
        let parts = ObjectFolder::Parts { upload: UploadId(id) };
        assert_eq!(parts.path().as_ref(), format!("staging/{ID}"));
    }
}
