//! What goes wrong. A round is a few seconds of it, then calm, then the audit.

use super::{
    Engine, Tally, audit, chance,
    hand::{Inventory, Place},
    machine::{Machine, Shim},
    servers::Servers,
    small::SmallDisk,
    story::Story,
};
use crate::{
    chance::Chance,
    city::{Account, City},
    handset::Handset,
    line::{Line, Weather},
    office::{Desk, Office},
    process::Setup,
};
use anyhow::{Context, Result, ensure};
use protocol::role::Role;
use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const HANDS: usize = 4;
/// A handset that neither delivers nor gives up in this time, in a calm world, hangs. The machine may be busy, so nothing
/// but a hang takes so long.
const HANGS_AFTER: Duration = Duration::from_secs(900);

/// A city, its server and its handsets, each on a disk of its own.
pub struct Arena {
    folder: PathBuf,
    is_sqlite: bool,
    chance: Chance,
    servers: Servers,
    server: Machine,
    /// Absent where small disks cannot be made.
    server_disk: Option<SmallDisk>,
    /// Who may see everything that is there.
    supervisor: Account,
    pub(super) hands: Vec<Hand>,
    full: Option<(FullDisk, Instant)>,
    pub(super) verified: BTreeSet<String>,
    tally: Tally,
    story: Story,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FullDisk {
    Server,
    Hand(usize),
}

/// A handset: its home under the shim, its line, its process.
pub struct Hand {
    pub name: String,
    pub stream: String,
    machine: Machine,
    disk: Option<SmallDisk>,
    home: PathBuf,
    pub notes: PathBuf,
    log: PathBuf,
    line: Line,
    child: Option<Child>,
}

impl Arena {
    /// Founds the small city and enrols the handsets; nothing goes wrong yet.
    pub fn found(folder: &Path, engine: &Engine, shim: &Shim, seed: u64) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mount = folder.join("server");
        let server_disk = SmallDisk::mount(&mount)?;
        let data = mount.join("data");
        let setup = Setup {
            database: match engine {
                Engine::Sqlite => None,
                Engine::Postgres(url) => Some(url.clone()),
            },
            settings: Some("field_requests_per_minute = 0".into()),
            plain_http: true,
        };
        let mut city = City::small(&data, setup)?;
        let invitations = (0..HANDS)
            .map(|k| {
                let (number, name) = (format!("{}", 101 + k), format!("巡查员{k}"));
                city.post(
                    &number,
                    &format!("岗{k}"),
                    &name,
                    Role::Patroller,
                    &["2201040101"],
                )
            })
            .collect::<Result<Vec<_>>>()?;
        let supervisor = city.staff("dudao", "督导", Role::Supervisor, &city.district)?;
        ensure!(city.server.stop()?, "the founding server stops cleanly");
        let server = Machine::new(shim, &mount, shim.lies().servers)?;
        let mut servers = Servers::new(&data, engine, &folder.join("server.log"))?;
        servers.start(&server)?;
        let mut hands = Vec::new();
        for (k, invited) in invitations.iter().enumerate() {
            let name = format!("hand-{k}");
            let place = folder.join(&name);
            // The first lives on a disk that can be full.
            let disk = if k == 0 { SmallDisk::mount(&place)? } else { None };
            let line = Line::to(servers.address())?;
            let home = place.join("home");
            let through = format!("http://{}", line.address());
            let mut handset = Handset::enrol(&home, &invited.invitation, Some(&through))?;
            let stream = handset.open()?.account().stream.to_string();
            drop(handset);
            hands.push(Hand {
                machine: Machine::new(shim, &place, shim.lies().hands)?,
                disk,
                home,
                notes: folder.join(format!("{name}.notes")),
                log: folder.join(format!("{name}.log")),
                line,
                child: None,
                stream,
                name,
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            is_sqlite: matches!(engine, Engine::Sqlite),
            chance: chance(seed, "chaos"),
            servers,
            server,
            server_disk,
            supervisor,
            hands,
            full: None,
            verified: BTreeSet::new(),
            tally: Tally::default(),
            story: Story::begin(&folder.join("story.txt"))?,
        })
    }
    /// Ends all processes, tells the story, and leaves its folder for a look: what was on small disks is copied there.
    pub fn keep(&mut self) -> Result<()> {
        self.story.show();
        for hand in &mut self.hands {
            hand.end();
        }
        self.servers.kill_all()?;
        let hands = self.hands.iter().map(|hand| &hand.disk);
        for disk in hands.chain([&self.server_disk]).flatten() {
            disk.keep()?;
        }
        println!("数据留在 / kept in {}", self.folder.display());
        Ok(())
    }
    pub fn has_small_disks(&self) -> bool {
        self.server_disk.is_some()
    }
    /// Rounds until `enough` says so after one, then an audit of everything from the beginning.
    pub fn rounds(&mut self, enough: &mut dyn FnMut(&Tally) -> bool) -> Result<Tally> {
        loop {
            self.round()?;
            self.story.say_sometimes(self.tally.words());
            if enough(&self.tally) {
                break;
            }
        }
        if self.tally.is_good() {
            self.verified.clear();
            let inventories = self.settle()?;
            self.audit(&inventories)?;
        }
        Ok(self.tally.clone())
    }
    fn round(&mut self) -> Result<()> {
        self.tally.rounds += 1;
        self.story.round(self.tally.rounds)?;
        for k in 0..self.hands.len() {
            self.start_hand(k)?;
        }
        let until = Instant::now() + Duration::from_millis(4_000 + self.chance.bits() % 4_000);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(20 + self.chance.bits() % 200));
            if self.full.is_some_and(|(_, end)| Instant::now() >= end) {
                self.relieve()?;
            }
            match self.misfortune() {
                Ok(()) => {}
                // The server's own disk lies: that it cannot start again is what the audit is to find.
                Err(error) => {
                    self.tally.lost(format!("{error:#}"));
                    return Ok(());
                }
            }
        }
        self.calm()
    }
    fn misfortune(&mut self) -> Result<()> {
        match self.chance.below(100) {
            0..45 => {
                let k = self.chance.below(self.hands.len());
                self.kill_hand(k)?;
                if self.chance.percent(50) {
                    self.cut_hand(k)?;
                }
                self.start_hand(k)
            }
            45..62 => self.strike_server(),
            62..92 => {
                let k = self.chance.below(self.hands.len());
                let weather = self.weather();
                if let Some(hand) = self.hands.get(k) {
                    self.story
                        .tell(format_args!("{}: the line: {weather:?}", hand.name))?;
                    hand.line.set(weather);
                }
                Ok(())
            }
            _ => self.fill_a_disk(),
        }
    }
    fn strike_server(&mut self) -> Result<()> {
        let all = self.is_sqlite || self.chance.percent(40);
        if all {
            self.story.tell("all servers are killed")?;
            self.tally.kills += self.servers.kill_all()?;
            if self.chance.percent(50) {
                self.cut_server()?;
            }
        } else {
            let which = self.chance.below(self.servers.count());
            self.story.tell(format_args!("server {which} is killed"))?;
            self.tally.kills += u64::from(self.servers.kill(which)?);
        }
        thread::sleep(Duration::from_millis(self.chance.bits() % 300));
        if matches!(self.full, Some((FullDisk::Server, _))) {
            self.relieve()?;
        }
        self.servers.start(&self.server)?;
        self.story.tell("all servers answer")
    }
    fn cut_server(&mut self) -> Result<()> {
        if matches!(self.full, Some((FullDisk::Server, _))) {
            self.relieve()?;
        }
        self.tally.cuts += 1;
        let mode = self.server.cut(&mut self.chance)?;
        self.story.tell(format_args!("the servers' power is cut: {mode}"))
    }
    fn fill_a_disk(&mut self) -> Result<()> {
        if self.full.is_some() {
            return Ok(());
        }
        let which = if self.chance.percent(50) {
            FullDisk::Server
        } else {
            FullDisk::Hand(0)
        };
        let leave = self.chance.bits() % 200;
        let Some(disk) = self.disk(which) else {
            return Ok(());
        };
        disk.fill(leave)?;
        self.story
            .tell(format_args!("{which:?}: its disk is full but for {leave} KiB"))?;
        self.tally.full += 1;
        let end = Instant::now() + Duration::from_millis(200 + self.chance.bits() % 1_200);
        self.full = Some((which, end));
        Ok(())
    }
    fn relieve(&mut self) -> Result<()> {
        match self.full.take().and_then(|(which, _)| self.disk(which)) {
            Some(disk) => disk.make_room()?,
            None => return Ok(()),
        }
        self.story.tell("there is room again")
    }
    fn disk(&self, which: FullDisk) -> Option<&SmallDisk> {
        match which {
            FullDisk::Server => self.server_disk.as_ref(),
            FullDisk::Hand(k) => self.hands.get(k)?.disk.as_ref(),
        }
    }
    fn weather(&mut self) -> Weather {
        let chance = &mut self.chance;
        match chance.below(9) {
            0 => Weather::Down,
            1 => Weather::CutUp(chance.bits() % 40_000),
            2 => Weather::CutDown(chance.bits() % 4_000),
            3 => Weather::LoseAnswer("POST /v1/field/".into()),
            4 => Weather::LoseAnswer("PATCH /v1/field/".into()),
            5 => Weather::Stall(chance.bits() % 20_000),
            6 => Weather::Portal(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>sign in</"
                    .to_vec(),
            ),
            _ => Weather::Good,
        }
    }

    /// Everybody dies once more, some by a power cut; then nothing goes wrong any more, and everybody delivers.
    fn calm(&mut self) -> Result<()> {
        for k in 0..self.hands.len() {
            self.kill_hand(k)?;
            if self.chance.percent(50) {
                self.cut_hand(k)?;
            }
        }
        self.story.tell("calm: everybody is killed once more")?;
        self.tally.kills += self.servers.kill_all()?;
        // Also keeps the undo log short.
        self.cut_server()?;
        // A server that does not come back, or cannot be asked, has lost what it held.
        if let Err(error) = self.deliver() {
            self.tally.lost(format!("{error:#}"));
        }
        Ok(())
    }
    fn deliver(&mut self) -> Result<()> {
        self.relieve()?;
        self.servers.start(&self.server)?;
        self.story.tell("all servers answer")?;
        audit::receipts(&self.desk()?, &self.hands, &mut self.tally)?;
        if !self.tally.is_good() {
            return Ok(()); // a server that has lost what it said may not be able to go on
        }
        let inventories = self.settle()?;
        self.story.tell("everybody has delivered")?;
        self.audit(&inventories)?;
        self.story
            .tell(format_args!("audited: {} differ", self.tally.differs.len()))
    }
    fn audit(&mut self, inventories: &[Option<Inventory>]) -> Result<()> {
        let desk = self.desk()?;
        audit::audit(
            &desk,
            &self.hands,
            inventories,
            &mut self.verified,
            &mut self.tally,
        )
    }
    fn desk(&self) -> Result<Desk> {
        let office = Office::new(&format!("http://{}", self.servers.address()), None)?;
        office.sign_in(&self.supervisor.account, &self.supervisor.password)
    }
    fn settle(&mut self) -> Result<Vec<Option<Inventory>>> {
        for hand in &mut self.hands {
            hand.line.set(Weather::Good);
            let out = hand.inventory();
            let _ = std::fs::remove_file(&out);
            let mut command = hand.command("settle", 0)?;
            hand.child = Some(command.arg("--out").arg(out).spawn()?);
        }
        let until = Instant::now() + HANGS_AFTER;
        let mut found = Vec::new();
        for hand in &mut self.hands {
            let inventory = hand.wait(until)?;
            if inventory.is_none() {
                let said = std::fs::read_to_string(&hand.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                self.tally
                    .lost(format!("{}: the handset does not come back: {last}", hand.name));
            }
            found.push(inventory);
        }
        Ok(found)
    }

    fn start_hand(&mut self, k: usize) -> Result<()> {
        let seed = self.chance.bits();
        let hand = self.hands.get_mut(k).context("a hand")?;
        hand.child = Some(hand.command("work", seed)?.spawn()?);
        Ok(())
    }
    fn kill_hand(&mut self, k: usize) -> Result<()> {
        let hand = self.hands.get_mut(k).context("a hand")?;
        if let Some(mut child) = hand.child.take() {
            child.kill()?;
            child.wait()?;
            self.tally.kills += 1;
            self.story.tell(format_args!("{} is killed", hand.name))?;
        }
        Ok(())
    }
    fn cut_hand(&mut self, k: usize) -> Result<()> {
        if matches!(self.full, Some((FullDisk::Hand(full), _)) if full == k) {
            self.relieve()?;
        }
        self.tally.cuts += 1;
        let hand = self.hands.get(k).context("a hand")?;
        let mode = hand.machine.cut(&mut self.chance)?;
        self.story
            .tell(format_args!("{}: its power is cut: {mode}", hand.name))
    }
}

impl Hand {
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
    fn inventory(&self) -> PathBuf {
        self.notes.with_extension("inventory")
    }
    fn command(&self, verb: &str, seed: u64) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        let log = File::options().append(true).create(true).open(&self.log)?;
        let place = Place {
            home: self.home.clone(),
            notes: self.notes.clone(),
            seed,
        };
        command.arg(verb).arg("--home").arg(place.home);
        command.arg("--notes").arg(place.notes);
        command.args(["--seed", &place.seed.to_string()]);
        // It ends when this pipe does, so that no hand works on after torture itself was killed.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        self.machine.wear(&mut command);
        Ok(command)
    }
    /// What it said of itself; nothing when it failed or took too long.
    fn wait(&mut self, until: Instant) -> Result<Option<Inventory>> {
        let Some(mut child) = self.child.take() else {
            return Ok(None);
        };
        while child.try_wait()?.is_none() {
            if Instant::now() >= until {
                child.kill()?;
                child.wait()?;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let said = std::fs::read(self.inventory()).ok();
        Ok(said.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.end();
    }
}
