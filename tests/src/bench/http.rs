//! A cheap HTTP/1.1 client, because it shares the machine with the server that it measures. One kept
//! connection; each request is one write; responses are read to their end and not parsed.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A server that does not answer in this time fails the bench.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection, opened when it is first needed.
pub struct RawHttpClient {
    server: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// Status, head and body as received; a chunked body is joined.
pub struct RawHttpResponse {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl RawHttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
    /// Returns the response if its status is 2xx, otherwise an error.
    pub fn good(self) -> Result<Self> {
        let said = String::from_utf8_lossy(&self.body);
        ensure!((200..300).contains(&self.status), "{}: {said}", self.status);
        Ok(self)
    }
    pub fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A whole request as bytes.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

impl RawHttpClient {
    pub fn to(server: SocketAddr) -> Self {
        Self {
            server,
            stream: None,
            buffer: Vec::new(),
        }
    }
    pub fn server(&self) -> SocketAddr {
        self.server
    }
    /// Sends a whole request and reads the whole response.
    pub fn send(&mut self, request: &[u8]) -> Result<RawHttpResponse> {
        self.stream()?.write_all(request)?;
        self.read_response()
    }
    /// POST with a JSON body and a JSON response.
    pub fn post(&mut self, path: &str, token: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        let body = serde_json::to_vec(body)?;
        let answer = self.send(&request("POST", path, &headers, &body))?;
        let answer = answer.good().with_context(|| path.to_owned())?;
        if answer.body.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        answer.json()
    }
    /// The connection itself, for a body that is sent in pieces.
    pub fn stream(&mut self) -> Result<&mut TcpStream> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.server)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream
            }
        };
        Ok(self.stream.insert(stream))
    }
    /// Reads the response to what was sent. If the server closes the connection, the next request opens a new
    /// one.
    pub fn read_response(&mut self) -> Result<RawHttpResponse> {
        let result = self.read();
        let given_up = |answer: &RawHttpResponse| answer.header("connection").is_some_and(|v| v == "close");
        if result.as_ref().map_or(true, given_up) {
            self.stream = None;
        }
        result
    }
    fn read(&mut self) -> Result<RawHttpResponse> {
        self.buffer.clear();
        let end = self.fill_until(0, b"\r\n\r\n")?;
        let head = String::from_utf8(self.part(0, end)?.to_vec())?;
        let status = head
            .split(' ')
            .nth(1)
            .context("no status in the response")?
            .parse()?;
        let body = if header(&head, "transfer-encoding") == Some("chunked") {
            self.chunks(end)?
        } else {
            let length: usize = header(&head, "content-length").map_or(Ok(0), str::parse)?;
            let length = if status == 204 { 0 } else { length };
            self.fill_to(end + length)?;
            self.part(end, end + length)?.to_vec()
        };
        Ok(RawHttpResponse { status, head, body })
    }
    fn chunks(&mut self, mut at: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_end = self.fill_until(at, b"\r\n")?;
            let line = std::str::from_utf8(self.part(at, line_end)?)?.trim();
            let length = usize::from_str_radix(line, 16)?;
            self.fill_to(line_end + length + 2)?;
            if length == 0 {
                return Ok(body);
            }
            body.extend_from_slice(self.part(line_end, line_end + length)?);
            at = line_end + length + 2;
        }
    }
    fn part(&self, from: usize, to: usize) -> Result<&[u8]> {
        self.buffer.get(from..to).context("the range was not read yet")
    }
    /// Reads until `mark` occurs after `from`; returns the offset after the mark.
    fn fill_until(&mut self, from: usize, mark: &[u8]) -> Result<usize> {
        loop {
            let behind = self.buffer.get(from..).unwrap_or_default();
            if let Some(at) = behind.windows(mark.len()).position(|part| part == mark) {
                return Ok(from + at + mark.len());
            }
            self.fill()?;
        }
    }
    fn fill_to(&mut self, length: usize) -> Result<()> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(())
    }
    fn fill(&mut self) -> Result<()> {
        let stream = self.stream.as_mut().context("no connection")?;
        let mut piece = [0; 16 * 1024];
        let n = stream.read(&mut piece)?;
        if n == 0 {
            bail!("the server closed the connection");
        }
        self.buffer.extend_from_slice(piece.get(..n).unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, thread};

    #[test]
    fn responses_with_content_length_and_chunked_are_read_to_their_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut piece = [0; 4096];
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nupload-offset: 7\r\n\r\n",
            ] {
                let _ = stream.read(&mut piece).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut client = RawHttpClient::to(address);
        let asked = request("GET", "/", &[], b"");
        assert_eq!(client.send(&asked).unwrap().body, b"one");
        assert_eq!(client.send(&asked).unwrap().body, b"two");
        let last = client.send(&asked).unwrap();
        assert_eq!((last.status, last.header("Upload-Offset")), (204, Some("7")));
    }
}
