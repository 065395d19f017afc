//! Fault injection. A round is a few seconds with faults, then a calm phase in which everything is delivered,
//! then the audit.

use super::{
    TortureEngine, TortureTally, audit,
    hand::{HandsetHome, HandsetInventory},
    machine::{MachineDisk, PowerCutShim},
    random,
    servers::ServerGroup,
    small::SmallTmpfs,
    story::EventLog,
};
use crate::{
    city::{City, StaffAccount},
    handset::Handset,
    line::{FaultProxy, LineFault},
    process::ServerSetup,
    random::ScenarioRandom,
    staff_api::{StaffApi, StaffSession},
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
/// A handset that neither delivers nor fails in this time without faults hangs. The limit is long because the
/// machine may be busy.
const HANG_LIMIT: Duration = Duration::from_secs(900);

/// A city, its server and its handsets, each on its own simulated disk.
pub struct TestBed {
    folder: PathBuf,
    is_sqlite: bool,
    random: ScenarioRandom,
    servers: ServerGroup,
    server: MachineDisk,
    /// `None` where small disks cannot be mounted.
    server_disk: Option<SmallTmpfs>,
    /// An account that may read everything.
    supervisor: StaffAccount,
    pub(super) hands: Vec<HandsetProcess>,
    full: Option<(FullDisk, Instant)>,
    pub(super) verified: BTreeSet<String>,
    tally: TortureTally,
    log: EventLog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FullDisk {
    Server,
    Hand(usize),
}

/// A handset: its home under the power-cut shim, its line, its process.
pub struct HandsetProcess {
    pub name: String,
    pub stream: String,
    machine: MachineDisk,
    disk: Option<SmallTmpfs>,
    home: PathBuf,
    pub notes: PathBuf,
    log: PathBuf,
    line: FaultProxy,
    child: Option<Child>,
}

impl TestBed {
    /// Initialises the small city and enrols the handsets, without faults.
    pub fn set_up(folder: &Path, engine: &TortureEngine, shim: &PowerCutShim, seed: u64) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mount = folder.join("server");
        let server_disk = SmallTmpfs::mount(&mount)?;
        let data = mount.join("data");
        let setup = ServerSetup {
            database: match engine {
                TortureEngine::Sqlite => None,
                TortureEngine::Postgres(url) => Some(url.clone()),
            },
            settings: Some("field_requests_per_minute = 0\npush_kb_per_minute = 0".into()),
            plain_http: true,
            ..ServerSetup::default()
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
        ensure!(
            city.server.stop()?,
            "the server did not stop cleanly after the set-up"
        );
        let server = MachineDisk::new(shim, &mount, shim.lying_disks().servers)?;
        let mut servers = ServerGroup::new(&data, engine, &folder.join("server.log"))?;
        servers.start(&server)?;
        let mut hands = Vec::new();
        for (k, invited) in invitations.iter().enumerate() {
            let name = format!("hand-{k}");
            let place = folder.join(&name);
            // The home of the first handset is on a disk that can become full.
            let disk = if k == 0 { SmallTmpfs::mount(&place)? } else { None };
            let line = FaultProxy::to(servers.address())?;
            let home = place.join("home");
            let through = format!("http://{}", line.address());
            let mut handset = Handset::enrol(&home, &invited.invitation, Some(&through))?;
            let stream = handset.open()?.account().stream.to_string();
            drop(handset);
            hands.push(HandsetProcess {
                machine: MachineDisk::new(shim, &place, shim.lying_disks().hands)?,
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
            is_sqlite: matches!(engine, TortureEngine::Sqlite),
            random: random(seed, "chaos"),
            servers,
            server,
            server_disk,
            supervisor,
            hands,
            full: None,
            verified: BTreeSet::new(),
            tally: TortureTally::default(),
            log: EventLog::begin(&folder.join("story.txt"))?,
        })
    }
    /// Ends all processes, prints the event log, and keeps the folder for inspection; files on small disks
    /// are copied there.
    pub fn keep(&mut self) -> Result<()> {
        self.log.show();
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
    /// Runs rounds until `enough` returns true after one, then audits everything from the beginning.
    pub fn rounds(&mut self, enough: &mut dyn FnMut(&TortureTally) -> bool) -> Result<TortureTally> {
        loop {
            self.round()?;
            self.log.print_progress(self.tally.words());
            if enough(&self.tally) {
                break;
            }
        }
        if self.tally.is_good() {
            self.verified.clear();
            let inventories = self.deliver_all()?;
            self.audit(&inventories)?;
        }
        Ok(self.tally.clone())
    }
    fn round(&mut self) -> Result<()> {
        self.tally.rounds += 1;
        self.log.round(self.tally.rounds)?;
        for k in 0..self.hands.len() {
            self.start_hand(k)?;
        }
        let until = Instant::now() + Duration::from_millis(4_000 + self.random.bits() % 4_000);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(20 + self.random.bits() % 200));
            if self.full.is_some_and(|(_, end)| Instant::now() >= end) {
                self.free_disks()?;
            }
            match self.inject_fault() {
                Ok(()) => {}
                // In the self-check the server's disk does not sync: a server that cannot start again is what
                // the audit must find.
                Err(error) => {
                    self.tally.lost(format!("{error:#}"));
                    return Ok(());
                }
            }
        }
        self.calm_phase()
    }
    fn inject_fault(&mut self) -> Result<()> {
        match self.random.below(100) {
            0..45 => {
                let k = self.random.below(self.hands.len());
                self.kill_hand(k)?;
                if self.random.percent(50) {
                    self.cut_hand(k)?;
                }
                self.start_hand(k)
            }
            45..62 => self.kill_servers(),
            62..92 => {
                let k = self.random.below(self.hands.len());
                let fault = self.fault();
                if let Some(hand) = self.hands.get(k) {
                    self.log
                        .record(format_args!("{}: line fault: {fault:?}", hand.name))?;
                    hand.line.set(fault);
                }
                Ok(())
            }
            _ => self.fill_disk(),
        }
    }
    fn kill_servers(&mut self) -> Result<()> {
        let all = self.is_sqlite || self.random.percent(40);
        if all {
            self.log.record("all servers are killed")?;
            self.tally.kills += self.servers.kill_all()?;
            if self.random.percent(50) {
                self.cut_server()?;
            }
        } else {
            let which = self.random.below(self.servers.count());
            self.log.record(format_args!("server {which} is killed"))?;
            self.tally.kills += u64::from(self.servers.kill(which)?);
        }
        thread::sleep(Duration::from_millis(self.random.bits() % 300));
        if matches!(self.full, Some((FullDisk::Server, _))) {
            self.free_disks()?;
        }
        self.servers.start(&self.server)?;
        self.log.record("all servers answer")
    }
    fn cut_server(&mut self) -> Result<()> {
        if matches!(self.full, Some((FullDisk::Server, _))) {
            self.free_disks()?;
        }
        self.tally.cuts += 1;
        let mode = self.server.cut(&mut self.random)?;
        self.log.record(format_args!("power cut of the servers: {mode}"))
    }
    fn fill_disk(&mut self) -> Result<()> {
        if self.full.is_some() {
            return Ok(());
        }
        let which = if self.random.percent(50) {
            FullDisk::Server
        } else {
            FullDisk::Hand(0)
        };
        let leave = self.random.bits() % 200;
        let Some(disk) = self.disk(which) else {
            return Ok(());
        };
        disk.fill(leave)?;
        self.log
            .record(format_args!("{which:?}: the disk is full except for {leave} KiB"))?;
        self.tally.full += 1;
        let end = Instant::now() + Duration::from_millis(200 + self.random.bits() % 1_200);
        self.full = Some((which, end));
        Ok(())
    }
    fn free_disks(&mut self) -> Result<()> {
        match self.full.take().and_then(|(which, _)| self.disk(which)) {
            Some(disk) => disk.make_room()?,
            None => return Ok(()),
        }
        self.log.record("the disks have free space again")
    }
    fn disk(&self, which: FullDisk) -> Option<&SmallTmpfs> {
        match which {
            FullDisk::Server => self.server_disk.as_ref(),
            FullDisk::Hand(k) => self.hands.get(k)?.disk.as_ref(),
        }
    }
    fn fault(&mut self) -> LineFault {
        let random = &mut self.random;
        match random.below(9) {
            0 => LineFault::Down,
            1 => LineFault::CutUp(random.bits() % 40_000),
            2 => LineFault::CutDown(random.bits() % 4_000),
            3 => LineFault::LoseAnswer("POST /v1/field/".into()),
            4 => LineFault::LoseAnswer("PATCH /v1/field/".into()),
            5 => LineFault::Stall(random.bits() % 20_000),
            6 => LineFault::Portal(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>sign in</"
                    .to_vec(),
            ),
            _ => LineFault::Good,
        }
    }

    /// Kills everything once more, some of it by a power cut; then stops all faults, and every handset
    /// delivers.
    fn calm_phase(&mut self) -> Result<()> {
        for k in 0..self.hands.len() {
            self.kill_hand(k)?;
            if self.random.percent(50) {
                self.cut_hand(k)?;
            }
        }
        self.log
            .record("calm phase: all processes are killed once more")?;
        self.tally.kills += self.servers.kill_all()?;
        // Discarding the unsynced writes also keeps the undo log short.
        self.cut_server()?;
        // A server that does not start again or does not answer has lost what it held.
        if let Err(error) = self.deliver() {
            self.tally.lost(format!("{error:#}"));
        }
        Ok(())
    }
    fn deliver(&mut self) -> Result<()> {
        self.free_disks()?;
        self.servers.start(&self.server)?;
        self.log.record("all servers answer")?;
        audit::receipts(&self.desk()?, &self.hands, &mut self.tally)?;
        if !self.tally.is_good() {
            return Ok(()); // After a loss the server may not be able to continue.
        }
        let inventories = self.deliver_all()?;
        self.log.record("all handsets have delivered")?;
        self.audit(&inventories)?;
        self.log
            .record(format_args!("audited: {} differ", self.tally.differs.len()))
    }
    fn audit(&mut self, inventories: &[Option<HandsetInventory>]) -> Result<()> {
        let desk = self.desk()?;
        audit::audit(
            &desk,
            &self.hands,
            inventories,
            &mut self.verified,
            &mut self.tally,
        )
    }
    fn desk(&self) -> Result<StaffSession> {
        let office = StaffApi::new(&format!("http://{}", self.servers.address()), None)?;
        office.sign_in(&self.supervisor.account, &self.supervisor.password)
    }
    fn deliver_all(&mut self) -> Result<Vec<Option<HandsetInventory>>> {
        for hand in &mut self.hands {
            hand.line.set(LineFault::Good);
            let out = hand.inventory();
            let _ = std::fs::remove_file(&out);
            let mut command = hand.command("deliver", 0)?;
            hand.child = Some(command.arg("--out").arg(out).spawn()?);
        }
        let until = Instant::now() + HANG_LIMIT;
        let mut found = Vec::new();
        for hand in &mut self.hands {
            let inventory = hand.wait(until)?;
            if inventory.is_none() {
                let said = std::fs::read_to_string(&hand.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or_default();
                self.tally
                    .lost(format!("{}: the handset does not restart: {last}", hand.name));
            }
            found.push(inventory);
        }
        Ok(found)
    }

    fn start_hand(&mut self, k: usize) -> Result<()> {
        let seed = self.random.bits();
        let hand = self.hands.get_mut(k).context("no such handset")?;
        hand.child = Some(hand.command("work", seed)?.spawn()?);
        Ok(())
    }
    fn kill_hand(&mut self, k: usize) -> Result<()> {
        let hand = self.hands.get_mut(k).context("no such handset")?;
        if let Some(mut child) = hand.child.take() {
            child.kill()?;
            child.wait()?;
            self.tally.kills += 1;
            self.log.record(format_args!("{} is killed", hand.name))?;
        }
        Ok(())
    }
    fn cut_hand(&mut self, k: usize) -> Result<()> {
        if matches!(self.full, Some((FullDisk::Hand(full), _)) if full == k) {
            self.free_disks()?;
        }
        self.tally.cuts += 1;
        let hand = self.hands.get(k).context("no such handset")?;
        let mode = hand.machine.cut(&mut self.random)?;
        self.log.record(format_args!("{}: power cut: {mode}", hand.name))
    }
}

impl HandsetProcess {
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
        let place = HandsetHome {
            home: self.home.clone(),
            notes: self.notes.clone(),
            seed,
        };
        command.arg(verb).arg("--home").arg(place.home);
        command.arg("--notes").arg(place.notes);
        command.args(["--seed", &place.seed.to_string()]);
        // The process ends when this pipe closes, so that none is left after the torture run was killed.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        self.machine.apply_to(&mut command);
        Ok(command)
    }
    /// The inventory that the process wrote; `None` if it failed or did not end before `until`.
    fn wait(&mut self, until: Instant) -> Result<Option<HandsetInventory>> {
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

impl Drop for HandsetProcess {
    fn drop(&mut self) {
        self.end();
    }
}
