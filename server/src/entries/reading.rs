//! Parses the bytes of an entry. Custody needs only the frame. The rest is parsed as far as possible, so that an entry
//! which no room understands still has its kind, its record and the photos that it names.

use protocol::{
    WIRE_VERSION,
    entry::{Entry, EntryFrame},
    evidence::{ClockReading, Position},
    ids::{EntryId, PersonId, PostId, RecordId},
    payload::Payload,
    photo::{MAX_PHOTOS_PER_ENTRY, PhotoRef},
};
use serde_json::Value;

/// The result of parsing an entry.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub id: EntryId,
    pub n: u64,
    /// Without control characters, at most 64 characters, because it is stored in a column.
    pub kind: String,
    pub record: RecordId,
    pub author: Option<PersonId>,
    pub post: Option<PostId>,
    pub clock: Option<ClockReading>,
    /// The position fix of an entry that could be parsed.
    pub fix: Option<Position>,
    /// Also for unknown kinds, so that their photos are accepted before a newer server understands the entry.
    pub photos: Vec<PhotoRef>,
    pub content: EntryContent,
}

/// How much of the entry was understood.
#[derive(Debug, Clone)]
pub(crate) enum EntryContent {
    /// The complete entry.
    Known(Box<Entry>, Payload),
    /// The kind is unknown: the handset is newer.
    UnknownKind,
    /// The wire version is newer and this server cannot parse it.
    Newer,
    /// It cannot be parsed; holds the reason.
    Unreadable(String),
}

/// Why the frame of an element of a batch cannot be read.
pub(crate) fn frame(bytes: &[u8]) -> Result<EntryFrame, String> {
    let frame: EntryFrame = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if frame.n == 0 || i64::try_from(frame.n).is_err() {
        return Err("n is outside 1..=2^63-1".into());
    }
    Ok(frame)
}

impl Reading {
    /// Parses bytes whose frame was read.
    pub fn of(frame: &EntryFrame, bytes: &[u8]) -> Self {
        match Entry::read(bytes) {
            Ok((entry, payload)) => Self::understood(entry, payload),
            Err(error) => Self::loose(frame, bytes, error.to_string()),
        }
    }

    fn understood(entry: Entry, payload: Option<Payload>) -> Self {
        let photos = payload.as_ref().map_or_else(
            || {
                let payload: Value = serde_json::from_str(entry.payload.get()).unwrap_or_default();
                photos_of(&payload)
            },
            |payload| payload.photos().to_vec(),
        );
        Self {
            id: entry.id,
            n: entry.n,
            kind: kind_text(&serde_json::to_value(&entry.kind).unwrap_or_default()),
            record: entry.record,
            author: Some(entry.author),
            post: Some(entry.post),
            clock: Some(entry.evidence.clock.clone()),
            fix: entry.evidence.position.clone(),
            photos,
            content: match payload {
                Some(payload) if payload.photos().len() > MAX_PHOTOS_PER_ENTRY => {
                    EntryContent::Unreadable(format!("more than {MAX_PHOTOS_PER_ENTRY} photos"))
                }
                Some(payload) => EntryContent::Known(Box::new(entry), payload),
                None => EntryContent::UnknownKind,
            },
        }
        .with_photos_limited()
    }

    fn loose(frame: &EntryFrame, bytes: &[u8], error: String) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = |key: &str| text(key).and_then(|t| t.parse().ok());
        Self {
            id: frame.id,
            n: frame.n,
            kind: kind_text(value.get("kind").unwrap_or(&Value::Null)),
            record: id("record").map_or(RecordId(frame.id.0), RecordId),
            author: id("author").map(PersonId),
            post: id("post").map(PostId),
            clock: value
                .pointer("/evidence/clock")
                .and_then(|clock| serde_json::from_value(clock.clone()).ok()),
            fix: None,
            photos: photos_of(value.get("payload").unwrap_or(&Value::Null)),
            content: if frame.v > WIRE_VERSION {
                EntryContent::Newer
            } else {
                EntryContent::Unreadable(error)
            },
        }
        .with_photos_limited()
    }

    fn with_photos_limited(mut self) -> Self {
        self.photos.truncate(MAX_PHOTOS_PER_ENTRY);
        // The column cannot hold a larger size, and no photo has one.
        self.photos.retain(|photo| i64::try_from(photo.size).is_ok());
        self
    }
}

fn kind_text(kind: &Value) -> String {
    kind.as_str()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect()
}

fn photos_of(payload: &Value) -> Vec<PhotoRef> {
    let Some(photos) = payload.get("photos").and_then(Value::as_array) else {
        return Vec::new();
    };
    photos
        .iter()
        .filter_map(|photo| serde_json::from_value(photo.clone()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Reading {
        let bytes = serde_json::to_vec(value).unwrap();
        Reading::of(&frame(&bytes).unwrap(), &bytes)
    }

    fn entry() -> Value {
        let id = "01900000-0000-7000-8000-000000000001";
        json!({
            "v": 1, "id": id, "n": 1, "kind": "check_in", "record": id, "author": id, "post": id, "payload": {},
            "evidence": {"clock": {"wall": 1, "boot": "b", "monotonic_ms": 1}},
        })
    }

    #[test]
    fn what_a_room_cannot_read_still_names_its_photos() {
        let photo = json!({"sha256": "00".repeat(32), "size": 5, "role": "scene", "width": 1, "height": 1});
        let mut later = entry();
        later["kind"] = json!("drone_flight");
        later["payload"] = json!({"photos": [photo], "altitude": 5});
        let reading = read(&later);
        assert!(matches!(reading.content, EntryContent::UnknownKind));
        assert_eq!((reading.kind.as_str(), reading.photos.len()), ("drone_flight", 1));

        let mut damaged = entry();
        damaged["kind"] = json!("report");
        damaged["payload"] = json!({"photos": [photo], "text": 5});
        let reading = read(&damaged);
        assert!(matches!(reading.content, EntryContent::Unreadable(_)));
        assert_eq!(reading.photos.len(), 1);
        assert!(reading.clock.is_some() && reading.author.is_some());
    }

    #[test]
    fn a_newer_version_is_not_called_damaged() {
        let mut newer = entry();
        newer["v"] = json!(9);
        newer["evidence"] = json!("elsewhere");
        assert!(matches!(read(&newer).content, EntryContent::Newer));
    }

    #[test]
    fn numbers_that_cannot_be_positions_are_no_frame() {
        for n in [json!(0), json!(-1), json!(u64::MAX), json!("1"), json!(1.5)] {
            let mut bad = entry();
            bad["n"] = n.clone();
            assert!(frame(&serde_json::to_vec(&bad).unwrap()).is_err(), "{n}");
        }
    }
}
