//! The honest users who work while an attack runs. Each does one kind of act again and again, with a real client: the
//! handset's core, or the HTTP API as the console uses it.

use super::{super::terminal::EnrolledTerminal, report::ActTimes, tally::Tally};
use crate::{
    bench::fleet::now,
    city::{City, StaffAccount},
    desks::{Desks, step},
    handset::{Handset, fix},
    staff_api::StaffApi,
};
use anyhow::{Context as _, Result, ensure};
use protocol::{geo::PointE7, role::Role};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Where the staff sit: an address that no attacker shares.
const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Where the handsets come from: the address of a mobile network, which they share with attackers.
pub const SHARED: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// The numbers of the handsets whose tokens have expired. Each asks for one now and then, never every second.
const RETURNING: RangeInclusive<u8> = 202..=251;
/// Between two acts of a user.
const PAUSE: Duration = Duration::from_millis(250);

pub const SIGN_IN: &str = "sign-in";
pub const PUSH: &str = "push";
pub const TOKEN: &str = "token";
pub const CASE: &str = "case";

/// The users, one of each kind.
pub struct HonestUsers {
    office: StaffApi,
    clerk: StaffAccount,
    handset: Handset,
    here: PointE7,
    returning: Vec<EnrolledTerminal>,
    field: StaffApi,
    desks: Desks,
    case: Value,
    is_prefiled: bool,
}

impl HonestUsers {
    /// Employs and enrols them; the handset files the case that the desks will work on.
    pub fn of(city: &City, folder: &Path, certificate: &str) -> Result<Self> {
        let base = city.office.base();
        let office = StaffApi::from_address(base, Some(certificate), Some(OFFICE))?;
        let clerk = city.staff("dengji", "登记员", Role::Supervisor, &city.district)?;
        let first = city.pack.view().cells().next().context("the pack has no cells")?;
        let invited = city.post("201", "二号岗", "巡查员甲", Role::Patroller, &["220104"])?;
        let mut users = Self {
            office,
            clerk,
            handset: Handset::enrol(&folder.join("handset"), &invited.invitation, None)?,
            here: first.centroid(),
            returning: RETURNING
                .map(|number| EnrolledTerminal::enrol(city, number))
                .collect::<Result<_>>()?,
            field: city.office.clone(),
            desks: Desks::of(city)?,
            case: Value::Null,
            is_prefiled: false,
        };
        users.handset.open()?;
        push(&mut users.handset, users.here)?;
        let cases = users.desks.acceptor.all("/v1/cases")?;
        users.case = cases.into_iter().next().context("the report made no case")?;
        users.sign_in()?;
        Ok(users)
    }

    /// The account that attackers try.
    pub fn account(&self) -> &str {
        &self.clerk.account
    }

    fn sign_in(&self) -> Result<()> {
        sign_in(&self.office, &self.clerk)
    }

    /// Everybody works until the time of the attack is over. Returns what each did.
    pub fn work(&mut self, tally: &Tally) -> BTreeMap<&'static str, ActTimes> {
        let Self {
            office,
            clerk,
            handset,
            here,
            returning,
            field,
            desks,
            case,
            is_prefiled,
        } = self;
        thread::scope(|scope| {
            let hands = [
                (
                    SIGN_IN,
                    scope.spawn(|| repeat(tally, || timed(|| sign_in(office, clerk)))),
                ),
                (PUSH, scope.spawn(|| repeat(tally, || push(handset, *here)))),
                (
                    TOKEN,
                    scope.spawn(|| {
                        let mut turns = returning.iter().cycle();
                        repeat(tally, || {
                            let next = turns.next().context("no handset")?;
                            timed(|| next.fresh_token(field).map(drop))
                        })
                    }),
                ),
                (
                    CASE,
                    scope.spawn(|| repeat(tally, || timed(|| act(desks, case, is_prefiled)))),
                ),
            ];
            let done = |(act, hand): (_, thread::ScopedJoinHandle<'_, ActTimes>)| {
                let times = hand.join().unwrap_or_else(|_| ActTimes {
                    failures: vec!["the user's thread panicked".into()],
                    ..ActTimes::default()
                });
                (act, times)
            };
            hands.into_iter().map(done).collect()
        })
    }
}

/// The time of an act, and whether it succeeded.
type Act = Result<Duration>;

fn repeat(tally: &Tally, mut act: impl FnMut() -> Act) -> ActTimes {
    let mut times = ActTimes::default();
    while !tally.is_over() {
        let began = Instant::now();
        match act() {
            Ok(took) => times.add(took, Ok(())),
            Err(error) => times.add(began.elapsed(), Err(error)),
        }
        thread::sleep(PAUSE);
    }
    times
}

fn timed(act: impl FnOnce() -> Result<()>) -> Act {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed())
}

/// Signs in with the password, and out again.
fn sign_in(office: &StaffApi, clerk: &StaffAccount) -> Result<()> {
    let session = office.sign_in(&clerk.account, &clerk.password)?;
    session.delete("/v1/session").map(drop)
}

/// Files a report on the handset; the time is that of the sync, which must leave nothing on the handset.
fn push(handset: &mut Handset, here: PointE7) -> Act {
    let mut draft = handset.open()?.new_report()?;
    draft.matter("E0102".parse()?)?;
    draft.text(format!("路口堆放垃圾 {}", now().0));
    draft.at(fix(here, 5));
    draft.submit()?;
    drop(draft);
    let began = Instant::now();
    let report = handset.sync()?;
    let took = began.elapsed();
    ensure!(
        report.entries_received > 0 && report.entries_waiting == 0,
        "the sync left entries on the handset: {report:?}"
    );
    Ok(took)
}

/// The acceptor prefiles the case, the shift leader sends it back, and so on.
fn act(desks: &Desks, case: &mut Value, is_prefiled: &mut bool) -> Result<()> {
    *case = if *is_prefiled {
        step(&desks.leader, case, "send_back", json!({}), "请补充")?
    } else {
        step(&desks.acceptor, case, "prefile", json!({}), "属实")?
    };
    *is_prefiled = !*is_prefiled;
    Ok(())
}
