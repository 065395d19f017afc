//! `xunge-server audit photos`: whether the object store holds every photo and attachment that the database says is held.

use super::data_location::DataLocation;
use crate::{
    app::object_name::ObjectName,
    params,
    service::run,
    store::{error::StoreError, tx::Tx},
};
use anyhow::Result;
use protocol::{ids::StreamId, photo::Sha256};
use std::process::ExitCode;

/// Rows of one read.
const PAGE: i64 = 500;

/// Prints a line for each missing object, and the sum. What is missing is asked for again when its handset next asks for the
/// receipt; `renew-epoch` makes all handsets ask.
pub(super) async fn run(place: &DataLocation) -> Result<ExitCode> {
    let opened = run::open_city(&place.options()?).await?;
    let (mut seen, mut missing) = (0_u64, 0_u64);
    let mut after = (String::new(), String::new());
    loop {
        let from = after.clone();
        let page = opened.store.read(move |tx| photos(tx, &from)).await?;
        let Some((stream, sha256)) = page.last() else {
            break;
        };
        after = (stream.to_string(), sha256.to_string());
        for (stream, sha256) in page {
            seen += 1;
            let name = ObjectName::Photo { stream, sha256 };
            if !opened.blobs.holds(&name).await? {
                missing += 1;
                println!("缺失 missing\t{stream}\t{sha256}");
            }
        }
    }
    for sha256 in opened.store.read(attachments).await? {
        seen += 1;
        if !opened.blobs.holds(&ObjectName::Attachment { sha256 }).await? {
            missing += 1;
            println!("缺失 missing\tattachment\t{sha256}");
        }
    }
    opened.store.close().await;
    println!("共 {seen} 张，缺 {missing} 张 / {seen} photos, {missing} missing");
    Ok(ExitCode::from(if missing == 0 { 0 } else { 3 }))
}

fn photos(tx: &mut Tx<'_>, after: &(String, String)) -> Result<Vec<(StreamId, Sha256)>, StoreError> {
    tx.all(
        "SELECT stream, sha256 FROM photo
         WHERE received IS NOT NULL AND (stream > ?1 OR (stream = ?1 AND sha256 > ?2))
         ORDER BY stream, sha256 LIMIT ?3",
        params![&after.0, &after.1, PAGE],
        |row| Ok((row.parse("stream")?, row.parse("sha256")?)),
    )
}

fn attachments(tx: &mut Tx<'_>) -> Result<Vec<Sha256>, StoreError> {
    tx.all(
        "SELECT DISTINCT sha256 FROM attachment ORDER BY sha256",
        params![],
        |row| row.parse("sha256"),
    )
}
