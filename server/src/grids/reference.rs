//! Reference data for handsets: files named by their SHA-256, listed in a manifest that the server signs.

use crate::{
    app::{object_name::ObjectName, state::App},
    grids::release,
    kernel::failure::Failure,
    params,
    store::{error::StoreError, tx::Tx},
};
use bytes::Bytes;
use protocol::{
    WIRE_VERSION,
    codes::CountyCode,
    manifest::{FileName, Manifest, ManifestFile, SignedManifest},
    photo::Sha256,
    sign::{Signer, manifest_message},
    time::Millis,
};

/// The county column of a file for all counties.
const EVERYWHERE: &str = "";

/// Sets the current version of the file of this name and county.
pub(super) fn put_file(
    tx: &mut Tx<'_>,
    name: FileName,
    county: &str,
    version: &str,
    sha256: Sha256,
    size: u64,
    now: Millis,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO reference_file (name, county, version, sha256, size, changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (name, county) DO UPDATE
         SET version = excluded.version, sha256 = excluded.sha256, size = excluded.size, changed = excluded.changed
         WHERE reference_file.sha256 <> excluded.sha256",
        params![
            name.as_str(),
            county,
            version,
            sha256.to_string(),
            i64::try_from(size).unwrap_or(i64::MAX),
            now.0
        ],
    )?;
    Ok(())
}

/// Publishes this server's catalogue and calendar as reference files. Called at every start and when years of the calendar were imported.
pub async fn publish(app: &App) -> Result<(), Failure> {
    let calendar = serde_json::to_vec(&*app.calendar.now())?;
    // A calendar has no version number, so its hash serves as one.
    let calendar_version = Sha256::of(&calendar).to_string().chars().take(12).collect();
    let files = [
        (
            FileName::Catalogue,
            app.catalogue.version.clone(),
            serde_json::to_vec(&app.catalogue)?,
        ),
        (FileName::Calendar, calendar_version, calendar),
    ];
    for (name, version, bytes) in files {
        let (sha256, size) = (Sha256::of(&bytes), bytes.len() as u64);
        app.blobs
            .put_durable(&ObjectName::Reference { sha256 }, Bytes::from(bytes))
            .await?;
        app.write(move |tx, ctx| Ok(put_file(tx, name, EVERYWHERE, &version, sha256, size, ctx.now)?))
            .await?;
    }
    Ok(())
}

/// The signed manifest of a county. Its issue time is the time of the last change, so that equal files give equal text.
pub(super) async fn manifest(app: &App, county: CountyCode) -> Result<SignedManifest, Failure> {
    let (published, files) = app
        .read(move |tx| {
            let published = release::current(tx)?;
            let files = tx.all(
                "SELECT name, version, sha256, size, changed FROM reference_file WHERE county = ?1 OR county = ?2
                 UNION ALL
                 SELECT ?3 AS name, g.version, g.second_sha256, g.second_size, g.second_written
                 FROM reference_file f JOIN grid g ON g.version = f.version AND g.sha256 = f.sha256
                 WHERE f.name = ?4 AND f.county = ?1 AND g.second_sha256 IS NOT NULL
                 ORDER BY name",
                params![
                    county.as_str(),
                    EVERYWHERE,
                    FileName::GridSecond.as_str(),
                    FileName::Grid.as_str()
                ],
                |row| {
                    let file = ManifestFile {
                        name: row.parse::<FileName>("name")?.into(),
                        version: row.get("version")?,
                        sha256: row.parse("sha256")?,
                        size: row.get("size")?,
                    };
                    Ok((file, Millis(row.get("changed")?)))
                },
            )?;
            Ok((published, files))
        })
        .await?;
    let issued = files
        .iter()
        .map(|(_, changed)| *changed)
        .chain(published.iter().map(|app| app.published))
        .max()
        .unwrap_or_default();
    let files = files.into_iter().map(|(file, _)| file).collect();
    let manifest = serde_json::to_string(&Manifest {
        v: WIRE_VERSION,
        issued,
        files,
        app: published.map(|app| app.release),
        contact: app.settings.contact(),
        asked: Some(app.settings.asked_evidence()),
    })?;
    let signature = app
        .identity
        .signer
        .sign(&manifest_message(&manifest))
        .map_err(Failure::internal)?;
    Ok(SignedManifest { manifest, signature })
}

/// The size of the file of this hash if the manifest of the county names it.
pub(super) async fn listed_size(
    app: &App,
    county: CountyCode,
    sha256: Sha256,
) -> Result<Option<u64>, Failure> {
    app.read(move |tx| {
        let size = tx.opt(
            "SELECT MAX(size) AS size FROM (
                 SELECT size FROM reference_file WHERE sha256 = ?1 AND (county = ?2 OR county = ?3)
                 UNION ALL
                 SELECT g.second_size AS size
                 FROM reference_file f JOIN grid g ON g.version = f.version AND g.sha256 = f.sha256
                 WHERE f.name = ?4 AND f.county = ?2 AND g.second_sha256 = ?1
             ) AS listed HAVING COUNT(*) > 0",
            params![
                sha256.to_string(),
                county.as_str(),
                EVERYWHERE,
                FileName::Grid.as_str()
            ],
            |row| row.get("size"),
        )?;
        if size.is_some() {
            return Ok(size);
        }
        let app = release::current(tx)?.map(|published| published.release);
        Ok(app.filter(|app| app.sha256 == sha256).map(|app| app.size))
    })
    .await
}
