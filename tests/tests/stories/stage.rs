//! Where a story plays: a folder and a database of its own, and helpers that say what a story says.

use crate::pg::TestDatabase;
use e2e::{
    city::{City, Invited},
    handset::{Handset, fix},
    line::Line,
    office::Desk,
    process::{Setup, program},
};
use protocol::{codes::CellCode, evidence::Position, ids::EntryId, role::Role, time::Millis};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use terminal_core::{
    photos::PhotoSource,
    platform::{Clock, ClockRaw},
    work::{ActivityDraft, QueueRow},
};

/// Makes two tests of each story: `sqlite::NAME` and `postgres::NAME`.
macro_rules! on_both_engines {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $story() { super::$story(&$crate::stage::Stage::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $story() { super::$story(&$crate::stage::Stage::postgres()); })*
        }
    };
}

/// The community of the small city that most stories play in, and its four cells.
pub const HERE: &str = "2201040101";

/// A folder and, for PostgreSQL, a database. It outlives the city that is founded on it.
pub struct Stage {
    dir: TempDir,
    database: Option<TestDatabase>,
}

impl Stage {
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
    pub fn setup(&self) -> Setup {
        Setup {
            database: self.database.as_ref().map(|d| d.url().to_owned()),
            ..Setup::default()
        }
    }
    /// Statements behind the server's back, while it rests.
    pub fn sql(&self, statements: &str) {
        match &self.database {
            Some(database) => database.run(statements),
            None => rusqlite::Connection::open(self.path("server/xunge.db"))
                .unwrap()
                .execute_batch(statements)
                .unwrap(),
        }
    }
    /// Takes a backup of the resting server: its folder, and its database.
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
    /// Puts the backup in the place of the resting server's data.
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
    /// The small city over plain HTTP, so that a line can see what passes.
    pub fn plain_city(&self) -> City {
        let setup = Setup {
            plain_http: true,
            ..self.setup()
        };
        City::small(&self.path("server"), setup).unwrap()
    }
    /// The small city with settings (TOML).
    pub fn city_with(&self, settings: &str) -> City {
        let setup = Setup {
            settings: Some(settings.into()),
            ..self.setup()
        };
        City::small(&self.path("server"), setup).unwrap()
    }
    /// A photo from the camera: a file of noise, another for each seed.
    pub fn photo(&self, seed: u64, width: u16, height: u16) -> PathBuf {
        let path = self.path(&format!("photo-{seed}-{width}x{height}.jpg"));
        std::fs::write(&path, noise(seed, width, height)).unwrap();
        path
    }
    pub fn small_photo(&self, seed: u64) -> PathBuf {
        self.photo(seed, 320, 240)
    }
    /// A patroller of the community [`HERE`] with an enrolled handset that has synced once.
    pub fn patroller(&self, city: &City, number: &str, line: Option<&Line>) -> Handset {
        let invited = invite(city, number);
        self.handset(city, &invited, number, line, None)
    }
    /// [`Self::patroller`] with clocks of the story's own.
    pub fn patroller_by(&self, city: &City, number: &str, line: Option<&Line>, hand: &Hand) -> Handset {
        self.handset(city, &invite(city, number), number, line, Some(hand))
    }
    /// Enrols a handset and syncs it once: it has the grid.
    pub fn handset(
        &self,
        city: &City,
        invited: &Invited,
        name: &str,
        line: Option<&Line>,
        hand: Option<&Hand>,
    ) -> Handset {
        let through = line.map(|line| address(city, line));
        let home = self.path(&format!("handset-{name}"));
        let clock = hand.map(|hand| Arc::new(hand.clone()) as Arc<dyn Clock>);
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

/// A post over [`HERE`], with a holder and an invitation.
pub fn invite(city: &City, number: &str) -> Invited {
    let (name, holder) = (format!("桂林社区{number}岗"), format!("巡查员{number}"));
    city.post(number, &name, &holder, Role::Patroller, &[HERE])
        .unwrap()
}

/// The server's address through a line.
pub fn address(city: &City, line: &Line) -> String {
    let scheme = city.server.url().split("://").next().unwrap();
    format!("{scheme}://{}", line.address())
}

/// A line to the server of a city.
pub fn line(city: &City) -> Line {
    Line::to(city.server.address()).unwrap()
}

/// A desk of somebody with `role` for the whole district.
pub fn desk(city: &City, account: &str, role: Role) -> Desk {
    let made = city.staff(account, role.zh(), role, &city.district).unwrap();
    city.sign_in(&made).unwrap()
}

/// A good fix in the middle of a cell.
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

/// An activity record of this morning with everything it needs, not submitted.
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

/// An item as its author sees it.
pub fn row(handset: &mut Handset, id: EntryId) -> QueueRow {
    let queue = handset.open().unwrap().queue().unwrap();
    queue.into_iter().find(|row| row.id == id).unwrap()
}

/// Exact figures of the server.
pub fn counts(city: &City) -> Value {
    city.admin.get("/v1/counts").unwrap()
}

/// All cases there are, in every state.
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

/// What the server says of the completeness of a handset's stream.
pub fn completeness(city: &City, handset: &mut Handset) -> Value {
    let stream = handset.open().unwrap().account().stream;
    city.admin
        .get(&format!("/v1/streams/{stream}/completeness"))
        .unwrap()
}

/// The command line in a handset's home.
pub fn xunge(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program("xunge").unwrap());
    command.arg("--home").arg(home).args(args);
    command.env_remove("XUNGE_HOME").env_remove("XUNGE_LANG");
    command
}

/// Runs it with `--json`: exit code and document.
pub fn xunge_json(home: &Path, args: &[&str]) -> (i32, Value) {
    let Output {
        status,
        stdout,
        stderr,
    } = xunge(home, args).arg("--json").output().unwrap();
    let document = serde_json::from_slice(&stdout)
        .unwrap_or_else(|_| panic!("{args:?}: no document: {}", String::from_utf8_lossy(&stderr)));
    (status.code().unwrap(), document)
}

/// A JPEG of noise that hardly shrinks.
pub fn noise(seed: u64, width: u16, height: u16) -> Vec<u8> {
    let mut chance = e2e::chance::Chance::new(seed);
    let size = usize::from(width) * usize::from(height) * 3;
    let mut pixels = Vec::with_capacity(size + 8);
    while pixels.len() < size {
        pixels.extend(chance.bits().to_le_bytes());
    }
    pixels.truncate(size);
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 90)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    jpeg
}

/// A handset's clocks, which go only when they are told to.
#[derive(Clone)]
pub struct Hand(Arc<Mutex<ClockRaw>>);

impl Hand {
    /// Right now, in some boot.
    pub fn now() -> Self {
        Self(Arc::new(Mutex::new(ClockRaw {
            wall: real_now(),
            boot: "boot-1".into(),
            monotonic_ms: 100 * 3_600_000,
        })))
    }
    /// Time goes on.
    pub fn advance(&self, millis: i64) {
        let mut raw = self.0.lock().unwrap();
        raw.wall = raw.wall.plus(millis);
        raw.monotonic_ms += millis;
    }
    /// Somebody, or an empty battery, sets the wall clock.
    pub fn set_wall(&self, wall: Millis) {
        self.0.lock().unwrap().wall = wall;
    }
    /// The handset starts again.
    pub fn reboot(&self, boot: &str) {
        let mut raw = self.0.lock().unwrap();
        raw.boot = boot.into();
        raw.monotonic_ms = 20_000;
    }
}

impl Clock for Hand {
    fn read(&self) -> ClockRaw {
        self.0.lock().unwrap().clone()
    }
}

/// The time of this machine, which is the server's.
pub fn real_now() -> Millis {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Millis(i64::try_from(since.as_millis()).unwrap())
}
