//! Placeholders: rows for a person and a post that a restored backup does not know although a certificate signed by
//! this server names them.
//!
//! Entries that the server took after its backup exist on the handsets only, so the restored server has to take them
//! again, from whichever stream. A placeholder keeps the id, says in its name that it is one, and has no rights: no account,
//! no role, no area, and it holds no post. Entries of its handset wait in the review queue
//! ([`is_unverified`](super::lookup::is_unverified)) until a reviewer has decided.

use crate::{
    app::{audit, ctx::Ctx},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{field::Certificate, ids::OrgId, problem::ProblemCode};

/// Ensures that the certificate's post and holder have rows and returns the post's unit.
///
/// # Errors
/// `stream.unknown` when no unit contains the certificate's county: the city is not set up yet.
pub(crate) fn ensure(tx: &mut Tx<'_>, ctx: &mut Ctx, certificate: &Certificate) -> Result<OrgId, Failure> {
    let post = certificate.post.to_string();
    let known: Option<OrgId> = tx.opt("SELECT org FROM post WHERE id = ?1", params![&post], |row| {
        row.parse("org")
    })?;
    let org = match known {
        Some(org) => org,
        None => {
            let org = unit(tx, certificate)?;
            let tail = tail(&post);
            let (number, name) = (format!("待核实-{tail}"), format!("待核实岗位 {tail}"));
            let made = tx.execute(
                "INSERT INTO post (id, number, name, org, created) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO NOTHING",
                params![&post, number, name, org.to_string(), ctx.now.0],
            )?;
            note(tx, ctx, made, &format!("post:{post}"), certificate)?;
            org
        }
    };
    let person = certificate.holder.to_string();
    let made = tx.execute(
        "INSERT INTO person (id, name, org, account, password, disabled, created)
         VALUES (?1, ?2, ?3, NULL, NULL, NULL, ?4) ON CONFLICT (id) DO NOTHING",
        params![
            &person,
            format!("待核实人员 {}", tail(&person)),
            org.to_string(),
            ctx.now.0
        ],
    )?;
    note(tx, ctx, made, &format!("person:{person}"), certificate)?;
    Ok(org)
}

/// The smallest unit whose area contains the certificate's county. Departments come last: no post belongs to one.
fn unit(tx: &mut Tx<'_>, certificate: &Certificate) -> Result<OrgId, Failure> {
    let found = tx.opt(
        "SELECT id FROM org WHERE substr(CAST(?1 AS TEXT), 1, length(area)) = area
         ORDER BY length(area) DESC, CASE kind WHEN 'department' THEN 1 ELSE 0 END, id LIMIT 1",
        params![certificate.county.to_string()],
        |row| row.parse("id"),
    )?;
    found.ok_or_else(|| Failure::because(ProblemCode::StreamUnknown, "no unit has the certificate's county"))
}

/// The last 8 characters of an id. The first ones are a time, equal for ids made at the same moment.
fn tail(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

fn note(
    tx: &mut Tx<'_>,
    ctx: &mut Ctx,
    made: u64,
    entity: &str,
    certificate: &Certificate,
) -> Result<(), StoreError> {
    if made == 0 {
        return Ok(());
    }
    let stream = certificate.stream;
    tracing::warn!(%stream, entity, "unknown to the backup this server was restored from: a placeholder was inserted");
    audit::note(tx, ctx, None, "standin.make", entity, &format!("stream:{stream}"))
}
