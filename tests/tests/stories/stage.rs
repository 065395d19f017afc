//! The test fixture of a story: a folder and a database for this test only, and helpers that stories share.

use crate::pg::TestDatabase;
use e2e::{
    city::{City, InvitedPost},
    handset::{Handset, fix},
    line::FaultProxy,
    process::{ServerSetup, program},
    staff_api::StaffSession,
};
use protocol::{
    codes::CellCode,
    duty::Answer,
    entry::Entry,
    evidence::Position,
    ids::{EntryId, RecordId, TaskId},
    manifest::FileName,
    open::Open,
    payload::{Payload, TaskAnswer},
    role::Role,
    time::Millis,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use terminal_core::{
    photos::PhotoSource,
    platform::{Clock, ClockRaw, Connectivity, Power, Surroundings},
    store::{NewEntry, ReferenceFile},
    words::Summary,
    work::{ActivityDraft, QueueRow},
};

/// Makes two tests of each story: `NAME::sqlite` and `NAME::postgres`, as in the server's tests.
macro_rules! on_both_engines {
    ($($story:ident),* $(,)?) => {$(
        mod $story {
            #[test]
            fn sqlite() {
                super::$story(&$crate::stage::StoryStage::sqlite());
            }
            #[test]
            fn postgres() {
                super::$story(&$crate::stage::StoryStage::postgres());
            }
        }
    )*};
}

/// The community of the small city in which most stories take place; it has four cells.
pub const HERE: &str = "2201040101";

/// The fixture: a folder and, for PostgreSQL, a database. It outlives the city that is set up on it.
pub struct StoryStage {
    dir: TempDir,
    database: Option<TestDatabase>,
}

impl StoryStage {
    pub fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        Self { dir, database: None }
    }
    pub fn postgres() -> Self {
        Self {
            database: Some(TestDatabase::create()),
            ..Self::sqlite()
        }
    }
    pub fn is_postgres(&self) -> bool {
        self.database.is_some()
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    pub fn setup(&self) -> ServerSetup {
        ServerSetup {
            database: self.database.as_ref().map(|d| d.url().to_owned()),
            ..ServerSetup::default()
        }
    }
    /// Runs SQL statements directly on the database, while the server is stopped.
    pub fn sql(&self, statements: &str) {
        match &self.database {
            Some(database) => database.run(statements),
            None => rusqlite::Connection::open(self.path("server/xunge.db"))
                .unwrap()
                .execute_batch(statements)
                .unwrap(),
        }
    }
    /// Takes a backup of the stopped server: its folder and its database.
    pub fn back_up(&self) {
        copy(&self.path("server"), &self.path("backup"));
        if let Some(database) = &self.database {
            database.run(
                "DO $$ DECLARE t text; BEGIN CREATE SCHEMA backup;
                 FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                 EXECUTE format('CREATE TABLE backup.%I AS TABLE public.%I', t, t); END LOOP; END $$",
            );
        }
    }
    /// Replaces the stopped server's data by the backup.
    pub fn restore(&self) {
        std::fs::remove_dir_all(self.path("server")).unwrap();
        copy(&self.path("backup"), &self.path("server"));
        if let Some(database) = &self.database {
            database.run(
                "SET session_replication_role = replica;
                 DO $$ DECLARE t text; BEGIN
                 FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'backup' LOOP
                 EXECUTE format('DELETE FROM public.%I', t);
                 EXECUTE format('INSERT INTO public.%I SELECT * FROM backup.%I', t, t); END LOOP; END $$",
            );
        }
    }
    /// The small city.
    pub fn city(&self) -> City {
        City::small(&self.path("server"), self.setup()).unwrap()
    }
    /// The small city over plain HTTP, so that a proxy can read the requests.
    pub fn plain_city(&self) -> City {
        let setup = ServerSetup {
            plain_http: true,
            ..self.setup()
        };
        City::small(&self.path("server"), setup).unwrap()
    }
    /// The small city with settings (TOML).
    pub fn city_with(&self, settings: &str) -> City {
        let setup = ServerSetup {
            settings: Some(settings.into()),
            ..self.setup()
        };
        City::small(&self.path("server"), setup).unwrap()
    }
    /// A photo as the camera writes it: a noise JPEG that differs by seed.
    pub fn photo(&self, seed: u64, width: u16, height: u16) -> PathBuf {
        let path = self.path(&format!("photo-{seed}-{width}x{height}.jpg"));
        std::fs::write(&path, noise(seed, width, height)).unwrap();
        path
    }
    pub fn small_photo(&self, seed: u64) -> PathBuf {
        self.photo(seed, 320, 240)
    }
    /// A patroller of the community [`HERE`] with an enrolled handset that has synced once.
    pub fn patroller(&self, city: &City, number: &str, line: Option<&FaultProxy>) -> Handset {
        let invited = invite(city, number);
        self.handset(city, &invited, number, line, None)
    }
    /// [`Self::patroller`] with a clock that the story controls.
    pub fn patroller_by(
        &self,
        city: &City,
        number: &str,
        line: Option<&FaultProxy>,
        clock: &ManualClock,
    ) -> Handset {
        self.handset(city, &invite(city, number), number, line, Some(clock))
    }
    /// Enrols a handset and syncs it once, so that it has the grid.
    pub fn handset(
        &self,
        city: &City,
        invited: &InvitedPost,
        name: &str,
        line: Option<&FaultProxy>,
        clock: Option<&ManualClock>,
    ) -> Handset {
        let through = line.map(|line| address(city, line));
        let home = self.path(&format!("handset-{name}"));
        let clock = clock.map(|clock| Arc::new(clock.clone()) as Arc<dyn Clock>);
        let mut handset =
            Handset::enrol_with_clock(&home, &invited.invitation, through.as_deref(), clock).unwrap();
        let report = handset.sync().unwrap();
        assert!(report.is_success(), "{report:?}");
        handset
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Creates a post over [`HERE`] with a holder and an invitation.
pub fn invite(city: &City, number: &str) -> InvitedPost {
    let (name, holder) = (format!("桂林社区{number}岗"), format!("巡查员{number}"));
    city.post(number, &name, &holder, Role::Patroller, &[HERE])
        .unwrap()
}

/// The server's address through a proxy.
pub fn address(city: &City, line: &FaultProxy) -> String {
    let scheme = city.server.url().split("://").next().unwrap();
    format!("{scheme}://{}", line.address())
}

/// A proxy in front of the city's server.
pub fn line(city: &City) -> FaultProxy {
    FaultProxy::to(city.server.address()).unwrap()
}

/// The session of a person with `role` for the whole district.
pub fn desk(city: &City, account: &str, role: Role) -> StaffSession {
    let made = city.staff(account, role.zh(), role, &city.district).unwrap();
    city.sign_in(&made).unwrap()
}

/// An accurate position fix in the middle of a cell.
pub fn at(city: &City, cell: &str) -> Position {
    let code: CellCode = cell.parse().unwrap();
    fix(city.pack.view().cell(code).unwrap().centroid(), 8)
}

/// Files a report from the first cell of [`HERE`].
pub fn file(city: &City, handset: &mut Handset, text: &str, photos: &[PathBuf]) -> EntryId {
    let here = at(city, "220104010101");
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.matter("E0102".parse().unwrap()).unwrap();
    draft.text(text).at(here);
    for photo in photos {
        draft.add_photo(PhotoSource::Path(photo)).unwrap();
    }
    let filed = draft.submit().unwrap();
    assert!(!filed.again);
    filed.item
}

/// A complete activity record of this morning, not submitted.
pub fn activity(handset: &mut Handset) -> ActivityDraft {
    let mut draft = handset.open().unwrap().new_activity().unwrap();
    draft
        .category("fitness")
        .title("社区健步走")
        .starts(real_now().plus(-4 * 3_600_000))
        .ends(real_now().plus(-2 * 3_600_000))
        .place("社区广场")
        .organiser("社区居委会")
        .participants(400);
    draft
}

/// The row of an item in its author's queue.
pub fn row(handset: &mut Handset, id: EntryId) -> QueueRow {
    let queue = handset.open().unwrap().queue().unwrap();
    queue.into_iter().find(|row| row.id == id).unwrap()
}

/// The grid in force on a handset.
pub fn grid_file(handset: &mut Handset) -> Option<ReferenceFile> {
    let files = handset.open().unwrap().store().files().unwrap();
    files.into_iter().find(|file| file.name == FileName::Grid)
}

/// The server's exact counts.
pub fn counts(city: &City) -> Value {
    city.admin.get("/v1/counts").unwrap()
}

/// Number of all cases, in every state.
pub fn cases(city: &City) -> u64 {
    sum(&counts(city), "/cases")
}
pub fn entries(city: &City) -> u64 {
    sum(&counts(city), "/entries")
}
/// `(named, held)`
pub fn photos(city: &City) -> (u64, u64) {
    let counts = counts(city);
    let number = |at: &str| counts.pointer(at).and_then(Value::as_u64).unwrap();
    (number("/photos/named"), number("/photos/held"))
}
fn sum(counts: &Value, at: &str) -> u64 {
    let by_state = counts.pointer(at).and_then(Value::as_object).unwrap();
    by_state.values().filter_map(Value::as_u64).sum()
}

/// The server's completeness report of a handset's stream.
pub fn completeness(city: &City, handset: &mut Handset) -> Value {
    let stream = handset.open().unwrap().account().stream;
    city.admin
        .get(&format!("/v1/streams/{stream}/completeness"))
        .unwrap()
}

/// A command of the command line with a handset's home.
pub fn xunge(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program("xunge").unwrap());
    command.arg("--home").arg(home).args(args);
    command.env_remove("XUNGE_HOME").env_remove("XUNGE_LANG");
    command
}

/// Runs it with `--json`; returns exit code and document.
pub fn xunge_json(home: &Path, args: &[&str]) -> (i32, Value) {
    let Output {
        status,
        stdout,
        stderr,
    } = xunge(home, args).arg("--json").output().unwrap();
    let document = serde_json::from_slice(&stdout)
        .unwrap_or_else(|_| panic!("{args:?}: no JSON document: {}", String::from_utf8_lossy(&stderr)));
    (status.code().unwrap(), document)
}

/// A noise JPEG that hardly compresses.
pub fn noise(seed: u64, width: u16, height: u16) -> Vec<u8> {
    let mut random = e2e::random::ScenarioRandom::new(seed);
    let size = usize::from(width) * usize::from(height) * 3;
    let mut pixels = Vec::with_capacity(size + 8);
    while pixels.len() < size {
        pixels.extend(random.bits().to_le_bytes());
    }
    pixels.truncate(size);
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 90)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    jpeg
}

/// A handset's clocks; they change only when the story changes them.
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<ClockRaw>>);

impl ManualClock {
    /// The current time, in boot `boot-1`.
    pub fn now() -> Self {
        Self(Arc::new(Mutex::new(ClockRaw {
            wall: real_now(),
            boot: "boot-1".into(),
            monotonic_ms: 100 * 3_600_000,
        })))
    }
    /// Lets time pass.
    pub fn advance(&self, millis: i64) {
        let mut raw = self.0.lock().unwrap();
        raw.wall = raw.wall.plus(millis);
        raw.monotonic_ms += millis;
    }
    /// Sets the wall clock, as a user or an empty battery does.
    pub fn set_wall(&self, wall: Millis) {
        self.0.lock().unwrap().wall = wall;
    }
    /// Restarts the handset.
    pub fn reboot(&self, boot: &str) {
        let mut raw = self.0.lock().unwrap();
        raw.boot = boot.into();
        raw.monotonic_ms = 20_000;
    }
}

impl Clock for ManualClock {
    fn read(&self) -> ClockRaw {
        self.0.lock().unwrap().clone()
    }
}

/// The time of this machine, which is also the server's.
pub fn real_now() -> Millis {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Millis(i64::try_from(since.as_millis()).unwrap())
}

/// An unmetered network and a full battery.
pub struct Unmetered;

impl Surroundings for Unmetered {
    fn connectivity(&self) -> Connectivity {
        Connectivity::default()
    }
    fn power(&self) -> Power {
        Power::default()
    }
}

/// Files what the server cannot apply, past the checks of the handset's drafts: an answer to a task that does not exist.
pub fn answer_to_no_task(handset: &mut Handset, like: EntryId) -> EntryId {
    let terminal = handset.open().unwrap();
    let like: Entry = serde_json::from_slice(&terminal.store().entry(like).unwrap().1).unwrap();
    let id = terminal.new_report().unwrap().id();
    let new = NewEntry {
        id,
        payload: Payload::Answer(TaskAnswer {
            task: TaskId(id.0),
            answer: Open::Known(Answer::True),
            text: String::new(),
            photos: Vec::new(),
        }),
        record: RecordId(id.0),
        after: None,
        supersedes: None,
        grid: None,
        evidence: like.evidence,
        summary: Summary::default(),
        photo_files: Vec::new(),
    };
    terminal.store().submit(&new).unwrap().id
}
