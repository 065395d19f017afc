//! What must hold when the world is calm: everything arrived, once, and both sides show the same.

use super::{
    handset::Handset,
    judge::{Book, Held, Judged, Rows, Rule, broken, mailbox, of_stream, unwell},
    network::FUTURE,
    server::Server,
};
use protocol::{
    entry::Entry,
    feed::{DispositionRow, kind},
    ids::{EntryId, PersonId, PostId, StreamId},
    open::Open,
    payload::{EntryKind, Payload},
    photo::Sha256,
};
use server::params;
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::{
    store::{Custody, Item},
    terminal::Terminal,
    work::ItemState,
};

impl Book {
    /// All rules, when the world is calm.
    pub fn at_rest(&mut self, who: usize, handset: &Handset, server: &Server, deaths: u64) -> Judged {
        let Some(terminal) = &handset.terminal else {
            return broken(Rule::Unwell, format!("handset {who} does not start"));
        };
        self.holds(who, terminal)?;
        self.truth(who, terminal, server, deaths)?;
        let account = terminal.account();
        let (held, photos) = of_stream(server, account.stream)?;
        let items = terminal.store().items().map_err(unwell)?;
        for item in &items {
            let id = item.id;
            let Some((n, sha256, _)) = held.get(&id) else {
                return broken(
                    Rule::Lost,
                    format!("entry {id} of handset {who} never reached the server"),
                );
            };
            if *sha256 != item.sha256 || *n != item.n {
                return broken(
                    Rule::Lost,
                    format!("the server has other bytes under {id} of handset {who}"),
                );
            }
            if self.was_cancelled(id) && item.kind != Open::Known(EntryKind::Void) {
                return broken(
                    Rule::Untrue,
                    format!("handset {who} said that {id} never left, and the server has it"),
                );
            }
            if !matches!(item.custody, Custody::Received(_)) {
                return broken(
                    Rule::Untrue,
                    format!("handset {who} does not know that {id} was received"),
                );
            }
            for photo in &item.photos {
                let name = format!("photos/{}/{}.jpg", account.stream, photo.sha256);
                let bytes = server.object(&name).filter(|_| photos.contains(&photo.sha256));
                if bytes.is_none_or(|bytes| Sha256::of(&bytes) != photo.sha256) {
                    return broken(
                        Rule::Lost,
                        format!("photo {} of {id} is not on the server", photo.sha256),
                    );
                }
                if photo.received.is_none() {
                    return broken(
                        Rule::Untrue,
                        format!(
                            "handset {who} does not know that photo {} was received",
                            photo.sha256
                        ),
                    );
                }
            }
        }
        self.shows_what_is(who, terminal, &held, handset.put_back)?;
        filed_once(who, &items)?;
        once(server, account.stream)?;
        told(who, terminal, server, &held)?;
        heard(who, terminal, server, &items)?;
        own(who, terminal, server)?;
        // Numbers that went with the copy's place may be missing for good.
        if !handset.put_back {
            complete(who, terminal, server, &items, &held)?;
        }
        equal(who, terminal, server)
    }

    /// The queue says what the server decided, with its reason.
    fn shows_what_is(&self, who: usize, terminal: &Terminal, held: &Held, put_back: bool) -> Judged {
        for row in terminal.queue().map_err(unwell)? {
            let Some((_, _, state)) = held.get(&row.id) else {
                continue;
            };
            let fits = match row.state {
                ItemState::Received | ItemState::PhotosPending => state == "applied",
                ItemState::Returned(ref reason) => {
                    !reason.zh.trim().is_empty() && (state == "rejected" || row.review.is_some())
                }
                ItemState::Review(_) => state == "review",
                ItemState::Held(_) => state == "held" || state == "pending",
                ItemState::Cancelled
                | ItemState::Revised(_)
                | ItemState::Withdrawing
                | ItemState::Withdrawn => true,
                // What was a draft in the copy is one again.
                ItemState::Draft => put_back,
                ItemState::Queued | ItemState::Later(_) => false,
            };
            if !fits {
                return broken(
                    Rule::Untrue,
                    format!(
                        "handset {who} shows {} as {}, the server says {state}",
                        row.id,
                        row.state_name()
                    ),
                );
            }
        }
        Ok(())
    }
}

/// Whatever a stream sent stands under its holder's name.
fn own(who: usize, terminal: &Terminal, server: &Server) -> Judged {
    let account = terminal.account();
    let (stream, holder) = (account.stream, account.holder);
    let foreign: Option<String> = server
        .read(move |tx| {
            Ok(tx.opt(
                "SELECT e.id FROM entry e JOIN stream s ON s.id = e.stream
                 WHERE e.stream = ?1 AND (e.author <> ?2 OR s.person <> ?2) LIMIT 1",
                params![stream.to_string(), holder.to_string()],
                |row| row.get("id"),
            )?)
        })
        .map_err(unwell)?;
    match foreign {
        None => Ok(()),
        Some(id) => broken(
            Rule::Untrue,
            format!("entry {id} of handset {who} stands under another's name"),
        ),
    }
}

/// What a worker filed once stands once: every report of a day says something else.
fn filed_once(who: usize, items: &[Item]) -> Judged {
    let mut said = BTreeSet::new();
    let report = |item: &&Item| item.kind == Open::Known(EntryKind::Report) && item.supersedes.is_none();
    match items
        .iter()
        .filter(report)
        .find(|item| !said.insert(item.summary.as_str()))
    {
        None => Ok(()),
        Some(item) => broken(
            Rule::Twice,
            format!("handset {who} filed {} a second time", item.id),
        ),
    }
}

/// Nothing waits for what is decided.
pub(super) fn decided(server: &Server) -> Judged {
    let stuck: Option<String> = server
        .read(move |tx| {
            Ok(tx.opt(
                "SELECT e.id FROM entry e JOIN entry f ON f.id = e.waits_for
                 WHERE f.state IN ('applied', 'rejected') LIMIT 1",
                params![],
                |row| row.get("id"),
            )?)
        })
        .map_err(unwell)?;
    match stuck {
        None => Ok(()),
        Some(id) => broken(
            Rule::Incomplete,
            format!("entry {id} waits for one that is decided"),
        ),
    }
}

/// The mailbox says of every entry what became of it, and names the tasks that the post has.
fn told(who: usize, terminal: &Terminal, server: &Server, held: &Held) -> Judged {
    let rows: Vec<DispositionRow> = terminal.store().mailbox_of(kind::DISPOSITION).map_err(unwell)?;
    for (id, (_, _, state)) in held.iter().filter(|(_, (_, _, state))| state != "pending") {
        let said = rows
            .iter()
            .find(|row| row.entry == *id)
            .and_then(|row| row.disposition.state.known());
        if said.map(|said| said.as_str()) != Some(state.as_str()) {
            return broken(
                Rule::Mailbox,
                format!("entry {id} is {state}, and handset {who} was told {said:?}"),
            );
        }
    }
    let post = terminal.account().post.to_string();
    let tasks: BTreeSet<String> = server
        .read(move |tx| {
            let assigned = tx.all(
                "SELECT id FROM task WHERE post = ?1 AND state = 'assigned'",
                params![&post],
                |row| row.get("id"),
            )?;
            Ok(assigned.into_iter().collect())
        })
        .map_err(unwell)?;
    let shown = terminal.store().mailbox(kind::TASK).map_err(unwell)?;
    match shown.iter().find(|row| !tasks.contains(&row.entity)) {
        None => Ok(()),
        Some(row) => broken(
            Rule::Mailbox,
            format!("handset {who} shows task {}, which it has not", row.entity),
        ),
    }
}

/// Whatever its holder still has to do with stands in the queue, also what was filed in another stream; and nothing
/// else that is not here.
fn heard(who: usize, terminal: &Terminal, server: &Server, items: &[Item]) -> Judged {
    let holder = terminal.account().holder.to_string();
    let asked = holder.clone();
    let open: BTreeMap<EntryId, String> = server
        .read(move |tx| {
            let open = tx.all(
                "SELECT e.id, e.state FROM entry e JOIN stream s ON s.id = e.stream
                 WHERE s.person = ?1 AND (e.state = 'rejected' AND e.code <> 'entry.withdrawn'
                   OR e.state IN ('review', 'held') AND EXISTS (SELECT 1 FROM parcel c WHERE c.id = e.push))",
                params![&asked],
                |row| Ok((row.parse("id")?, row.get("state")?)),
            )?;
            Ok(open.into_iter().collect())
        })
        .map_err(unwell)?;
    let queue = terminal.queue().map_err(unwell)?;
    let is_here = |id: EntryId| items.iter().any(|item| item.id == id);
    let elsewhere: Vec<EntryId> = queue
        .iter()
        .filter(|row| !row.is_draft() && !is_here(row.id))
        .map(|row| row.id)
        .collect();
    if elsewhere.is_empty() && open.is_empty() {
        return Ok(());
    }
    let entries: Vec<(Vec<u8>, String)> = server
        .read(move |tx| {
            Ok(tx.all(
                "SELECT e.bytes, e.state FROM entry e JOIN stream s ON s.id = e.stream WHERE s.person = ?1",
                params![&holder],
                |row| Ok((row.get("bytes")?, row.get("state")?)),
            )?)
        })
        .map_err(unwell)?;
    // Mended, or taken back.
    let mut closed = BTreeSet::new();
    for (bytes, state) in &entries {
        if let Ok((entry, payload)) = Entry::read(bytes) {
            closed.extend(entry.supersedes);
            if let (Some(Payload::Withdraw(withdrawal)), "applied") = (payload, state.as_str()) {
                closed.insert(withdrawal.entry);
            }
        }
    }
    for (id, state) in open.iter().filter(|(id, _)| !closed.contains(id)) {
        let shown = queue.iter().find(|row| row.id == *id).map(|row| &row.state);
        let fits = match shown {
            Some(ItemState::Returned(_) | ItemState::Withdrawing | ItemState::Draft) => true,
            Some(ItemState::Review(_) | ItemState::Held(_)) => state != "rejected",
            _ => false,
        };
        if !fits {
            return broken(
                Rule::Untrue,
                format!("{id} is {state}, handset {who} shows its holder {shown:?}"),
            );
        }
    }
    // What waits for a person waits, also when its author has filed another version meanwhile.
    let is_settled = |id: &&EntryId| match open.get(id) {
        Some(state) => state == "rejected" && closed.contains(id),
        None => true,
    };
    match elsewhere.iter().find(is_settled) {
        None => Ok(()),
        Some(id) => broken(
            Rule::Untrue,
            format!("handset {who} shows its holder {id}, which is settled"),
        ),
    }
}

/// Nothing of the stream was applied twice, and what was applied left its mark.
fn once(server: &Server, stream: StreamId) -> Judged {
    let odd: Vec<String> = server
        .read(move |tx| {
            let stream = stream.to_string();
            let mut odd = tx.all(
                "SELECT e.id FROM entry e WHERE e.stream = ?1 AND e.kind = 'report' AND e.state = 'applied'
                   AND e.waits_for IS NULL
                   AND (SELECT COUNT(*) FROM case_file c WHERE c.entry = e.id OR c.record = e.record) <> 1",
                params![&stream],
                |row| Ok(format!("report {}", row.get::<String>("id")?)),
            )?;
            odd.extend(tx.all(
                "SELECT e.id FROM entry e WHERE e.stream = ?1 AND e.kind = 'activity' AND e.state = 'applied'
                   AND (SELECT COUNT(*) FROM activity a WHERE a.record = e.record) <> 1",
                params![&stream],
                |row| Ok(format!("activity {}", row.get::<String>("id")?)),
            )?);
            odd.extend(tx.all(
                "SELECT c.id FROM case_file c WHERE c.stream = ?1 AND
                   (SELECT COUNT(*) FROM case_event v WHERE v.case_id = c.id AND v.body LIKE '%\"report\"%'
                        AND v.seq = 1) > 1",
                params![&stream],
                |row| Ok(format!("case {}", row.get::<String>("id")?)),
            )?);
            Ok(odd)
        })
        .map_err(unwell)?;
    match odd.first() {
        None => Ok(()),
        Some(first) => broken(Rule::Twice, format!("{first} was not applied exactly once")),
    }
}

/// Rule 4.
fn complete(who: usize, terminal: &Terminal, server: &Server, items: &[Item], held: &Held) -> Judged {
    let numbers: BTreeSet<u64> = held.values().map(|(n, ..)| *n).collect();
    let highest = numbers.last().copied().unwrap_or(0);
    if numbers.len() as u64 != highest || items.len() != held.len() {
        return broken(
            Rule::Incomplete,
            format!(
                "stream of handset {who}: {} held up to {highest}, the handset has {}",
                numbers.len(),
                items.len()
            ),
        );
    }
    let stream = terminal.account().stream;
    let upto: u64 = server
        .read(move |tx| {
            Ok(tx
                .opt(
                    "SELECT upto FROM stream_mark WHERE stream = ?1",
                    params![stream.to_string()],
                    |row| row.get("upto"),
                )?
                .unwrap_or(0))
        })
        .map_err(unwell)?;
    let mark = terminal.store().mark().map_err(unwell)?.unwrap_or_default();
    if upto != highest || mark.upto != highest || mark.highest != highest || !mark.holes.is_empty() {
        return broken(
            Rule::Incomplete,
            format!("marks of handset {who}: {highest} held, the server says {upto}, the handset {mark:?}"),
        );
    }
    Ok(())
}

/// Rule 3.
fn equal(who: usize, terminal: &Terminal, server: &Server) -> Judged {
    let (post, person) = (terminal.account().post, terminal.account().holder);
    let stands = of_mailboxes(server, post, person)?;
    let shown = mailbox(terminal)?;
    for (key, (n, body)) in &stands {
        match shown.get(key) {
            None => {
                return broken(
                    Rule::Mailbox,
                    format!("handset {who} lacks {key:?}, number {n} on the server"),
                );
            }
            Some((m, seen)) if m != n || seen != body => {
                return broken(
                    Rule::Mailbox,
                    format!(
                        "handset {who} shows {key:?} of number {m} as {seen}, the server's {n} says {body}"
                    ),
                );
            }
            Some(_) => {}
        }
    }
    match shown.keys().find(|key| !stands.contains_key(*key)) {
        None => Ok(()),
        Some(key) => broken(
            Rule::Mailbox,
            format!("handset {who} shows {key:?}, which is gone"),
        ),
    }
}

fn of_mailboxes(server: &Server, post: PostId, person: PersonId) -> Judged<Rows> {
    let now = server.now();
    server
        .read(move |tx| {
            let mut rows = Rows::new();
            // The post's mailbox is its holder's.
            let holds = server::people::posts::holds(tx, post, person, now)?;
            let boxes = [
                holds.then(|| ("post", format!("post:{post}"))),
                Some(("author", format!("author:{person}"))),
            ];
            for (name, id) in boxes.into_iter().flatten() {
                let found = tx.all(
                    "SELECT kind, entity, n, body FROM mailbox_row WHERE mailbox = ?1 AND body IS NOT NULL",
                    params![&id],
                    |row| {
                        let body: String = row.get("body")?;
                        Ok((
                            row.get::<String>("kind")?,
                            row.get::<String>("entity")?,
                            row.get("n")?,
                            body,
                        ))
                    },
                )?;
                for (kind, entity, n, body) in found {
                    let body = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
                    rows.insert((name.to_owned(), kind, entity), (n, body));
                }
            }
            Ok(rows)
        })
        .map(|mut rows| {
            rows.retain(|(_, kind, _), _| !kind.starts_with(FUTURE));
            rows
        })
        .map_err(unwell)
}
