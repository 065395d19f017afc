//! The demo: a city living. Twenty patrollers and four community sports managers walk, go off and on line,
//! die and come back; the centre handles what they report; at the end everything is held against everything.

mod board;
mod centre;
mod crowd;
mod screen;
mod verify;

pub use verify::Verdict;

use crate::{
    city::{Account, City},
    handset::Handset,
    line::Line,
    office::Desk,
    pictures::Album,
};
use anyhow::{Context, Result};
use board::Board;
use centre::{Clerk, Duty};
use crowd::{Job, Town, Worker};
use protocol::role::Role;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// What to tell.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Bounded, checked from the outside, and over; else it stays up until Ctrl-C.
    pub once: bool,
    pub data: PathBuf,
    pub seed: u64,
    pub patrollers: usize,
    pub managers: usize,
    /// Reports of each patroller.
    pub reports: u32,
    /// `postgres://…` instead of the embedded database.
    pub database: Option<String>,
}

/// The demo's promise: at least so many.
pub const REPORTS: u64 = 200;
pub const CLOSED: u64 = 40;
pub const PHOTOS: u64 = 300;
/// How long the bounded story may take for its work before what is open is only finished.
const BOUND: Duration = Duration::from_secs(150);
/// How long what is open may take to be finished after that.
const CALM: Duration = Duration::from_secs(45);

/// Accounts of the centre.
struct Centre {
    accounts: Vec<Account>,
    supervisor: Desk,
    desks: Vec<(Account, Duty)>,
}

/// Tells the story; for `once` the verdict, else nothing once Ctrl-C came.
pub fn run(plan: &Plan, interrupted: &Arc<AtomicBool>) -> Result<Option<Verdict>> {
    let began = Instant::now();
    anyhow::ensure!(
        !plan.data.join("xunge.db").exists(),
        "{} holds a city already; choose another folder with --data",
        plan.data.display()
    );
    let mut step = 0;
    let city = City::found(&plan.data, plan.database.as_deref(), |what| {
        step += 1;
        println!("[{step}/6] {what}");
    })?;
    println!("[4/6] {}", screen::divisions(&city.divisions));
    println!("[5/6] 组织、账号、岗位、终端登记 / staff, posts, terminals");
    let centre = staff(&city)?;
    let workers = workers(&city, plan)?;
    let spare = city.post(
        "20104-900",
        "体验岗",
        "体验巡查员",
        Role::Patroller,
        &[crate::city::DISTRICT],
    )?;

    println!(
        "[6/6] 开始 / {} patrollers, {} sports managers, centre at work",
        plan.patrollers, plan.managers
    );
    let town = Arc::new(Town {
        album: Album::load()?,
        pack: grid::pack::PackBuf::open(city.pack.bytes().to_vec())?,
        board: Board::default(),
        seed: plan.seed,
        pace_ms: if plan.once { 60 } else { 2_500 },
    });
    let cells: Vec<String> = beats(&city, plan.patrollers)
        .iter()
        .flat_map(|beat| {
            town.pack
                .view()
                .cells()
                .filter(|c| c.code.community() == *beat)
                .map(|c| c.code.to_string())
                .collect::<Vec<_>>()
        })
        .collect();
    // Asked before anybody is on duty: visibly nobody's, then the first one's who checks in there.
    if let Some(cell) = cells.first() {
        let body = serde_json::json!({"purpose": "inspect", "wording": "开工前请核验该处环境卫生", "cell": cell, "minutes": 120});
        centre.supervisor.post("/v1/tasks", &body)?;
    }
    let clerks = open_desks(&city, &centre, &town, &cells, plan)?;
    let crowd: Vec<JoinHandle<Worker>> = workers
        .into_iter()
        .map(|worker| {
            let town = town.clone();
            std::thread::spawn(move || worker.live(&town))
        })
        .collect();

    let mut screen = screen::Screen::new(plan, centre.supervisor.clone());
    let end = |began: Instant| began.elapsed() > BOUND;
    if plan.once {
        let wanted = u64::from(plan.reports) * plan.patrollers as u64;
        while town.board.reports.get() < wanted && !end(began) && !interrupted.load(Ordering::SeqCst) {
            screen.show(&town.board)?;
        }
        town.board.calm();
        screen.until_calm(&town.board, interrupted, CALM)?;
    } else {
        screen::invite(&city, &centre.accounts, &spare);
        while !interrupted.load(Ordering::SeqCst) {
            screen.show(&town.board)?;
        }
    }
    town.board.stop();
    screen.end();
    for clerk in clerks {
        clerk.join().ok().context("a clerk panicked")?;
    }
    let mut handsets = Vec::new();
    for worker in crowd {
        handsets.push(worker.join().ok().context("a worker panicked")?);
    }
    if !plan.once {
        return Ok(None);
    }
    println!("核对 / checking from the outside …");
    let verdict = verify::verify(&city, &centre.supervisor, &town.board, &mut handsets)?;
    println!(
        "用时 {:.0} 秒 / took {:.0} s",
        began.elapsed().as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(Some(verdict))
}

/// The first communities of the district, one for each post.
fn beats(city: &City, count: usize) -> Vec<protocol::codes::CommunityCode> {
    city.communities()
        .into_iter()
        .take(count)
        .map(|(code, _)| code)
        .collect()
}

fn staff(city: &City) -> Result<Centre> {
    let cleaning = city.department("朝阳区环卫处")?;
    let works = city.department("朝阳区市政处")?;
    let people = [
        (
            "acceptor1",
            "受理员一",
            Role::Acceptor,
            &city.district,
            Duty::Acceptor { calls: 6 },
        ),
        (
            "leader1",
            "值班长",
            Role::ShiftLeader,
            &city.district,
            Duty::ShiftLeader,
        ),
        (
            "command1",
            "指挥中心",
            Role::CommandCentre,
            &city.district,
            Duty::CommandCentre {
                departments: vec![cleaning.clone(), works.clone()],
            },
        ),
        (
            "cleaning1",
            "环卫处",
            Role::Department,
            &cleaning,
            Duty::Department,
        ),
        ("works1", "市政处", Role::Department, &works, Duty::Department),
        (
            "supervisor1",
            "督导",
            Role::Supervisor,
            &city.district,
            Duty::Supervisor { inspections: 6 },
        ),
    ];
    let mut desks = Vec::new();
    for (account, name, role, org, duty) in people {
        desks.push((city.staff(account, name, role, org)?, duty));
    }
    let accounts = desks.iter().map(|(account, _)| account.clone()).collect();
    let (supervisor, _) = desks.last().context("a supervisor")?;
    Ok(Centre {
        accounts,
        supervisor: city.sign_in(supervisor)?,
        desks,
    })
}

fn open_desks(
    city: &City,
    centre: &Centre,
    town: &Arc<Town>,
    cells: &[String],
    plan: &Plan,
) -> Result<Vec<JoinHandle<()>>> {
    centre
        .desks
        .iter()
        .map(|(account, duty)| {
            let clerk = Clerk {
                name: account.name.clone(),
                desk: city.sign_in(account)?,
                duty: duty.clone(),
                cells: cells.to_vec(),
                pace_ms: if plan.once { 250 } else { 3_000 },
            };
            let town = town.clone();
            Ok(std::thread::spawn(move || clerk.work(&town)))
        })
        .collect()
}

fn workers(city: &City, plan: &Plan) -> Result<Vec<Worker>> {
    let communities = city.communities();
    let mut workers = Vec::new();
    for k in 0..plan.patrollers + plan.managers {
        let (community, name) = communities.get(k % communities.len()).context("communities")?;
        let is_patroller = k < plan.patrollers;
        let (role, job) = if is_patroller {
            (
                Role::Patroller,
                Job::Patroller(if plan.once { plan.reports } else { u32::MAX }),
            )
        } else {
            (
                Role::SportsManager,
                Job::SportsManager(if plan.once { 4 } else { u32::MAX }),
            )
        };
        let number = format!("20104-{:03}", k + 1);
        let title = format!("{name}{}", if is_patroller { "巡查岗" } else { "体育岗" });
        let holder = format!(
            "{}{:02}",
            if is_patroller {
                "巡查员"
            } else {
                "体育管理员"
            },
            k + 1
        );
        let invited = city.post(&number, &title, &holder, role, &[community.as_str()])?;
        // Every fourth handset has a line that breaks.
        let line = if k % 4 == 0 {
            Some(Line::to(city.server.address())?)
        } else {
            None
        };
        let through = line.as_ref().map(|line| format!("https://{}", line.address()));
        let home = plan.data.join("handsets").join(&number);
        let handset = Handset::enrol(&home, &invited.invitation, through.as_deref())?;
        workers.push(Worker {
            name: holder,
            job,
            community: *community,
            handset,
            line,
            camera: camera(&plan.data, &number),
        });
    }
    Ok(workers)
}

fn camera(data: &Path, number: &str) -> PathBuf {
    data.join("cameras").join(number)
}
