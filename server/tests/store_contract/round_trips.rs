//! How often a write waits for PostgreSQL, counted on the line between the two.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use server::{
    params,
    store::{Options, Store, StoreError, Tx},
};

use crate::ContractStore;
use crate::helpers::{ids, insert};

/// Who spoke last, and how often a client spoke after the server had.
#[derive(Default)]
struct Line {
    client_spoke: bool,
    trips: usize,
}

/// Listens on another port of the server and passes everything on.
struct CountedLine {
    port: u16,
    line: Arc<Mutex<Line>>,
}

impl CountedLine {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(Mutex::new(Line::default()));
        let counted = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let line = Arc::clone(&counted);
                std::thread::spawn(move || pass(from, to, &line, true));
                let line = Arc::clone(&counted);
                std::thread::spawn(move || pass(server, client, &line, false));
            }
        });
        Self { port, line }
    }

    fn take_trips(&self) -> usize {
        std::mem::take(&mut self.line.lock().unwrap().trips)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, line: &Mutex<Line>, is_client: bool) {
    let mut bytes = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        {
            let mut line = line.lock().unwrap();
            if is_client && !line.client_spoke {
                line.trips += 1;
            }
            line.client_spoke = is_client;
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn pg_03_statements_that_need_no_answer_travel_with_the_next() {
    let engine = ContractStore::postgres();
    let (head, tail) = engine.url().rsplit_once(':').unwrap();
    let (port, database) = tail.split_once('/').unwrap();
    let line = CountedLine::to(port.parse().unwrap());
    let options = Options {
        connections: 2,
        share_hints: false,
        ..ContractStore::options()
    };
    let store = Store::open(&format!("{head}:{}/{database}", line.port), options).unwrap();
    let write = |first: i64| -> Result<i64, StoreError> {
        store.write_blocking(move |tx: &mut Tx<'_>| {
            for id in first..first + 10 {
                tx.run("INSERT INTO sample (id) VALUES (?1)", params![id])?;
            }
            let there = tx.attempt(|tx| {
                tx.run("UPDATE sample SET i = 1 WHERE id = ?1", params![first])?;
                tx.one("SELECT COUNT(*) AS n FROM sample", params![], |row| row.get("n"))
            });
            tx.run("DELETE FROM sample WHERE id = ?1", params![first])?;
            there
        })
    };
    // Statements are prepared in the first writes.
    write(0).unwrap();
    insert(&store, 100).unwrap();
    line.take_trips();
    assert_eq!(write(20), Ok(20));
    assert_eq!(line.take_trips(), 2, "the count, and COMMIT");
    insert(&store, 101).unwrap();
    assert_eq!(line.take_trips(), 2, "the number of rows, and COMMIT");
    assert_eq!(ids(&store).len(), 20);
    // The last COMMIT may be under way, or counted here.
    line.take_trips();
    assert_eq!(ids(&store).len(), 20);
    assert_eq!(ids(&store).len(), 20);
    let trips = line.take_trips();
    assert!(
        trips <= 5,
        "BEGIN with the statement, and COMMIT: {trips} for two reads"
    );
    store.close_blocking();
}
