//! Changes that a write records are followed inside that write: in order, in bounded rounds, and not at all
//! if the part that recorded them failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use protocol::{
    feed::PostRow,
    ids::{PersonId, PostId},
    problem::ProblemCode,
};
use server::{
    app::{
        audit,
        changes::Change::{self, DutyChanged, HolderRelieved, PostChanged},
        ctx::Ctx,
        mailbox::MailboxId,
        state::App,
    },
    kernel::failure::Failure,
    params,
    store::Tx,
};
use support::TestApp;

fn post(n: u8) -> PostId {
    PostId::from_parts(0, [n; 10])
}

fn relieved() -> Change {
    HolderRelieved {
        post: post(1),
        person: PersonId::from_parts(0, [1; 10]),
    }
}

/// Records a change in the audit with a sequence number; refuses the change of a relieved holder.
fn noted(tx: &mut Tx<'_>, ctx: &mut Ctx, _: &App, change: Change) -> Result<(), Failure> {
    let before: i64 = tx.one(
        "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'followed'",
        params![],
        |row| row.get("n"),
    )?;
    let (entity, number) = (format!("{change:?}"), format!("{before:03}"));
    audit::note(tx, ctx, None, "followed", &entity, &number)?;
    match change {
        HolderRelieved { .. } => Err(Failure::of(ProblemCode::TaskState)),
        _ => Ok(()),
    }
}

/// As [`noted`]; the change of one post is followed by that of the next post, up to the ninth.
fn chained(tx: &mut Tx<'_>, ctx: &mut Ctx, app: &App, change: Change) -> Result<(), Failure> {
    noted(tx, ctx, app, change)?;
    let next = |p: PostId| (2..=9).find(|n| post(n - 1) == p);
    match change {
        PostChanged { post: p } => {
            if let Some(n) = next(p) {
                ctx.changed(PostChanged { post: post(n) });
            }
        }
        // Records itself again, without end.
        other => ctx.changed(other),
    }
    Ok(())
}

async fn followed(app: &TestApp) -> Vec<String> {
    app.app
        .read(|tx| {
            Ok(tx.all(
                "SELECT entity FROM audit_event WHERE action = 'followed' ORDER BY detail",
                params![],
                |row| row.get("entity"),
            )?)
        })
        .await
        .unwrap()
}

fn words(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{change:?}")).collect()
}

both_engines! {
    async fn changes_are_followed_once_and_in_order(app: TestApp) {
        let app = app.with_react(noted).await;
        let (a, b) = (PostChanged { post: post(1) }, DutyChanged { post: post(1) });
        app.app
            .write(move |_, ctx| {
                ctx.changed(a);
                ctx.changed(b);
                ctx.changed(a);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(followed(&app).await, words(&[a, b]));
    }

    async fn reaction_rounds_are_bounded(app: TestApp) {
        let app = app.with_react(chained).await;
        let say = |change: Change| {
            app.app.write(move |_, ctx| {
                ctx.changed(change);
                Ok(())
            })
        };
        // Nine rounds are one too many, and an endless chain is stopped.
        for change in [PostChanged { post: post(1) }, DutyChanged { post: post(1) }] {
            let failure = say(change).await.unwrap_err();
            assert!(failure.to_string().contains("come to rest"), "{failure}");
            assert_eq!(followed(&app).await, Vec::<String>::new());
        }
        say(PostChanged { post: post(2) }).await.unwrap();
        assert_eq!(followed(&app).await.len(), 8);
    }

    async fn failed_attempt_drops_its_changes_and_mail(app: TestApp) {
        let app = app.with_react(noted).await;
        let [before, inside, dropped, after] = [1, 2, 3, 4].map(|n| PostChanged { post: post(n) });
        let parts = app.app.clone();
        app.app
            .write(move |tx, ctx| {
                ctx.changed(before);
                let refused: Result<(), Failure> = parts.attempt(tx, ctx, |_, ctx| {
                    ctx.changed(dropped);
                    let row = PostRow { name: "岗".into(), number: "1".into(), area: Vec::new() };
                    ctx.mail.put(MailboxId::Post(post(3)), "post", post(3), &row)?;
                    Err(Failure::of(ProblemCode::TaskState))
                });
                assert_eq!(refused.unwrap_err().code(), Some(ProblemCode::TaskState));
                // Changes of a successful attempt are followed before its savepoint ends, so before those of
                // the write itself.
                parts.attempt(tx, ctx, |_, ctx| {
                    ctx.changed(inside);
                    Ok(())
                })?;
                ctx.changed(after);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(followed(&app).await, words(&[inside, before, after]));
        let mail: i64 = app
            .app
            .read(|tx| Ok(tx.one("SELECT COUNT(*) AS n FROM mailbox_row", params![], |row| row.get("n"))?))
            .await
            .unwrap();
        assert_eq!(mail, 0);
    }

    async fn failed_reaction_undoes_only_its_attempt(app: TestApp) {
        let app = app.with_react(noted).await;
        let kept = PostChanged { post: post(1) };
        let parts = app.app.clone();
        app.app
            .write(move |tx, ctx| {
                let refused: Result<(), Failure> = parts.attempt(tx, ctx, |tx, ctx| {
                    audit::note(tx, ctx, None, "followed", "a change of the attempt", "000")?;
                    ctx.changed(relieved());
                    Ok(())
                });
                assert_eq!(refused.unwrap_err().code(), Some(ProblemCode::TaskState));
                ctx.changed(kept);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(followed(&app).await, words(&[kept]));
        // Without an attempt around it the whole write is refused.
        let whole = app
            .app
            .write(|_, ctx| {
                ctx.changed(relieved());
                Ok(())
            })
            .await;
        assert_eq!(whole.unwrap_err().code(), Some(ProblemCode::TaskState));
        assert_eq!(followed(&app).await, words(&[kept]));
    }
}
