//! The request of every operation: real ids of real objects in real bodies.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use super::{
    super::{
        centre::{self, CELL},
        support::{FieldClient, TestApp},
        tus_client,
    },
    Caller, Example, Level, MARK, Objects, Operation, Reach,
    objects::text,
};
use protocol::{
    field::ChallengeRequest,
    ids::PersonId,
    photo::Sha256,
    role::Role,
    sign::{SIGNATURE_HEADER, Signer as _, push_message},
};
use serde_json::json;
use server::params;

fn tus(reach: Reach, path: impl Into<String>) -> Example {
    Example::new(reach, path).header("tus-resumable", "1.0.0")
}

fn tus_create(path: &str, bytes: &[u8]) -> Example {
    tus(Reach::Anybody, path)
        .header("upload-length", bytes.len().to_string())
        .header("upload-metadata", tus_client::metadata(Sha256::of(bytes)))
}

fn tus_patch(path: String, bytes: &[u8]) -> Example {
    tus(Reach::Own, path)
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", "0")
        .bytes(bytes.to_vec())
}

/// A new picture; one that an entry of the terminal names, if a terminal uploads it.
async fn picture(app: &TestApp, o: &Objects, operation: &Operation, caller: &Caller<'_>) -> Vec<u8> {
    let bytes = centre::picture(app.number());
    if operation.is_field() {
        let stream = match caller {
            Caller::Terminal(client) => client.stream,
            Caller::Staff { .. } | Caller::Nobody => o.inspector.stream,
        };
        let (entry, sha256) = (o.doubted, Sha256::of(&bytes));
        let (position, size) = (
            100 + i64::try_from(app.number()).unwrap(),
            i64::try_from(bytes.len()).unwrap(),
        );
        app.write(move |tx, _| {
            Ok(tx.execute(
                "INSERT INTO entry_photo (entry, position, stream, sha256, size, role, width, height)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'scene', 16, 16)",
                params![
                    entry.to_string(),
                    position,
                    stream.to_string(),
                    sha256.to_string(),
                    size
                ],
            )?)
        })
        .await;
    }
    bytes
}

/// The path of a new upload of `owner`.
async fn upload(app: &TestApp, path: &str, owner: &str, bytes: &[u8]) -> String {
    let answer = tus_create(path, bytes)
        .send(app, "POST", Some(owner))
        .await
        .expect(201);
    tus_client::header(&answer, "location")
}

async fn stream(app: &TestApp, o: &Objects) -> FieldClient {
    let post = app.post(o.c.city.community, &["2201040503"]).await;
    app.holder(post).await
}

/// The request of an operation. What a request would use up is created for it. `None` for an operation that the table
/// does not know.
pub async fn example(
    app: &TestApp,
    o: &Objects,
    operation: &Operation,
    caller: &Caller<'_>,
) -> Option<Example> {
    use Reach::{Anybody, Area, List, Own, Tree};
    let city = &o.c.city;
    let community = || Tree(Level::Community);
    let victim = async || app.person(MARK, city.community, &[Role::Patroller]).await;
    let name = operation.name();
    let plain = |reach| Example::new(reach, operation.path.clone());
    // An upload belongs to the caller, if he may make one at all.
    let owner = match caller {
        Caller::Staff { role, token } if operation.roles().contains(role) => *token,
        Caller::Terminal(client) if operation.is_field() => &client.token,
        _ if operation.is_field() => &o.inspector.token,
        _ => &o.c.acceptor.token,
    };
    Some(match name.as_str() {
        "GET /healthz" | "GET /metrics" | "GET /openapi.json" | "GET /readyz" => plain(Anybody),
        "GET /v1/activities"
        | "GET /v1/audit"
        | "GET /v1/cases"
        | "GET /v1/counts"
        | "GET /v1/counts/streams"
        | "GET /v1/duty"
        | "GET /v1/parcels"
        | "GET /v1/people"
        | "GET /v1/posts"
        | "GET /v1/review"
        | "GET /v1/review/refused"
        | "GET /v1/tasks"
        | "GET /v1/terminals" => plain(List),
        "GET /v1/parcels/{parcel}/kept" => Example::new(Area, format!("/v1/parcels/{}/kept", o.parcel)),
        "GET /v1/parcels/{parcel}/kept/{sha256}" => Example::new(
            Area,
            format!("/v1/parcels/{}/kept/{}", o.parcel, Sha256::of(MARK.as_bytes())),
        ),
        "GET /v1/activities/months" => Example::new(List, "/v1/activities/months?year=2026"),
        "GET /v1/grids" | "GET /v1/orgs" | "GET /v1/session" => plain(Anybody),
        "GET /v1/grids/{version}/cells" => Example::new(Anybody, "/v1/grids/220104.1/cells"),
        "GET /v1/activities/{record}" => Example::new(Area, format!("/v1/activities/{}", o.record)),
        "GET /v1/activities/{record}/photos/{sha256}" => Example::new(
            Area,
            format!("/v1/activities/{}/photos/{}", o.record, o.record_photo),
        ),
        // A community hosts it, so only from above (SP-03).
        "POST /v1/activities/{record}/review" => Example::new(
            Tree(Level::District),
            format!("/v1/activities/{}/review", o.record),
        )
        .json(&json!({"version": 9, "decision": "approve"})),
        "POST /v1/attachments" => plain(Anybody)
            .header("content-type", "image/png")
            .bytes(centre::picture(app.number())),
        "OPTIONS /v1/attachments/uploads" | "OPTIONS /v1/field/photos" => {
            tus(Anybody, operation.path.clone())
        }
        "POST /v1/attachments/uploads" | "POST /v1/field/photos" => {
            tus_create(&operation.path, &picture(app, o, operation, caller).await)
        }
        "HEAD /v1/attachments/uploads/{upload}" | "DELETE /v1/attachments/uploads/{upload}" => tus(
            Own,
            upload(
                app,
                "/v1/attachments/uploads",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
        ),
        "PATCH /v1/attachments/uploads/{upload}" => tus_patch(
            upload(
                app,
                "/v1/attachments/uploads",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
            b"x",
        ),
        "POST /v1/attachments/uploads/{upload}" => tus(
            Own,
            upload(
                app,
                "/v1/attachments/uploads",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
        )
        .header("x-http-method-override", "HEAD"),
        "HEAD /v1/field/photos/{upload}" | "DELETE /v1/field/photos/{upload}" => tus(
            Own,
            upload(
                app,
                "/v1/field/photos",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
        ),
        "PATCH /v1/field/photos/{upload}" => tus_patch(
            upload(
                app,
                "/v1/field/photos",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
            b"x",
        ),
        "POST /v1/field/photos/{upload}" => tus(
            Own,
            upload(
                app,
                "/v1/field/photos",
                owner,
                &picture(app, o, operation, caller).await,
            )
            .await,
        )
        .header("x-http-method-override", "HEAD"),
        "POST /v1/cases" => plain(Area).json(&json!({
            "matter": "E0102", "text": "路口堆放垃圾", "cell": CELL,
            "caller": {"name": "王小明", "phone": "13900001234"},
        })),
        "GET /v1/cases/{id}" => Example::new(Area, format!("/v1/cases/{}", o.case)),
        "POST /v1/cases/{id}/actions" => {
            let action = match caller {
                Caller::Staff {
                    role: Role::ShiftLeader,
                    ..
                } => "file",
                Caller::Staff {
                    role: Role::CommandCentre,
                    ..
                } => "dispatch",
                Caller::Staff {
                    role: Role::Department,
                    ..
                } => "handle",
                _ => "prefile",
            };
            Example::new(Area, format!("/v1/cases/{}/actions", o.case))
                .json(&json!({"action": action, "expected_version": 0}))
        }
        "POST /v1/cases/{id}/caller-view" => {
            let case = o.c.registered(app).await;
            Example::new(Area, format!("/v1/cases/{case}/caller-view")).json(&json!({"reason": "回访"}))
        }
        "POST /v1/cases/{id}/personal-data" => {
            Example::new(Area, format!("/v1/cases/{}/personal-data", o.case))
                .json(&json!({"values": ["043185678901"], "to": "contact", "reason": "店铺电话"}))
        }
        "GET /v1/cases/{id}/photos/{sha256}" => {
            Example::new(Area, format!("/v1/cases/{}/photos/{}", o.case, o.case_photo))
        }
        "POST /v1/divisions" => plain(Tree(Level::City))
            .json(&json!({"city": city.city, "divisions": {"counties": []}, "outlined": []})),
        "POST /v1/field/challenge" => plain(Anybody).json(
            &serde_json::to_value(ChallengeRequest {
                stream: o.reporter.stream,
            })
            .unwrap(),
        ),
        "POST /v1/field/enrol" => {
            let request = FieldClient::new(app, o.post, o.reporter.person).enrol_request("WRONG-CODE");
            plain(Anybody).json(&serde_json::to_value(request).unwrap())
        }
        "POST /v1/field/parcel" => plain(Anybody)
            .header("content-type", "application/octet-stream")
            .bytes(b"no parcel".to_vec()),
        "POST /v1/field/token" => {
            plain(Anybody).json(&serde_json::to_value(o.reporter.token_request(app, "nonsense")).unwrap())
        }
        "GET /v1/field/events" | "GET /v1/field/manifest" | "GET /v1/field/pull" => plain(Anybody),
        "GET /v1/field/files/{sha256}" => Example::new(Own, format!("/v1/field/files/{}", o.reference)),
        "GET /v1/field/photos/by-hash/{sha256}" => {
            Example::new(Own, format!("/v1/field/photos/by-hash/{}", o.case_photo))
        }
        "POST /v1/field/push" => {
            let client = match caller {
                Caller::Terminal(client) => client,
                Caller::Staff { .. } | Caller::Nobody => &o.reporter,
            };
            let body = client.envelope(app, &[]);
            let signature = client.key.sign(&push_message(&client.token, &body)).unwrap();
            plain(Anybody)
                .header("content-type", "application/json")
                .header(SIGNATURE_HEADER, signature.to_string())
                .bytes(body)
        }
        "POST /v1/grids" => plain(Tree(Level::District)).bytes(centre::grid_pack()),
        "POST /v1/orgs" => plain(Tree(Level::District)).json(&json!({
            "parent": city.district, "kind": "street", "name": "新街道",
            "area": format!("220104{:02}", 10 + app.number() % 89),
        })),
        "POST /v1/people" => {
            plain(community()).json(&json!({"name": "新人", "org": city.community, "roles": []}))
        }
        "POST /v1/people/{id}/disable"
        | "POST /v1/people/{id}/enable"
        | "POST /v1/people/{id}/password-reset" => {
            let path = operation
                .path
                .replace("{id}", &with_account(app, victim().await).await.to_string());
            Example::new(community(), path).json(&json!({}))
        }
        "POST /v1/people/{id}/roles" => {
            Example::new(community(), format!("/v1/people/{}/roles", victim().await))
                .json(&json!({"add": [{"role": "sports_manager", "org": city.community}]}))
        }
        "POST /v1/posts" => plain(community()).json(&json!({
            "org": city.community, "number": format!("137{:08}", app.number()), "name": "新岗位",
            "areas": ["2201040503"],
        })),
        "PUT /v1/posts/{id}/areas" => {
            let post = app.post(city.community, &["2201040503"]).await;
            Example::new(community(), format!("/v1/posts/{post}/areas"))
                .json(&json!({"areas": ["220104050301"]}))
        }
        "POST /v1/posts/{id}/holders" => {
            let post = app.post(city.community, &["2201040503"]).await;
            Example::new(community(), format!("/v1/posts/{post}/holders"))
                .json(&json!({"person": victim().await}))
        }
        "DELETE /v1/posts/{id}/holders/{person}" => {
            let post = app.post(city.community, &["2201040503"]).await;
            let person = victim().await;
            app.assign(post, person).await;
            Example::new(community(), format!("/v1/posts/{post}/holders/{person}"))
        }
        "POST /v1/review/{entry}" => Example::new(Area, format!("/v1/review/{}", o.doubted))
            .json(&json!({"decision": "apply", "reason": ""})),
        "POST /v1/review/refused/{stream}/{sha256}" => {
            let (stream, sha256) = (o.reporter.stream, Sha256::of(MARK.as_bytes()));
            Example::new(Area, format!("/v1/review/refused/{stream}/{sha256}")).json(&json!({"words": MARK}))
        }
        "DELETE /v1/session" | "POST /v1/session/logout-everywhere" => plain(Anybody),
        "POST /v1/session" => {
            plain(Anybody).json(&json!({"account": "nobody", "password": "wrong-password"}))
        }
        "POST /v1/session/password" => plain(Anybody).json(&json!({"old": "wrong-password", "new": "x"})),
        "GET /v1/streams/{id}/completeness" => {
            Example::new(Area, format!("/v1/streams/{}/completeness", o.reporter.stream))
        }
        "POST /v1/streams/{id}/revoke" => {
            let path = format!("/v1/streams/{}/revoke", stream(app, o).await.stream);
            Example::new(community(), path).json(&json!({"reason": "lost"}))
        }
        "POST /v1/streams/{id}/unlock-code" => Example::new(
            community(),
            format!("/v1/streams/{}/unlock-code", o.reporter.stream),
        )
        .json(&json!({"challenge": "123456"})),
        "POST /v1/tasks" => plain(Area)
            .json(&json!({"purpose": "inspect", "wording": "看看路灯", "cell": CELL, "minutes": 60})),
        "GET /v1/tasks/{id}" => Example::new(Area, format!("/v1/tasks/{}", o.task)),
        "POST /v1/tasks/{id}/cancel" => {
            Example::new(Area, format!("/v1/tasks/{}/cancel", o.task)).json(&json!({}))
        }
        "GET /v1/tasks/{id}/photos/{sha256}" => {
            Example::new(Area, format!("/v1/tasks/{}/photos/{}", o.task, o.task_photo))
        }
        "POST /v1/terminals" => plain(community()).json(&json!({"label": "A-17", "org": city.community})),
        "POST /v1/terminals/{id}/invitations" | "POST /v1/terminals/{id}/wipe" => {
            let client = stream(app, o).await;
            let terminal = text(
                app,
                "SELECT terminal FROM stream WHERE id = ?1",
                &client.stream.to_string(),
            )
            .await;
            let body = match operation.path.ends_with("wipe") {
                true => json!({"reason": "lost"}),
                false => json!({"post": client.post, "person": client.person}),
            };
            Example::new(community(), operation.path.replace("{id}", &terminal)).json(&body)
        }
        _ => return None,
    })
}

async fn with_account(app: &TestApp, person: PersonId) -> PersonId {
    app.write(move |tx, _| {
        Ok(tx.execute(
            "UPDATE person SET password = 'x' WHERE id = ?1 AND password IS NULL",
            params![person.to_string()],
        )?)
    })
    .await;
    person
}
