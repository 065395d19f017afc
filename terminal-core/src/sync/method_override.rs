//! A firewall that lets only GET and POST through answers PATCH and HEAD itself; rules of this kind are common under
//! 等保. The handset then sends the same requests as POST with `X-HTTP-Method-Override`.

use crate::{
    Result,
    store::database::HandsetStore,
    sync::{state::Sync, step::StepOutcome},
    transport::request::{Method, Request},
};
use protocol::{problem::Problem, time::Millis};

impl Sync {
    /// A request of an upload, by a method that the way to the server lets through.
    pub(super) fn tus(&self, method: Method, path: &str) -> Request {
        let (method, instead_of) = match (method, self.photo.only_post) {
            (Method::Patch, true) => (Method::Post, Some("PATCH")),
            (Method::Head, true) => (Method::Post, Some("HEAD")),
            (method, _) => (method, None),
        };
        let request = Request::new(method, path)
            .header("authorization", format!("Bearer {}", self.token()))
            .header("tus-resumable", "1.0.0");
        match instead_of {
            Some(name) => request.header("x-http-method-override", name),
            None => request,
        }
    }

    /// True if something on the way refused the method of a PATCH or HEAD. It is remembered for a day, and the upload goes
    /// on by POST.
    pub(super) fn is_method_barred(
        &mut self,
        store: &HandsetStore,
        now: Millis,
        outcome: &StepOutcome,
    ) -> Result<bool> {
        let StepOutcome::Answer(response) = outcome else {
            return Ok(false);
        };
        // The server's own refusals are problem documents. To a HEAD they have no body: then the POST gets one.
        let barred = matches!(response.status, 403 | 405 | 501)
            && serde_json::from_slice::<Problem>(&response.body).is_err();
        if !barred || self.photo.only_post {
            return Ok(false);
        }
        tracing::info!(name: "sync.method_barred", status = response.status);
        store.set_only_post(now)?;
        self.photo.active = None;
        Ok(true)
    }
}
