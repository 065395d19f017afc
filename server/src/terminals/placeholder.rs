//! Stand-ins: rows for a person and a post that a backup does not know, while a certificate of ours does.
//!
//! What the server took in after its backup stands on the handsets only, so a restored one has to take it again, whoever
//! it is from. A stand-in keeps the id, says in its name that it is one, and can do nothing: it has no login, no role,
//! no area, and holds no post. What its handset sends waits in the review lane ([`people::is_unverified`]) until a
//! person has looked at it.
//!
//! [`people::is_unverified`]: crate::people::lookup::is_unverified

use crate::{
    app::{audit, ctx::Ctx},
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{field::Certificate, ids::OrgId, problem::ProblemCode};

/// Makes sure that the certificate's post and holder have rows. Answers the post's unit.
///
/// `stream.unknown` when there is not even a unit that they could belong to: the city is not founded yet.
pub(super) fn ensure(tx: &mut Tx<'_>, ctx: &mut Ctx, certificate: &Certificate) -> Result<OrgId, Failure> {
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

/// The smallest unit that the certificate's county lies in; a department rules nothing, so it comes last.
fn unit(tx: &mut Tx<'_>, certificate: &Certificate) -> Result<OrgId, Failure> {
    let found = tx.opt(
        "SELECT id FROM org WHERE substr(CAST(?1 AS TEXT), 1, length(area)) = area
         ORDER BY length(area) DESC, CASE kind WHEN 'department' THEN 1 ELSE 0 END, id LIMIT 1",
        params![certificate.county.to_string()],
        |row| row.parse("id"),
    )?;
    found.ok_or_else(|| Failure::because(ProblemCode::StreamUnknown, "no unit has the certificate's county"))
}

/// The end of an id: its beginning is a time, and shared by what was made together.
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
    tracing::warn!(%stream, entity, "unknown to the backup this server was restored from; it has a stand-in now");
    audit::note(tx, ctx, None, "standin.make", entity, &format!("stream:{stream}"))
}
