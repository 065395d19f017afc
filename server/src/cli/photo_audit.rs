//! `xunge-server audit photos`: whether the object store holds every photo and attachment that the database says is held.

use super::data_location::DataLocation;
use crate::{
    app::object_name::ObjectName,
    service::{
        backup::{attachment_views, attachments, held_photos},
        run,
    },
};
use anyhow::Result;
use std::process::ExitCode;

/// Prints a line for each missing object, and the sum. What is missing is asked for again when its handset next asks for the
/// receipt; `renew-epoch` makes all handsets ask.
pub(super) async fn run(place: &DataLocation) -> Result<ExitCode> {
    let opened = run::open_city(&place.options()?).await?;
    let (mut seen, mut missing) = (0_u64, 0_u64);
    let mut after = None;
    loop {
        let page = opened.store.read(move |tx| held_photos(tx, after)).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(*last);
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
    for sha256 in opened.store.read(attachment_views).await? {
        seen += 1;
        if !opened.blobs.holds(&ObjectName::AttachmentView { sha256 }).await? {
            missing += 1;
            println!("缺失 missing\tattachment view\t{sha256}");
        }
    }
    opened.store.close().await;
    println!("共 {seen} 张，缺 {missing} 张 / {seen} photos, {missing} missing");
    Ok(ExitCode::from(if missing == 0 { 0 } else { 3 }))
}
