//! Terminal output of the demo: progress, and a live table of counts by state.

use super::{CLOSED, DemoPlan, board::DemoCounters};
use crate::{
    city::{City, InvitedPost, StaffAccount},
    process::ADMIN,
    staff_api::StaffSession,
};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::case::CaseState;
use serde_json::Value;
use std::{
    io::IsTerminal,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Interval between two queries of the server's counts.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time for the handsets to deliver what is left.
const DELIVERY_TIME: Duration = Duration::from_secs(5);
/// Interval between two lines if the output is no terminal (a log).
const LINE: Duration = Duration::from_secs(10);

pub struct DemoScreen {
    bar: ProgressBar,
    desk: StaffSession,
    is_watched: bool,
    last_line: Option<Instant>,
}

impl DemoScreen {
    pub fn new(plan: &DemoPlan, desk: StaffSession) -> Self {
        let is_watched = std::io::stdout().is_terminal();
        let bar = if plan.once {
            ProgressBar::new(u64::from(plan.reports) * plan.patrollers as u64)
        } else {
            ProgressBar::new_spinner()
        };
        bar.set_draw_target(if is_watched {
            ProgressDrawTarget::stdout()
        } else {
            ProgressDrawTarget::hidden()
        });
        let template = if plan.once {
            "上报 {pos}/{len} {bar:40} {elapsed}\n{msg}"
        } else {
            "{spinner} {elapsed}\n{msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            desk,
            is_watched,
            last_line: None,
        }
    }
    /// Queries the counts once and shows them; then waits a little.
    pub fn show(&mut self, counters: &DemoCounters) -> Result<Value> {
        let counts = self.desk.get("/v1/counts")?;
        self.bar.set_position(counters.reports.get());
        let table = table(&counts, counters);
        self.bar.set_message(table.clone());
        if !self.is_watched && self.last_line.is_none_or(|at| at.elapsed() >= LINE) {
            self.last_line = Some(Instant::now());
            println!("{}", table.replace('\n', " | "));
        }
        std::thread::sleep(POLL_INTERVAL);
        Ok(counts)
    }
    /// Shows counts until no open case is left that a clerk or worker could move, or until twice the promised
    /// number of cases is closed and every photo has arrived; at most `most`.
    pub fn until_finished(
        &mut self,
        counters: &DemoCounters,
        interrupted: &Arc<AtomicBool>,
        most: Duration,
    ) -> Result<()> {
        let began = Instant::now();
        let mut steady = 0;
        let mut before = Value::Null;
        while began.elapsed() < most && !interrupted.load(Ordering::SeqCst) {
            let mut counts = self.show(counters)?;
            if let Some(fields) = counts.as_object_mut() {
                fields.remove("at");
            }
            let open = CaseState::ALL
                .iter()
                .filter(|s| !s.is_final())
                .map(|s| at(&counts, "/cases", s.as_str()))
                .sum::<u64>();
            let assigned = at(&counts, "/tasks", "assigned");
            steady = if counts == before { steady + 1 } else { 0 };
            before = counts;
            let arrived = at(&before, "/photos", "named") == at(&before, "/photos", "held");
            let closed = at(&before, "/cases", CaseState::Closed.as_str());
            if arrived && closed >= 2 * CLOSED && began.elapsed() > DELIVERY_TIME {
                break;
            }
            if steady >= 6 && (open + assigned == 0 || steady >= 20) {
                break;
            }
        }
        Ok(())
    }
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn at(counts: &Value, group: &str, key: &str) -> u64 {
    counts
        .pointer(&format!("{group}/{key}"))
        .and_then(Value::as_u64)
        .unwrap_or(0)
}

fn table(counts: &Value, counters: &DemoCounters) -> String {
    let cases: Vec<String> = CaseState::ALL
        .iter()
        .map(|state| (state, at(counts, "/cases", state.as_str())))
        .filter(|(_, n)| *n > 0)
        .map(|(state, n)| format!("{} {n}", state.zh()))
        .collect();
    let group = |pairs: &[(&str, &str, &str)]| {
        pairs
            .iter()
            .map(|(zh, group, key)| format!("{zh} {}", at(counts, group, key)))
            .collect::<Vec<_>>()
            .join("  ")
    };
    format!(
        "案卷    {}\n条目    {}\n照片    {}/{} 已确认\n任务    {}\n活动    {}\n在岗    {}    手机  上报 {} 反馈 {} 同步 {}（未完 {}）进程被杀 {}",
        cases.join("  "),
        group(&[
            ("生效", "/entries", "applied"),
            ("核对", "/entries", "review"),
            ("暂存", "/entries", "held"),
            ("退回", "/entries", "rejected")
        ]),
        at(counts, "/photos", "held"),
        at(counts, "/photos", "named"),
        group(&[
            ("无人", "/tasks", "nobody"),
            ("已派", "/tasks", "assigned"),
            ("已答", "/tasks", "answered"),
            ("取消", "/tasks", "cancelled")
        ]),
        group(&[
            ("待审", "/activities", "submitted"),
            ("通过", "/activities", "approved"),
            ("退回", "/activities", "returned")
        ]),
        counts.get("on_duty").and_then(Value::as_u64).unwrap_or(0),
        counters.reports.get(),
        counters.answers.get(),
        counters.syncs.get(),
        counters.syncs_cut.get(),
        counters.kills.get(),
    )
}

/// The report of the division import, in one line.
pub fn divisions(found: &Value) -> String {
    let n = |key: &str| found.get(key).and_then(Value::as_u64).unwrap_or(0);
    let absent: Vec<&str> = found
        .get("absent")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    format!(
        "{} 个区县、{} 个街道乡镇、{} 个社区村；无边界数据：{}",
        n("counties"),
        n("streets"),
        n("communities"),
        absent.join("、")
    )
}

/// Prints addresses, sample accounts and commands to try by hand.
pub fn invite(city: &City, accounts: &[StaffAccount], spare: &InvitedPost) {
    println!(
        "\n服务器  {}    接口说明 {}/openapi.json",
        city.server.url(),
        city.server.url()
    );
    println!(
        "证书    {}",
        city.server.data().join("tls/certificate.pem").display()
    );
    println!("账号    {ADMIN} / {}（系统管理员）", city.server.admin_password);
    for account in accounts {
        println!(
            "        {} / {}（{}）",
            account.account, account.password, account.name
        );
    }
    println!("\n试一试（另开一个终端）/ try by hand in another terminal:");
    println!("  alias xunge=target/debug/xunge");
    println!("  xunge --home /tmp/h1 enroll '{}'", spare.invitation);
    println!("  xunge --home /tmp/h1 sync && xunge --home /tmp/h1 check-in");
    if let Some(cell) = city.pack.view().cells().next() {
        let (lat, lon) = cell.centroid().degrees();
        println!("  xunge --home /tmp/h1 where {lat:.6},{lon:.6},12");
        println!(
            "  xunge --home /tmp/h1 report --type 暴露垃圾 --photo tests/photos/gravel.jpg --at {lat:.6},{lon:.6},8"
        );
    }
    println!("  xunge --home /tmp/h1 queue; xunge --home /tmp/h1 sync; xunge --home /tmp/h1 tasks");
    println!("Ctrl-C 结束 / ends the demo\n");
}
