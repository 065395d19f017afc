//! What the way to the server was found to carry. Something on it refused the size of a request (413), or its method: a
//! proxy with a fixed rule refuses it each time, so the handset does not ask again for a day. And how much of a photo the
//! line carried at once.

use crate::{
    Result,
    platform::surroundings::NetworkCost,
    store::{
        database::HandsetStore,
        settings::{self, keys},
    },
};
use protocol::time::Millis;

/// How long a refusal is believed, in ms: the proxy may have been changed.
const BELIEVED: i64 = 86_400_000;

impl HandsetStore {
    /// Most bytes of a photo in one request; `None` if nothing was refused for a day.
    pub fn photo_limit(&self, now: Millis) -> Result<Option<u64>> {
        self.size_limit(keys::PHOTO_LIMIT, now)
    }
    /// Stores the limit durably.
    pub fn set_photo_limit(&self, bytes: u64, now: Millis) -> Result<()> {
        self.set_size_limit(keys::PHOTO_LIMIT, bytes, now)
    }
    /// Bytes of a photo that a request over such a network may carry, by what the last ones showed; `None` if nothing is
    /// known from the last day.
    pub fn photo_part(&self, network: NetworkCost, now: Millis) -> Result<Option<u64>> {
        self.size_limit(photo_part_key(network), now)
    }
    /// Stores it durably.
    pub fn set_photo_part(&self, network: NetworkCost, bytes: u64, now: Millis) -> Result<()> {
        self.set_size_limit(photo_part_key(network), bytes, now)
    }
    /// Most bytes of the entries of one push; `None` if nothing was refused for a day.
    pub fn push_limit(&self, now: Millis) -> Result<Option<u64>> {
        self.size_limit(keys::PUSH_LIMIT, now)
    }
    /// Stores the limit durably.
    pub fn set_push_limit(&self, bytes: u64, now: Millis) -> Result<()> {
        self.set_size_limit(keys::PUSH_LIMIT, bytes, now)
    }
    /// True if a method other than GET and POST was refused within a day.
    pub fn only_post(&self, now: Millis) -> Result<bool> {
        let text = self.read(|c| settings::get(c, keys::ONLY_POST))?;
        let at = text.and_then(|text| text.parse().ok()).map(Millis);
        Ok(at.is_some_and(|at| is_fresh(at, now)))
    }
    /// Stores the refusal durably.
    pub fn set_only_post(&self, now: Millis) -> Result<()> {
        self.write(|tx| settings::set(tx, keys::ONLY_POST, &now.0.to_string()))
    }
    fn size_limit(&self, key: &str, now: Millis) -> Result<Option<u64>> {
        let text = self.read(|c| settings::get(c, key))?;
        let limit = text.as_deref().and_then(parse);
        Ok(limit.filter(|(_, at)| is_fresh(*at, now)).map(|(bytes, _)| bytes))
    }
    fn set_size_limit(&self, key: &str, bytes: u64, now: Millis) -> Result<()> {
        self.write(|tx| settings::set(tx, key, &format!("{bytes} {}", now.0)))
    }
}

const fn photo_part_key(network: NetworkCost) -> &'static str {
    match network {
        NetworkCost::Free => keys::PHOTO_PART_FREE,
        NetworkCost::Metered => keys::PHOTO_PART_METERED,
        NetworkCost::Roaming => keys::PHOTO_PART_ROAMING,
    }
}

/// A time in the future means that the clock was set back.
fn is_fresh(at: Millis, now: Millis) -> bool {
    (0..BELIEVED).contains(&now.since(at))
}

fn parse(text: &str) -> Option<(u64, Millis)> {
    let (bytes, at) = text.split_once(' ')?;
    Some((bytes.parse().ok()?, Millis(at.parse().ok()?)))
}
