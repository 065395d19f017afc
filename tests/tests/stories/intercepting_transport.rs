//! A transport that passes each request to a closure of the story, which decides the result.

use terminal_core::{
    store::Account,
    transport::{Https, Request, Response, Transport, TransportError},
};

/// The result of an exchange.
pub type ExchangeResult = Result<Response, TransportError>;

/// The real transport with a closure in front. The closure sends the request by calling its second argument.
pub struct InterceptingTransport<F> {
    inner: Https,
    intercept: F,
}

impl<F> InterceptingTransport<F>
where
    F: Fn(&Request, &dyn Fn() -> ExchangeResult) -> ExchangeResult + Send + Sync,
{
    pub fn of(account: &Account, intercept: F) -> Self {
        let inner = Https::new(&account.server, &account.pins).unwrap();
        Self { inner, intercept }
    }
}

impl<F> Transport for InterceptingTransport<F>
where
    F: Fn(&Request, &dyn Fn() -> ExchangeResult) -> ExchangeResult + Send + Sync,
{
    fn exchange(&self, request: &Request) -> ExchangeResult {
        (self.intercept)(request, &|| self.inner.exchange(request))
    }
}

/// An HTML response with this status.
pub fn page(status: u16, text: &str) -> ExchangeResult {
    Ok(Response {
        status,
        headers: vec![("content-type".into(), "text/html".into())],
        body: format!("<html><body>{text}</body></html>").into_bytes(),
    })
}
