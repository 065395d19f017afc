//! The server's side of photo uploads: tus with creation, checksum, and the answer to a creation that was lost.

use super::server::{Server, UploadRow, empty, header, problem};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use protocol::{
    field::{PHOTO_RECEIPT_HEADER, PhotoReceipt, RESUME_KEY},
    ids::EntryId,
    photo::Sha256,
    problem::ProblemCode,
    time::Millis,
};
use std::collections::HashMap;
use terminal_core::transport::{Request, Response};

impl Server {
    fn receipt(&self, upload: &UploadRow, now: Millis) -> Option<(&'static str, String)> {
        let held = self.photos.get(&upload.sha256)?;
        let receipt = PhotoReceipt {
            sha256: upload.sha256,
            size: held.len() as u64,
            received: now,
        };
        Some((PHOTO_RECEIPT_HEADER, serde_json::to_string(&receipt).unwrap()))
    }

    pub(super) fn create(&mut self, request: &Request, now: Millis) -> Response {
        let metadata: HashMap<&str, Vec<u8>> = header(request, "upload-metadata")
            .split(',')
            .map(|pair| pair.split_once(' ').unwrap_or((pair, "")))
            .map(|(key, value)| (key, BASE64.decode(value).unwrap()))
            .collect();
        let text = |key: &str| String::from_utf8(metadata[key].clone()).unwrap();
        let entry: EntryId = text("entry").parse().unwrap();
        if self.entry(entry).is_none() {
            return problem(ProblemCode::PhotoUnnamed);
        }
        let upload = UploadRow {
            sha256: text("sha256").parse().unwrap(),
            size: header(request, "upload-length").parse().unwrap(),
            bytes: vec![],
        };
        let begun = |(_, other): &(&String, &UploadRow)| other.sha256 == upload.sha256;
        let begun = self
            .uploads
            .iter()
            .filter(begun)
            .max_by_key(|(_, other)| other.bytes.len())
            .map(|(id, _)| id.clone());
        let id = match begun.filter(|_| metadata.contains_key(RESUME_KEY)) {
            Some(id) => id,
            None => {
                self.counter += 1;
                let id = format!("upload-{}", self.counter);
                self.uploads.insert(id.clone(), upload);
                id
            }
        };
        if !request.body.is_empty() {
            let first = self.append(&id, 0, request);
            if first.status != 204 {
                self.uploads.remove(&id);
                return first;
            }
        }
        let held = self.uploads[&id].bytes.len();
        let mut headers = vec![
            ("location", format!("https://city.example/v1/field/photos/{id}")),
            ("upload-offset", held.to_string()),
        ];
        headers.extend(self.receipt(&self.uploads[&id], now));
        empty(201, &headers)
    }

    pub(super) fn head(&self, id: &str, now: Millis) -> Response {
        let Some(upload) = self.uploads.get(id) else {
            return empty(404, &[]);
        };
        let mut headers = vec![("upload-offset", upload.bytes.len().to_string())];
        headers.extend(self.receipt(upload, now));
        empty(200, &headers)
    }

    pub(super) fn patch(&mut self, id: &str, request: &Request, now: Millis) -> Response {
        let offset = header(request, "upload-offset").parse().unwrap();
        let appended = self.append(id, offset, request);
        if appended.status != 204 {
            return appended;
        }
        let upload = &self.uploads[id];
        let mut headers = vec![("upload-offset", upload.bytes.len().to_string())];
        headers.extend(self.receipt(upload, now));
        empty(204, &headers)
    }

    /// 204 if the body was appended at `offset`.
    fn append(&mut self, id: &str, offset: usize, request: &Request) -> Response {
        if request.body.len() > self.max_chunk {
            return problem(ProblemCode::TooLarge);
        }
        let Some(upload) = self.uploads.get_mut(id) else {
            return problem(ProblemCode::UploadGone);
        };
        if offset != upload.bytes.len() {
            return problem(ProblemCode::UploadOffset);
        }
        let checksum = format!("sha256 {}", BASE64.encode(Sha256::of(&request.body).0));
        if header(request, "upload-checksum") != checksum {
            return problem(ProblemCode::UploadChecksum);
        }
        upload.bytes.extend_from_slice(&request.body);
        let upload = upload.clone();
        if upload.bytes.len() as u64 == upload.size {
            if Sha256::of(&upload.bytes) != upload.sha256 {
                self.uploads.remove(id);
                return problem(ProblemCode::PhotoHash);
            }
            self.photos.insert(upload.sha256, upload.bytes);
        }
        empty(204, &[])
    }
}
