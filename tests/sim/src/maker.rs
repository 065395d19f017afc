//! Making a day out of a seed. Every day has all kinds of work and a share of every fault; by its flavour it has more
//! of one thing, so that what needs several rare things at once happens in bulk as well.

use super::plan::{Act, DAY, Event, Fate, Loss, Machine, On, Plan};
use simdisk::Rng;

/// What a day has more of than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Line,
    Photos,
    Power,
    Restore,
    Posts,
    Ends,
    Damage,
    Clock,
    Copies,
    Begin,
    Newcomer,
}

impl Flavour {
    pub const ALL: [Self; 11] = [
        Self::Line,
        Self::Photos,
        Self::Power,
        Self::Restore,
        Self::Posts,
        Self::Ends,
        Self::Damage,
        Self::Clock,
        Self::Copies,
        Self::Begin,
        Self::Newcomer,
    ];
    /// That of a seed.
    pub fn of(seed: u64) -> Self {
        let k = usize::try_from(seed % Self::ALL.len() as u64).unwrap_or(0);
        Self::ALL.get(k).copied().unwrap_or(Self::Line)
    }
}

const MINUTE: i64 = 60_000;

struct Maker {
    rng: Rng,
    events: Vec<Event>,
    flavour: Flavour,
    /// A third of the work: enough for a defect to show, not for a fault-day.
    brief: bool,
}

impl Plan {
    /// The day of a seed; every tenth seed has encrypted handsets.
    pub fn of(seed: u64) -> Self {
        Self::made(seed, Flavour::of(seed), false)
    }
    /// A short day of this flavour, in a small town.
    pub fn brief(seed: u64, flavour: Flavour) -> Self {
        Self::made(seed, flavour, true)
    }
    fn made(seed: u64, flavour: Flavour, brief: bool) -> Self {
        let mut rng = Rng(seed ^ 0x5EED_0F_DA7);
        let many = 3 + usize::try_from(rng.below(6)).unwrap_or(0);
        let terminals = if brief { 3 } else { many };
        let shared = rng.chance(200);
        let mut maker = Maker {
            rng,
            events: Vec::new(),
            flavour,
            brief,
        };
        for t in 0..terminals {
            maker.work(t);
        }
        maker.centre(terminals);
        maker.faults(terminals);
        maker.rare(terminals);
        maker.more(terminals);
        if shared {
            for _ in 0..6 {
                let at = maker.time();
                let t = [0, terminals - 1][maker.index(2)];
                maker.put(at, Act::Switch(t));
            }
        }
        maker.events.sort_by_key(|event| event.at);
        Self {
            seed,
            terminals,
            keyed: seed % 10 == 9,
            shared,
            events: maker.events,
        }
    }
}

impl Maker {
    fn put(&mut self, at: i64, act: Act) {
        let r = self.rng.next();
        self.events.push(Event { at, r, act });
    }
    fn below(&mut self, n: u64) -> u64 {
        self.rng.below(n)
    }
    fn minutes(&mut self, n: u64) -> i64 {
        MINUTE * (1 + i64::try_from(self.rng.below(n)).unwrap_or(0))
    }
    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.rng.below(n as u64)).unwrap_or(0)
    }
    fn time(&mut self) -> i64 {
        i64::try_from(self.rng.below(DAY.unsigned_abs())).unwrap_or(0)
    }
    fn machine(&mut self, terminals: usize) -> Machine {
        // The server is one among many, and everything hangs on it.
        if self.rng.chance(300) {
            Machine::Server
        } else {
            Machine::Terminal(self.index(terminals))
        }
    }
    fn loss(&mut self) -> Loss {
        match self.rng.below(3) {
            0 => Loss::All,
            1 => Loss::Prefix,
            _ => Loss::Scatter,
        }
    }
    fn fate(&mut self) -> Fate {
        Fate::ALL[self.index(Fate::ALL.len())]
    }

    fn work(&mut self, t: usize) {
        let first = i64::try_from(self.below(600_000)).unwrap_or(0);
        self.put(first, Act::CheckIn(t));
        self.put(DAY / 2 - 20 * MINUTE, Act::CheckOut(t));
        self.put(DAY / 2 + 20 * MINUTE, Act::CheckIn(t));
        self.put(DAY - MINUTE, Act::CheckOut(t));
        for k in 0..if self.brief { 12 } else { 32 } {
            let at = self.time();
            let twice = self.rng.chance(200);
            // 28 reports with two or three photos, 4 without; the activities' come besides.
            let photos = if k % 8 == 7 {
                0
            } else if self.rng.chance(300) {
                3
            } else {
                2
            };
            self.put(at, Act::Report { t, photos, twice });
            // Large photos, which travel in parts.
            let large = if self.flavour == Flavour::Photos { 200 } else { 10 };
            if self.rng.chance(large)
                && let Some(event) = self.events.last_mut()
            {
                event.r &= !super::pictures::LARGE;
            }
        }
        for _ in 0..4 {
            let at = self.time();
            let photos = self.index(3);
            self.put(at, Act::Activity { t, photos });
        }
        for _ in 0..if self.flavour == Flavour::Posts { 12 } else { 4 } {
            let at = self.time();
            self.put(at, Act::Answer(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, Act::Withdraw(t));
            let at = self.time();
            self.put(at, Act::Mend(t));
        }
        let at = self.time();
        self.put(at, Act::Draft(t));
        for _ in 0..if self.brief { 3 } else { 6 } {
            let at = self.time();
            self.put(at, Act::Look(t));
        }
        for _ in 0..24 {
            let at = self.time();
            self.put(at, Act::Sync(t));
        }
    }
    fn centre(&mut self, terminals: usize) {
        let (tasks, cancels) = if self.flavour == Flavour::Posts {
            (10, 6)
        } else {
            (3, 1)
        };
        for _ in 0..terminals {
            for (count, act) in [
                (if self.brief { 8 } else { 12 }, Act::Case),
                (tasks, Act::Task),
                (cancels, Act::CancelTask),
                (2, Act::Review),
                (2, Act::ActivityReview),
                (1, Act::Register),
            ] {
                for _ in 0..count {
                    let at = self.time();
                    self.put(at, act.clone());
                }
            }
        }
        for k in 0..16 {
            self.put(k * DAY / 16 + 1, Act::Sweep);
        }
    }
    fn faults(&mut self, terminals: usize) {
        for t in 0..terminals {
            for _ in 0..8 {
                let (at, fate) = (self.time(), self.fate());
                for _ in 0..=self.below(2) {
                    self.put(at, Act::Net { t, fate, on: On::Any });
                }
            }
            for on in [On::Push, On::Pull, On::Photo] {
                let (at, fate) = (self.time(), self.fate());
                self.put(at, Act::Net { t, fate, on });
            }
            let at = self.time();
            let minutes = 5 + i64::try_from(self.below(60)).unwrap_or(0);
            self.put(at, Act::Offline { t, minutes });
        }
        for _ in 0..terminals * 5 {
            self.power(terminals);
        }
        for _ in 0..terminals {
            let at = self.time();
            let on = self.machine(terminals);
            self.put(at, Act::Kill(on));
            let at = self.time();
            let (on, k) = (self.machine(terminals), self.below(60));
            self.put(at, Act::IoError { on, k });
            let at = self.time();
            let t = self.index(terminals);
            self.put(at, Act::TokenExpired(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, Act::Newcomer);
        }
    }
    fn power(&mut self, terminals: usize) {
        let at = self.time();
        let (on, k, loss) = (self.machine(terminals), self.below(120), self.loss());
        self.put(at, Act::Power { on, k, loss });
    }
    /// What befalls some worlds and not others.
    fn rare(&mut self, terminals: usize) {
        type Make = fn(&mut Maker, usize);
        let kinds: [(u32, Make); 13] = [
            (500, Self::disk_full),
            (300, Self::clock),
            (400, Self::reboot),
            (300, Self::uploads_expired),
            (250, Self::restore),
            (200, Self::relieve),
            (150, Self::moved),
            (200, Self::enrolment),
            (150, Self::end),
            (150, Self::export),
            (100, Self::renew_key),
            (120, Self::damage),
            (120, Self::copy),
        ];
        for (chance, make) in kinds {
            if self.rng.chance(chance) {
                make(self, terminals);
            }
        }
    }
    /// What the day's flavour adds.
    fn more(&mut self, terminals: usize) {
        let times = if self.brief { 2 } else { terminals.div_ceil(2) };
        for _ in 0..times {
            match self.flavour {
                Flavour::Line => self.lines(terminals, &[On::Push, On::Pull]),
                Flavour::Photos => {
                    self.lines(terminals, &[On::Photo]);
                    self.uploads_expired(terminals);
                }
                Flavour::Power => {
                    for _ in 0..6 {
                        self.power(terminals);
                    }
                    self.disk_full(terminals);
                }
                Flavour::Restore => self.restore(terminals),
                Flavour::Posts => {
                    self.relieve(terminals);
                    self.moved(terminals);
                }
                Flavour::Ends => {
                    self.end(terminals);
                    self.end(terminals);
                    self.export(terminals);
                }
                Flavour::Damage => self.damage(terminals),
                Flavour::Clock => {
                    self.clock(terminals);
                    self.reboot(terminals);
                }
                Flavour::Copies => self.copy(terminals),
                Flavour::Begin => self.enrolment(terminals),
                Flavour::Newcomer => {
                    for _ in 0..6 {
                        let at = self.time();
                        self.put(at, Act::Newcomer);
                    }
                }
            }
        }
    }
    fn lines(&mut self, terminals: usize, kinds: &[On]) {
        for t in 0..terminals {
            for _ in 0..6 {
                let (at, fate) = (self.time(), self.fate());
                let on = kinds[self.index(kinds.len())];
                self.put(at, Act::Net { t, fate, on });
            }
        }
    }
    fn disk_full(&mut self, terminals: usize) {
        let (at, on) = (self.time(), self.machine(terminals));
        let minutes = 1 + i64::try_from(self.below(20)).unwrap_or(0);
        self.put(at, Act::DiskFull { on, minutes });
    }
    fn clock(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        let years = 365 * 86_400_000;
        let ms = [-years * 30, -3_600_000, 3 * years, 40 * years][self.index(4)];
        self.put(at, Act::Clock { t, ms });
        // Asked to wait while the clock is wrong, and then it is put right.
        let back = at + self.minutes(60);
        for k in 0..3 {
            let fate = Fate::TooMany;
            self.put(back - 3 * MINUTE + k, Act::Net { t, fate, on: On::Any });
        }
        self.put(back - 2 * MINUTE, Act::Sync(t));
        let ms = [0, -years][self.index(2)];
        self.put(back, Act::Clock { t, ms });
    }
    fn reboot(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, Act::Reboot(t));
    }
    fn uploads_expired(&mut self, _: usize) {
        let at = self.time();
        self.put(at, Act::UploadsExpired);
    }
    fn restore(&mut self, terminals: usize) {
        let at = self.time();
        let later = at + self.minutes(30);
        self.put(at, Act::Backup);
        // Whoever was there in between has something to lose.
        for _ in 0..2 {
            let t = self.index(terminals);
            self.put((at + later) / 2, Act::Sync(t));
            // And some are damaged before they meet the restored one: its receipts are all that they knew.
            if self.flavour == Flavour::Restore && self.rng.chance(200) {
                self.put(later + 1, Act::Damage(t));
            }
        }
        self.put(later, Act::Restore);
    }
    fn relieve(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, Act::Relieve(t));
        let back = at + self.minutes(120);
        self.put((at + back) / 2, Act::Sync(t));
        self.put((at + back) / 2 + MINUTE, Act::CancelTask);
        if self.rng.chance(700) {
            self.put(back, Act::GiveBack(t));
        }
    }
    fn moved(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, Act::Move(t));
        self.put(at + 20 * MINUTE, Act::Sync(t));
    }
    /// The first exchange of all is the enrolment.
    fn enrolment(&mut self, terminals: usize) {
        for t in 0..terminals {
            let fate = [Fate::AnswerLost, Fate::CutAnswer, Fate::Portal, Fate::RequestLost][self.index(4)];
            self.put(0, Act::Net { t, fate, on: On::Any });
            let (on, k, loss) = (Machine::Terminal(t), self.below(60), self.loss());
            self.put(0, Act::Power { on, k, loss });
        }
    }
    /// A terminal's end, while it holds something, and the line is bad.
    fn end(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        let act = if self.rng.chance(500) {
            Act::Revoke(t)
        } else {
            Act::Wipe(t)
        };
        self.put(
            at - 2,
            Act::Report {
                t,
                photos: 2,
                twice: false,
            },
        );
        self.put(at, act);
        for _ in 0..self.below(4) {
            let fate = [self.fate(), Fate::DiskFails, Fate::PowerGoes, Fate::AnswerLost][self.index(4)];
            self.put(
                at,
                Act::Net {
                    t,
                    fate,
                    on: On::Parcel,
                },
            );
        }
        if self.rng.chance(300) {
            let (on, k, loss) = (self.machine(terminals), self.below(60), self.loss());
            self.put(at + MINUTE, Act::Power { on, k, loss });
        }
        let sync = at + self.minutes(20);
        self.put(sync, Act::Sync(t));
        self.put(sync + 10 * MINUTE, Act::Review);
        self.put(sync + 20 * MINUTE, Act::Sync(t));
    }
    fn export(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at - 20 * MINUTE, Act::Offline { t, minutes: 40 });
        self.put(at, Act::Export(t));
    }
    fn renew_key(&mut self, _: usize) {
        let at = self.time();
        self.put(at, Act::RenewKey);
    }
    fn damage(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, Act::Damage(t));
        self.put(at + 10 * MINUTE, Act::Sync(t));
    }
    fn copy(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, Act::Copy(t));
        let back = at + self.minutes(180);
        self.put(back - MINUTE, Act::Sync(t));
        self.put(back, Act::PutBack(t));
        self.put(back + MINUTE, Act::Sync(t));
    }
}
