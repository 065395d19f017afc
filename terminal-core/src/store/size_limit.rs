//! The size of a request that something on the way to the server refused (413): a proxy with a fixed limit refuses it each
//! time, so the handset does not ask again for a day.

use crate::{
    Result,
    store::{
        database::HandsetStore,
        settings::{self, keys},
    },
};
use protocol::time::Millis;

/// How long a limit is believed, in ms: the proxy may have been changed.
const BELIEVED: i64 = 86_400_000;

impl HandsetStore {
    /// Most bytes of a photo in one request; `None` if nothing was refused for a day.
    pub fn photo_limit(&self, now: Millis) -> Result<Option<u64>> {
        let text = self.read(|c| settings::get(c, keys::PHOTO_LIMIT))?;
        let limit = text.as_deref().and_then(parse);
        // A time in the future means that the clock was set back.
        let is_fresh = |at: Millis| (0..BELIEVED).contains(&now.since(at));
        Ok(limit.filter(|(_, at)| is_fresh(*at)).map(|(bytes, _)| bytes))
    }
    /// Stores the limit durably.
    pub fn set_photo_limit(&self, bytes: u64, now: Millis) -> Result<()> {
        self.write(|tx| settings::set(tx, keys::PHOTO_LIMIT, &format!("{bytes} {}", now.0)))
    }
}

fn parse(text: &str) -> Option<(u64, Millis)> {
    let (bytes, at) = text.split_once(' ')?;
    Some((bytes.parse().ok()?, Millis(at.parse().ok()?)))
}
