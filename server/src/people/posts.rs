//! Posts (岗位): what a number is bound to (SP-02), which cells it answers for, who holds it and since when.

use crate::{
    ctx::Ctx,
    failure::Failure,
    feed::MailboxId,
    params,
    store::{StoreError, Tx},
};
use protocol::{
    feed::{PostRow, kind},
    ids::{PersonId, PostId},
    time::Millis,
};

/// Prefixes of the cells that the post answers for, in order.
pub fn areas(tx: &mut Tx<'_>, post: PostId) -> Result<Vec<String>, StoreError> {
    tx.all(
        "SELECT area FROM post_area WHERE post = ?1 ORDER BY area",
        params![post.to_string()],
        |row| row.get("area"),
    )
}

/// Who holds the post at `now`.
pub fn holders_now(tx: &mut Tx<'_>, post: PostId, now: Millis) -> Result<Vec<PersonId>, StoreError> {
    tx.all(
        "SELECT DISTINCT person FROM post_holder
         WHERE post = ?1 AND since <= ?2 AND (until IS NULL OR until > ?2) ORDER BY person",
        params![post.to_string(), now.0],
        |row| row.parse("person"),
    )
}

/// Writes the post as it stands into its mailbox; after every change of its area, name or holders.
pub fn tell(tx: &mut Tx<'_>, ctx: &mut Ctx, post: PostId) -> Result<(), Failure> {
    let (name, number) = tx.one(
        "SELECT name, number FROM post WHERE id = ?1",
        params![post.to_string()],
        |row| Ok((row.get("name")?, row.get("number")?)),
    )?;
    let area = areas(tx, post)?;
    let row = PostRow { name, number, area };
    ctx.mail.put(MailboxId::Post(post), kind::POST, post, &row)
}
