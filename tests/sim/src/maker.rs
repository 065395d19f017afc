//! Makes the plan of a day from a seed. Every day has all kinds of work and some of every fault. Its flavour
//! adds more events of one kind, so that combinations of rare events occur often enough.

use super::plan::{
    DAY, DayPlan, EventKind, ExchangeFault, FaultTarget, MachineId, PlannedEvent, UnsyncedLoss,
};
use simdisk::Rng;

/// Which kind of event a day has more of.
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
    NewerHandset,
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
        Self::NewerHandset,
    ];
    /// The flavour of a seed.
    pub fn of(seed: u64) -> Self {
        let k = usize::try_from(seed % Self::ALL.len() as u64).unwrap_or(0);
        Self::ALL.get(k).copied().unwrap_or(Self::Line)
    }
}

const MINUTE: i64 = 60_000;

struct PlanMaker {
    rng: Rng,
    events: Vec<PlannedEvent>,
    flavour: Flavour,
    /// A third of the work: enough to show a defect, not enough for a fault-day.
    brief: bool,
}

impl DayPlan {
    /// The plan of a seed; every tenth seed has encrypted handsets.
    pub fn of(seed: u64) -> Self {
        Self::made(seed, Flavour::of(seed), false)
    }
    /// A short day of this flavour with three handsets.
    pub fn brief(seed: u64, flavour: Flavour) -> Self {
        Self::made(seed, flavour, true)
    }
    fn made(seed: u64, flavour: Flavour, brief: bool) -> Self {
        let mut rng = Rng(seed ^ 0x5EED_0F_DA7);
        let many = 3 + usize::try_from(rng.below(6)).unwrap_or(0);
        let terminals = if brief { 3 } else { many };
        let shared = rng.chance(200);
        let mut maker = PlanMaker {
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
                maker.put(at, EventKind::Switch(t));
            }
        }
        maker.closes(terminals);
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

impl PlanMaker {
    fn put(&mut self, at: i64, act: EventKind) {
        let r = self.rng.next();
        self.events.push(PlannedEvent { at, r, act });
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
    fn machine(&mut self, terminals: usize) -> MachineId {
        // The server is one machine among many, but all depend on it; so it is chosen more often.
        if self.rng.chance(300) {
            MachineId::Server
        } else {
            MachineId::Terminal(self.index(terminals))
        }
    }
    fn loss(&mut self) -> UnsyncedLoss {
        match self.rng.below(3) {
            0 => UnsyncedLoss::All,
            1 => UnsyncedLoss::Prefix,
            _ => UnsyncedLoss::Scatter,
        }
    }
    fn fault(&mut self) -> ExchangeFault {
        ExchangeFault::ALL[self.index(ExchangeFault::ALL.len())]
    }

    fn work(&mut self, t: usize) {
        let first = i64::try_from(self.below(600_000)).unwrap_or(0);
        self.put(first, EventKind::CheckIn(t));
        self.put(DAY / 2 - 20 * MINUTE, EventKind::CheckOut(t));
        self.put(DAY / 2 + 20 * MINUTE, EventKind::CheckIn(t));
        self.put(DAY - MINUTE, EventKind::CheckOut(t));
        for k in 0..if self.brief { 12 } else { 32 } {
            let at = self.time();
            let twice = self.rng.chance(200);
            // 28 reports with two or three photos and 4 without; photos of activity records come on top.
            let photos = if k % 8 == 7 {
                0
            } else if self.rng.chance(300) {
                3
            } else {
                2
            };
            self.put(at, EventKind::Report { t, photos, twice });
            // Large photos, which are uploaded in parts.
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
            self.put(at, EventKind::Activity { t, photos });
        }
        for _ in 0..if self.flavour == Flavour::Posts { 12 } else { 4 } {
            let at = self.time();
            self.put(at, EventKind::Answer(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, EventKind::Withdraw(t));
            let at = self.time();
            self.put(at, EventKind::Mend(t));
        }
        let at = self.time();
        self.put(at, EventKind::Draft(t));
        for _ in 0..if self.brief { 3 } else { 6 } {
            let at = self.time();
            self.put(at, EventKind::Look(t));
        }
        for _ in 0..24 {
            let at = self.time();
            self.put(at, EventKind::Sync(t));
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
                (if self.brief { 8 } else { 12 }, EventKind::Case),
                (tasks, EventKind::Task),
                (cancels, EventKind::CancelTask),
                (2, EventKind::Review),
                (2, EventKind::ActivityReview),
                (1, EventKind::Register),
            ] {
                for _ in 0..count {
                    let at = self.time();
                    self.put(at, act.clone());
                }
            }
        }
        for k in 0..16 {
            self.put(k * DAY / 16 + 1, EventKind::Sweep);
        }
    }
    fn faults(&mut self, terminals: usize) {
        for t in 0..terminals {
            for _ in 0..8 {
                let (at, fault) = (self.time(), self.fault());
                for _ in 0..=self.below(2) {
                    self.put(
                        at,
                        EventKind::Net {
                            t,
                            fault,
                            on: FaultTarget::Any,
                        },
                    );
                }
            }
            for on in [FaultTarget::Push, FaultTarget::Pull, FaultTarget::Photo] {
                let (at, fault) = (self.time(), self.fault());
                self.put(at, EventKind::Net { t, fault, on });
            }
            let at = self.time();
            let minutes = 5 + i64::try_from(self.below(60)).unwrap_or(0);
            self.put(at, EventKind::Offline { t, minutes });
        }
        for _ in 0..terminals * 5 {
            self.power(terminals);
        }
        for _ in 0..terminals {
            let at = self.time();
            let on = self.machine(terminals);
            self.put(at, EventKind::Kill(on));
            let at = self.time();
            let (on, k) = (self.machine(terminals), self.below(60));
            self.put(at, EventKind::IoError { on, k });
            let at = self.time();
            let t = self.index(terminals);
            self.put(at, EventKind::TokenExpired(t));
        }
        for _ in 0..3 {
            let at = self.time();
            self.put(at, EventKind::NewerHandset);
        }
    }
    /// The app is closed in an orderly way, sometimes while a sync is under way.
    fn closes(&mut self, terminals: usize) {
        for _ in 0..terminals {
            let (at, t) = (self.time(), self.index(terminals));
            if self.rng.chance(300) {
                self.put(at, EventKind::Sync(t));
            }
            self.put(at + 1, EventKind::Close(t));
        }
    }
    fn power(&mut self, terminals: usize) {
        let at = self.time();
        let (on, k, loss) = (self.machine(terminals), self.below(120), self.loss());
        self.put(at, EventKind::Power { on, k, loss });
    }
    /// Events that only some days have.
    fn rare(&mut self, terminals: usize) {
        type Make = fn(&mut PlanMaker, usize);
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
    /// Events that the flavour adds.
    fn more(&mut self, terminals: usize) {
        let times = if self.brief { 2 } else { terminals.div_ceil(2) };
        for _ in 0..times {
            match self.flavour {
                Flavour::Line => self.lines(terminals, &[FaultTarget::Push, FaultTarget::Pull]),
                Flavour::Photos => {
                    self.lines(terminals, &[FaultTarget::Photo]);
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
                Flavour::NewerHandset => {
                    for _ in 0..6 {
                        let at = self.time();
                        self.put(at, EventKind::NewerHandset);
                    }
                }
            }
        }
    }
    fn lines(&mut self, terminals: usize, kinds: &[FaultTarget]) {
        for t in 0..terminals {
            for _ in 0..6 {
                let (at, fault) = (self.time(), self.fault());
                let on = kinds[self.index(kinds.len())];
                self.put(at, EventKind::Net { t, fault, on });
            }
        }
    }
    fn disk_full(&mut self, terminals: usize) {
        let (at, on) = (self.time(), self.machine(terminals));
        let minutes = 1 + i64::try_from(self.below(20)).unwrap_or(0);
        self.put(at, EventKind::DiskFull { on, minutes });
    }
    fn clock(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        let years = 365 * 86_400_000;
        let ms = [-years * 30, -3_600_000, 3 * years, 40 * years][self.index(4)];
        self.put(at, EventKind::Clock { t, ms });
        // The server asks for waits while the wall clock is wrong; then the clock is corrected.
        let back = at + self.minutes(60);
        for k in 0..3 {
            let fault = ExchangeFault::TooMany;
            self.put(
                back - 3 * MINUTE + k,
                EventKind::Net {
                    t,
                    fault,
                    on: FaultTarget::Any,
                },
            );
        }
        self.put(back - 2 * MINUTE, EventKind::Sync(t));
        let ms = [0, -years][self.index(2)];
        self.put(back, EventKind::Clock { t, ms });
    }
    fn reboot(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, EventKind::Reboot(t));
    }
    fn uploads_expired(&mut self, _: usize) {
        let at = self.time();
        self.put(at, EventKind::UploadsExpired);
    }
    fn restore(&mut self, terminals: usize) {
        let at = self.time();
        let later = at + self.minutes(30);
        self.put(at, EventKind::Backup);
        // Handsets that worked between backup and restore have something to lose.
        for _ in 0..2 {
            let t = self.index(terminals);
            self.put((at + later) / 2, EventKind::Sync(t));
            // Some are damaged before they sync with the restored server: the lost receipts are then in the
            // damaged database only.
            if self.flavour == Flavour::Restore && self.rng.chance(200) {
                self.put(later + 1, EventKind::Damage(t));
            }
        }
        self.put(later, EventKind::Restore);
    }
    fn relieve(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, EventKind::Relieve(t));
        let back = at + self.minutes(120);
        self.put((at + back) / 2, EventKind::Sync(t));
        self.put((at + back) / 2 + MINUTE, EventKind::CancelTask);
        if self.rng.chance(700) {
            self.put(back, EventKind::GiveBack(t));
        }
    }
    fn moved(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, EventKind::Move(t));
        self.put(at + 20 * MINUTE, EventKind::Sync(t));
    }
    /// The first exchange of a handset is its enrolment.
    fn enrolment(&mut self, terminals: usize) {
        for t in 0..terminals {
            let fault = [
                ExchangeFault::AnswerLost,
                ExchangeFault::CutAnswer,
                ExchangeFault::Portal,
                ExchangeFault::RequestLost,
            ][self.index(4)];
            self.put(
                0,
                EventKind::Net {
                    t,
                    fault,
                    on: FaultTarget::Any,
                },
            );
            let (on, k, loss) = (MachineId::Terminal(t), self.below(60), self.loss());
            self.put(0, EventKind::Power { on, k, loss });
        }
    }
    /// Ends a stream (revoked, wiped) while it has unsent entries and the network has faults.
    fn end(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        let act = if self.rng.chance(500) {
            EventKind::Revoke(t)
        } else {
            EventKind::Wipe(t)
        };
        self.put(
            at - 2,
            EventKind::Report {
                t,
                photos: 2,
                twice: false,
            },
        );
        self.put(at, act);
        for _ in 0..self.below(4) {
            let fault = [
                self.fault(),
                ExchangeFault::DiskFails,
                ExchangeFault::PowerGoes,
                ExchangeFault::AnswerLost,
            ][self.index(4)];
            self.put(
                at,
                EventKind::Net {
                    t,
                    fault,
                    on: FaultTarget::Parcel,
                },
            );
        }
        if self.rng.chance(300) {
            let (on, k, loss) = (self.machine(terminals), self.below(60), self.loss());
            self.put(at + MINUTE, EventKind::Power { on, k, loss });
        }
        let sync = at + self.minutes(20);
        self.put(sync, EventKind::Sync(t));
        self.put(sync + 10 * MINUTE, EventKind::Review);
        self.put(sync + 20 * MINUTE, EventKind::Sync(t));
    }
    fn export(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at - 20 * MINUTE, EventKind::Offline { t, minutes: 40 });
        self.put(at, EventKind::Export(t));
    }
    fn renew_key(&mut self, _: usize) {
        let at = self.time();
        self.put(at, EventKind::RenewKey);
    }
    fn damage(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, EventKind::Damage(t));
        self.put(at + 10 * MINUTE, EventKind::Sync(t));
    }
    fn copy(&mut self, terminals: usize) {
        let (at, t) = (self.time(), self.index(terminals));
        self.put(at, EventKind::Copy(t));
        let back = at + self.minutes(180);
        self.put(back - MINUTE, EventKind::Sync(t));
        self.put(back, EventKind::PutBack(t));
        self.put(back + MINUTE, EventKind::Sync(t));
    }
}
