//! A transport of a story's own making: it sees each request and decides what becomes of it.

use terminal_core::{
    store::Account,
    transport::{Https, Request, Response, Transport, TransportError},
};

/// What an exchange comes to.
pub type Outcome = Result<Response, TransportError>;

/// The real way to the server, with somebody in it. The closure may ask the server by calling its second argument.
pub struct Meddler<F> {
    inner: Https,
    meddle: F,
}

impl<F> Meddler<F>
where
    F: Fn(&Request, &dyn Fn() -> Outcome) -> Outcome + Send + Sync,
{
    pub fn of(account: &Account, meddle: F) -> Self {
        let inner = Https::new(&account.server, &account.pins).unwrap();
        Self { inner, meddle }
    }
}

impl<F> Transport for Meddler<F>
where
    F: Fn(&Request, &dyn Fn() -> Outcome) -> Outcome + Send + Sync,
{
    fn exchange(&self, request: &Request) -> Outcome {
        (self.meddle)(request, &|| self.inner.exchange(request))
    }
}

/// An answer of this status with a page for people.
pub fn page(status: u16, text: &str) -> Outcome {
    Ok(Response {
        status,
        headers: vec![("content-type".into(), "text/html".into())],
        body: format!("<html><body>{text}</body></html>").into_bytes(),
    })
}
