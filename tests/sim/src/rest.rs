//! The checks of the calm phase: everything arrived once, and both ends show the same.

use super::{
    handset::SimHandset,
    judge::{
        CheckResult, Expectations, HeldEntries, Invariant, MailboxRows, check_failed, mailbox, of_stream,
        violation,
    },
    network::FUTURE,
    server::SimServer,
};
use protocol::{
    entry::Entry,
    feed::{DispositionRow, kind},
    ids::{EntryId, PersonId, PostId, StreamId},
    open::Open,
    payload::{EntryKind, Payload},
    photo::Sha256,
};
use server::{app::tally, params};
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::{
    store::{Custody, Item},
    terminal::Terminal,
    words::Lang,
    work::ItemState,
};

impl Expectations {
    /// Checks all invariants; call in the calm phase.
    pub fn at_rest(
        &mut self,
        who: usize,
        handset: &SimHandset,
        server: &SimServer,
        deaths: u64,
    ) -> CheckResult {
        let Some(terminal) = &handset.terminal else {
            return violation(Invariant::Health, format!("handset {who} is not running"));
        };
        self.holds(who, terminal)?;
        self.check_received(who, terminal, server, deaths)?;
        let account = terminal.account();
        let (held, photos) = of_stream(server, account.stream)?;
        let items = terminal.store().items().map_err(check_failed)?;
        for item in &items {
            let id = item.id;
            let Some((n, sha256, _)) = held.get(&id) else {
                return violation(
                    Invariant::Lost,
                    format!("entry {id} of handset {who} never reached the server"),
                );
            };
            if *sha256 != item.sha256 || *n != item.n {
                return violation(
                    Invariant::Lost,
                    format!("the server holds other bytes under {id} of handset {who}"),
                );
            }
            if self.was_cancelled(id) && item.kind != Open::Known(EntryKind::Void) {
                return violation(
                    Invariant::Untrue,
                    format!("handset {who} reported {id} as never sent, but the server holds it"),
                );
            }
            if !matches!(item.custody, Custody::Received(_)) {
                return violation(
                    Invariant::Untrue,
                    format!("handset {who} does not show {id} as received"),
                );
            }
            for photo in &item.photos {
                let name = format!("photos/{}/{}.jpg", account.stream, photo.sha256);
                let bytes = server.object(&name).filter(|_| photos.contains(&photo.sha256));
                if bytes.is_none_or(|bytes| Sha256::of(&bytes) != photo.sha256) {
                    return violation(
                        Invariant::Lost,
                        format!("photo {} of {id} is not on the server", photo.sha256),
                    );
                }
                if photo.received.is_none() {
                    return violation(
                        Invariant::Untrue,
                        format!("handset {who} does not show photo {} as received", photo.sha256),
                    );
                }
            }
        }
        self.check_dispositions(who, terminal, &held, handset.put_back)?;
        check_filed_once(who, &items)?;
        check_applied_once(server, account.stream)?;
        check_mailbox(who, terminal, server, &held)?;
        check_needs_action(who, terminal, server, &items)?;
        check_holder(who, terminal, server)?;
        // Numbers that were used after the copy was made may be missing for good.
        if !handset.put_back {
            check_marks(who, terminal, server, &items, &held)?;
        }
        check_mailboxes_equal(who, terminal, server)
    }

    /// Checks that the queue shows the server's decision with its reason.
    fn check_dispositions(
        &self,
        who: usize,
        terminal: &Terminal,
        held: &HeldEntries,
        put_back: bool,
    ) -> CheckResult {
        for row in terminal.queue().map_err(check_failed)? {
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
                // A draft in the copy is a draft again.
                ItemState::Draft => put_back,
                ItemState::Queued | ItemState::Later(_) => false,
            };
            if !fits {
                return violation(
                    Invariant::Untrue,
                    format!(
                        "handset {who} shows {} as {}, on the server it is {state}",
                        row.id,
                        row.state_name()
                    ),
                );
            }
        }
        Ok(())
    }
}

/// Checks that every entry of a stream is stored under its holder's name.
fn check_holder(who: usize, terminal: &Terminal, server: &SimServer) -> CheckResult {
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
        .map_err(check_failed)?;
    match foreign {
        None => Ok(()),
        Some(id) => violation(
            Invariant::Untrue,
            format!("entry {id} of handset {who} is stored under another person"),
        ),
    }
}

/// Checks that no report was filed twice: every report of a day has another text.
fn check_filed_once(who: usize, items: &[Item]) -> CheckResult {
    let mut said = BTreeSet::new();
    let report = |item: &&Item| item.kind == Open::Known(EntryKind::Report) && item.supersedes.is_none();
    match items
        .iter()
        .filter(report)
        .find(|item| !said.insert(item.summary.words(Lang::Zh)))
    {
        None => Ok(()),
        Some(item) => violation(
            Invariant::Twice,
            format!("handset {who} filed {} a second time", item.id),
        ),
    }
}

/// Every figure is what the rows give, whatever was lost and done again.
pub(super) fn check_figures(server: &SimServer) -> CheckResult {
    let wrong = server.read(|tx| Ok(tally::compare(tx)?)).map_err(check_failed)?;
    match wrong.first() {
        None => Ok(()),
        Some(figure) => violation(
            Invariant::Untrue,
            format!("{} figures differ from the rows, first {figure}", wrong.len()),
        ),
    }
}

/// Checks that no entry waits for an entry that is already decided.
pub(super) fn check_waiting_entries(server: &SimServer) -> CheckResult {
    let stuck: Option<String> = server
        .read(move |tx| {
            Ok(tx.opt(
                "SELECT e.id FROM entry e JOIN entry f ON f.id = e.waits_for
                 WHERE f.state IN ('applied', 'rejected') LIMIT 1",
                params![],
                |row| row.get("id"),
            )?)
        })
        .map_err(check_failed)?;
    match stuck {
        None => Ok(()),
        Some(id) => violation(
            Invariant::Incomplete,
            format!("entry {id} waits for an entry that is already decided"),
        ),
    }
}

/// Checks that the mailbox holds the disposition of every entry and exactly the post's tasks.
fn check_mailbox(who: usize, terminal: &Terminal, server: &SimServer, held: &HeldEntries) -> CheckResult {
    let rows: Vec<DispositionRow> = terminal
        .store()
        .mailbox_of(kind::DISPOSITION)
        .map_err(check_failed)?;
    for (id, (_, _, state)) in held.iter().filter(|(_, (_, _, state))| state != "pending") {
        let said = rows
            .iter()
            .find(|row| row.entry == *id)
            .and_then(|row| row.disposition.state.known());
        if said.map(|said| said.as_str()) != Some(state.as_str()) {
            return violation(
                Invariant::Mailbox,
                format!("entry {id} is {state}, but the mailbox of handset {who} says {said:?}"),
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
        .map_err(check_failed)?;
    let shown = terminal.store().mailbox(kind::TASK).map_err(check_failed)?;
    match shown.iter().find(|row| !tasks.contains(&row.entity)) {
        None => Ok(()),
        Some(row) => violation(
            Invariant::Mailbox,
            format!(
                "handset {who} shows task {}, which its post does not have",
                row.entity
            ),
        ),
    }
}

/// Checks that the queue shows every entry that still needs its author, including entries filed in another
/// stream, and no other entry of another stream.
fn check_needs_action(who: usize, terminal: &Terminal, server: &SimServer, items: &[Item]) -> CheckResult {
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
        .map_err(check_failed)?;
    let queue = terminal.queue().map_err(check_failed)?;
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
        .map_err(check_failed)?;
    // Records that were revised or withdrawn.
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
            return violation(
                Invariant::Untrue,
                format!("{id} is {state}, but handset {who} shows {shown:?}"),
            );
        }
    }
    // An entry in review stays in the list even if its author has filed another version meanwhile.
    let is_settled = |id: &&EntryId| match open.get(id) {
        Some(state) => state == "rejected" && closed.contains(id),
        None => true,
    };
    match elsewhere.iter().find(is_settled) {
        None => Ok(()),
        Some(id) => violation(
            Invariant::Untrue,
            format!("handset {who} shows {id}, which needs no action"),
        ),
    }
}

/// Checks that nothing of the stream was applied twice, and that each applied entry had its effect.
fn check_applied_once(server: &SimServer, stream: StreamId) -> CheckResult {
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
        .map_err(check_failed)?;
    match odd.first() {
        None => Ok(()),
        Some(first) => violation(Invariant::Twice, format!("{first} was not applied exactly once")),
    }
}

/// Invariant 4.
fn check_marks(
    who: usize,
    terminal: &Terminal,
    server: &SimServer,
    items: &[Item],
    held: &HeldEntries,
) -> CheckResult {
    let numbers: BTreeSet<u64> = held.values().map(|(n, ..)| *n).collect();
    let highest = numbers.last().copied().unwrap_or(0);
    if numbers.len() as u64 != highest || items.len() != held.len() {
        return violation(
            Invariant::Incomplete,
            format!(
                "stream of handset {who}: the server holds {} up to {highest}, the handset has {}",
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
        .map_err(check_failed)?;
    let mark = terminal.store().mark().map_err(check_failed)?.unwrap_or_default();
    if upto != highest || mark.upto != highest || mark.highest != highest || !mark.holes.is_empty() {
        return violation(
            Invariant::Incomplete,
            format!("marks of handset {who}: {highest} held, server mark {upto}, handset mark {mark:?}"),
        );
    }
    Ok(())
}

/// Invariant 3.
fn check_mailboxes_equal(who: usize, terminal: &Terminal, server: &SimServer) -> CheckResult {
    let (post, person) = (terminal.account().post, terminal.account().holder);
    let stands = of_mailboxes(server, post, person)?;
    let shown = mailbox(terminal)?;
    for (key, (n, body)) in &stands {
        match shown.get(key) {
            None => {
                return violation(
                    Invariant::Mailbox,
                    format!("handset {who} lacks {key:?}, number {n} on the server"),
                );
            }
            Some((m, seen)) if m != n || seen != body => {
                return violation(
                    Invariant::Mailbox,
                    format!(
                        "handset {who} shows {key:?} of number {m} as {seen}, on the server it is number {n}: {body}"
                    ),
                );
            }
            Some(_) => {}
        }
    }
    match shown.keys().find(|key| !stands.contains_key(*key)) {
        None => Ok(()),
        Some(key) => violation(
            Invariant::Mailbox,
            format!("handset {who} shows {key:?}, which is deleted"),
        ),
    }
}

fn of_mailboxes(server: &SimServer, post: PostId, person: PersonId) -> CheckResult<MailboxRows> {
    let now = server.now();
    server
        .read(move |tx| {
            let mut rows = MailboxRows::new();
            // The post's mailbox belongs to its current holder.
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
        .map_err(check_failed)
}
