//! Photos that a draft lacks. The worker is asked before filing and may file all the same: the centre sees a flag.

use crate::{
    Result,
    words::Lang,
    work::draft::{Draft, DraftContent},
};

/// Fewer photos than the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FewerPhotos {
    /// Photos that are asked for, 1 or more.
    pub asked: u32,
    /// Photos of the draft.
    pub has: u32,
}

impl FewerPhotos {
    /// The question before filing.
    pub fn words(self, lang: Lang) -> String {
        let Self { asked, has } = self;
        match has {
            0 => lang.pick(
                format!("要求至少 {asked} 张照片，现在没有照片。就这样提交吗？"),
                format!("photos asked for: {asked} or more, and there is none; submit all the same?"),
            ),
            _ => lang.pick(
                format!("要求至少 {asked} 张照片，现在只有 {has} 张。就这样提交吗？"),
                format!("photos asked for: {asked} or more, and there are only {has}; submit all the same?"),
            ),
        }
    }
}

impl<C: DraftContent> Draft<C> {
    /// What it lacks of the photos that are asked for; `None` if it has enough. [`Draft::submit`] files it all the same.
    ///
    /// # Errors
    /// Errors of the store.
    pub fn fewer_photos(&self) -> Result<Option<FewerPhotos>> {
        let asked = self
            .content()
            .photos_asked(self.terminal().store().asked_evidence()?);
        let has = u32::try_from(self.photos().len()).unwrap_or(u32::MAX);
        Ok((has < asked).then_some(FewerPhotos { asked, has }))
    }
}
