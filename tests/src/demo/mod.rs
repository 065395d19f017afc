//! The demo: a city at work. Twenty patrollers and four community sports managers walk, lose and regain the
//! network, and their apps are killed and restarted; the centre handles what they report. At the end all
//! counts, hashes and histories are compared.

mod board;
mod centre;
mod crowd;
mod screen;
mod verify;

pub use verify::DemoResult;

use crate::{
    city::{City, StaffAccount},
    handset::Handset,
    line::FaultProxy,
    pictures::PhotoAlbum,
    staff_api::StaffSession,
};
use anyhow::{Context, Result};
use board::DemoCounters;
use centre::{Clerk, ClerkRole};
use crowd::{DemoContext, FieldWorker, WorkerRole};
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

/// Size and kind of the demo.
#[derive(Debug, Clone)]
pub struct DemoPlan {
    /// Bounded, with an audit at the end; otherwise the demo runs until Ctrl-C.
    pub once: bool,
    pub data: PathBuf,
    pub seed: u64,
    pub patrollers: usize,
    pub managers: usize,
    /// Number of reports of each patroller.
    pub reports: u32,
    /// `postgres://…`; `None` uses the embedded SQLite database.
    pub database: Option<String>,
    /// Where to write what a handset of another program needs to work in this city, once everybody is at work.
    pub handset: Option<PathBuf>,
}

/// Lowest counts that the bounded demo must reach.
pub const REPORTS: u64 = 200;
pub const CLOSED: u64 = 40;
pub const PHOTOS: u64 = 300;
/// Time limit of the bounded demo for new work; after that only open work is finished.
const WORK_LIMIT: Duration = Duration::from_secs(150);
/// Time limit for finishing open work after that.
const FINISHING: Duration = Duration::from_secs(45);

/// Accounts of the centre.
struct CentreAccounts {
    accounts: Vec<StaffAccount>,
    supervisor: StaffSession,
    desks: Vec<(StaffAccount, ClerkRole)>,
}

/// Runs the demo. Returns the result of the audit for `once`, otherwise `None` after Ctrl-C.
pub fn run(plan: &DemoPlan, interrupted: &Arc<AtomicBool>) -> Result<Option<DemoResult>> {
    let began = Instant::now();
    anyhow::ensure!(
        !plan.data.join("xunge.db").exists(),
        "{} already holds a city; choose another folder with --data",
        plan.data.display()
    );
    let mut step = 0;
    let city = City::create(&plan.data, plan.database.as_deref(), |what| {
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
    let context = Arc::new(DemoContext {
        album: PhotoAlbum::load()?,
        pack: grid::pack::PackBuf::open(city.pack.bytes().to_vec())?,
        counters: DemoCounters::default(),
        seed: plan.seed,
        pace_ms: if plan.once { 60 } else { 2_500 },
    });
    let cells: Vec<String> = beats(&city, plan.patrollers)
        .iter()
        .flat_map(|beat| {
            context
                .pack
                .view()
                .cells()
                .filter(|c| c.code.community() == *beat)
                .map(|c| c.code.to_string())
                .collect::<Vec<_>>()
        })
        .collect();
    // Created before anybody is on duty: the task has no assignee until a worker checks in at that cell.
    if let Some(cell) = cells.first() {
        let body = serde_json::json!({"purpose": "inspect", "wording": "开工前请核验该处环境卫生", "cell": cell, "minutes": 120});
        centre.supervisor.post("/v1/tasks", &body)?;
    }
    let clerks = open_desks(&city, &centre, &context, &cells, plan)?;
    let crowd: Vec<JoinHandle<FieldWorker>> = workers
        .into_iter()
        .map(|worker| {
            let context = context.clone();
            std::thread::spawn(move || worker.run(&context))
        })
        .collect();

    let mut screen = screen::DemoScreen::new(plan, centre.supervisor.clone());
    let end = |began: Instant| began.elapsed() > WORK_LIMIT;
    if plan.once {
        let wanted = u64::from(plan.reports) * plan.patrollers as u64;
        while context.counters.reports.get() < wanted && !end(began) && !interrupted.load(Ordering::SeqCst) {
            screen.show(&context.counters)?;
        }
        context.counters.finish();
        screen.until_finished(&context.counters, interrupted, FINISHING)?;
    } else {
        screen::invite(&city, &centre.accounts, &spare);
        if let Some(file) = &plan.handset {
            hand_out(&city, file)?;
        }
        while !interrupted.load(Ordering::SeqCst) {
            screen.show(&context.counters)?;
        }
    }
    context.counters.stop();
    screen.end();
    for clerk in clerks {
        clerk.join().ok().context("a clerk thread panicked")?;
    }
    let mut handsets = Vec::new();
    for worker in crowd {
        handsets.push(worker.join().ok().context("a worker thread panicked")?);
    }
    if !plan.once {
        return Ok(None);
    }
    println!("核对 / auditing over the API …");
    let result = verify::verify(&city, &centre.supervisor, &context.counters, &mut handsets)?;
    println!(
        "用时 {:.0} 秒 / took {:.0} s",
        began.elapsed().as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(Some(result))
}

/// Writes an invitation to a post over one community, and a cell of it. Nobody else is on duty there, so its tasks come to
/// whoever accepts the invitation. The file appears when it is complete.
fn hand_out(city: &City, file: &Path) -> Result<()> {
    let cell = city.pack.view().cells().last().context("the grid has no cells")?;
    let community = cell.code.community().to_string();
    let invited = city.post(
        "20104-901",
        "走查岗",
        "走查巡查员",
        Role::Patroller,
        &[&community],
    )?;
    let point = cell.centroid();
    let told = serde_json::json!({
        "invitation": invited.invitation,
        "server": city.server.url(),
        "cell": cell.code.to_string(),
        "lat": point.lat,
        "lon": point.lon,
    });
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, told.to_string())?;
    Ok(std::fs::rename(fresh, file)?)
}

/// The first communities of the district, one for each post.
fn beats(city: &City, count: usize) -> Vec<protocol::codes::CommunityCode> {
    city.communities()
        .into_iter()
        .take(count)
        .map(|(code, _)| code)
        .collect()
}

fn staff(city: &City) -> Result<CentreAccounts> {
    let cleaning = city.department("朝阳区环卫处")?;
    let works = city.department("朝阳区市政处")?;
    let people = [
        (
            "acceptor1",
            "受理员一",
            Role::Acceptor,
            &city.district,
            ClerkRole::Acceptor { calls: 6 },
        ),
        (
            "leader1",
            "值班长",
            Role::ShiftLeader,
            &city.district,
            ClerkRole::ShiftLeader,
        ),
        (
            "command1",
            "指挥中心",
            Role::CommandCentre,
            &city.district,
            ClerkRole::CommandCentre {
                departments: vec![cleaning.clone(), works.clone()],
            },
        ),
        (
            "cleaning1",
            "环卫处",
            Role::Department,
            &cleaning,
            ClerkRole::Department,
        ),
        (
            "works1",
            "市政处",
            Role::Department,
            &works,
            ClerkRole::Department,
        ),
        (
            "supervisor1",
            "督导",
            Role::Supervisor,
            &city.district,
            ClerkRole::Supervisor { inspections: 6 },
        ),
    ];
    let mut desks = Vec::new();
    for (account, name, role, org, duty) in people {
        desks.push((city.staff(account, name, role, org)?, duty));
    }
    let accounts = desks.iter().map(|(account, _)| account.clone()).collect();
    let (supervisor, _) = desks.last().context("no supervisor")?;
    Ok(CentreAccounts {
        accounts,
        supervisor: city.sign_in(supervisor)?,
        desks,
    })
}

fn open_desks(
    city: &City,
    centre: &CentreAccounts,
    context: &Arc<DemoContext>,
    cells: &[String],
    plan: &DemoPlan,
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
            let context = context.clone();
            Ok(std::thread::spawn(move || clerk.work(&context)))
        })
        .collect()
}

fn workers(city: &City, plan: &DemoPlan) -> Result<Vec<FieldWorker>> {
    let communities = city.communities();
    let mut workers = Vec::new();
    for k in 0..plan.patrollers + plan.managers {
        let (community, name) = communities.get(k % communities.len()).context("no communities")?;
        let is_patroller = k < plan.patrollers;
        let (role, job) = if is_patroller {
            (
                Role::Patroller,
                WorkerRole::Patroller(if plan.once { plan.reports } else { u32::MAX }),
            )
        } else {
            (
                Role::SportsManager,
                WorkerRole::SportsManager(if plan.once { 4 } else { u32::MAX }),
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
        // Every fourth handset uses a line that injects faults.
        let line = if k % 4 == 0 {
            Some(FaultProxy::to(city.server.address())?)
        } else {
            None
        };
        let through = line.as_ref().map(|line| format!("https://{}", line.address()));
        let home = plan.data.join("handsets").join(&number);
        let handset = Handset::enrol(&home, &invited.invitation, through.as_deref())?;
        workers.push(FieldWorker {
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
