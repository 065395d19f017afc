//! Patrollers and community sports managers: real handsets, most of the time without a network.

use super::board::DemoCounters;
use crate::{
    handset::{Handset, fix},
    line::{FaultProxy, LineFault},
    pictures::PhotoAlbum,
    random::ScenarioRandom,
};
use anyhow::{Context, Result};
use grid::pack::PackBuf;
use protocol::{
    codes::{CellCode, CommunityCode, MatterCode},
    duty::Purpose,
    ids::EntryId,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use terminal_core::{
    photos::PhotoSource,
    work::{ItemState, Withdrawal},
};

/// What all workers share.
pub struct DemoContext {
    pub album: PhotoAlbum,
    pub pack: PackBuf<Vec<u8>>,
    pub counters: DemoCounters,
    pub seed: u64,
    /// Milliseconds between two actions of a worker; longer in the demo that runs until Ctrl-C.
    pub pace_ms: u64,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerRole {
    /// 巡查员, with the number of reports to file.
    Patroller(u32),
    /// 社区体育管理员, with the number of activity records to file.
    SportsManager(u32),
}

/// A worker with a handset, a beat and possibly a line that injects faults.
pub struct FieldWorker {
    pub name: String,
    pub job: WorkerRole,
    pub community: CommunityCode,
    pub handset: Handset,
    /// Some workers use a line that injects faults.
    pub line: Option<FaultProxy>,
    /// Folder for the pictures that the camera takes.
    pub camera: PathBuf,
}

const MATTERS: &[&str] = &[
    "E0102", "E0103", "E0104", "E0106", "E0107", "E0108", "C0101", "C0102", "C0301", "C0201",
];
const TEXTS: &[&str] = &[
    "路口东北角",
    "居民楼门前",
    "人行道上，行人需绕行",
    "校门对面",
    "公交站旁",
    "早市收摊后",
    "雨后更明显",
    "已拍照，范围约两米",
];

impl FieldWorker {
    /// Works until all of its work is done and delivered, or until the demo stops.
    pub fn run(mut self, context: &Arc<DemoContext>) -> Self {
        let mut random = ScenarioRandom::of(context.seed, &self.name);
        if let Err(error) = self.day(context, &mut random) {
            context.counters.record_failure(&self.name, &error);
        }
        self
    }

    fn day(&mut self, context: &DemoContext, random: &mut ScenarioRandom) -> Result<()> {
        self.try_sync(context, random)?;
        let mut cell = self.first_cell(context, random)?;
        // The first check-in is made without a network: duty starts at the time of the check-in, not of its
        // arrival.
        let here = centre(context, cell)?;
        self.handset.open()?.check_in(Some(fix(here, 8)), "")?;
        context.counters.check_ins.one();
        let mut left = match self.job {
            WorkerRole::Patroller(n) | WorkerRole::SportsManager(n) => n,
        };
        while !context.counters.is_stopped() {
            let pace = if context.counters.is_finishing() {
                4 * context.pace_ms
            } else {
                context.pace_ms
            };
            std::thread::sleep(Duration::from_millis(pace / 2 + random.bits() % pace.max(1)));
            cell = self.walk(context, cell, random);
            let has_work = left > 0 && !context.counters.is_finishing();
            if has_work && random.percent(60) {
                match self.job {
                    WorkerRole::Patroller(_) => self.report(context, cell, random)?,
                    WorkerRole::SportsManager(_) => self.activity(context, random)?,
                }
                left -= 1;
            }
            self.answer_tasks(context, cell, random)?;
            self.revise_returned(context)?;
            // Kills the app between two actions; what was saved must be there after the restart.
            if random.percent(4) {
                self.handset.kill();
                context.counters.kills.one();
            }
            if random.percent(if has_work { 35 } else { 80 }) {
                self.try_sync(context, random)?;
            }
        }
        Ok(())
    }

    /// Files a report with one to three photos, mostly one; sometimes kills the app between camera and
    /// submit.
    fn report(&mut self, context: &DemoContext, cell: CellCode, random: &mut ScenarioRandom) -> Result<()> {
        let here = centre(context, cell)?;
        let photos = 1 + usize::from(random.percent(25)) + usize::from(random.percent(8));
        let files = self.shoot(context, photos, random)?;
        let matter: MatterCode = random.pick(MATTERS).context("no matters")?.parse()?;
        let id: EntryId = {
            let mut draft = self.handset.open()?.new_report()?;
            draft.matter(matter)?;
            draft.text((*random.pick(TEXTS).context("no words")?).to_owned());
            draft.at(fix(here, 5 + u32::try_from(random.below(20))?));
            for file in &files {
                draft.add_photo(PhotoSource::Path(file))?;
            }
            draft.id()
        };
        if random.percent(12) {
            self.handset.kill();
            context.counters.kills.one();
        }
        let terminal = self.handset.open()?;
        let mut draft = terminal.report_draft(id)?;
        draft.submit()?;
        // Submits the same draft twice: this must not file a second report.
        if random.percent(20) {
            anyhow::ensure!(draft.submit()?.again, "a second submit filed a second report");
        }
        context.counters.reports.one();
        context.counters.photos.add(photos as u64);
        if random.percent(2) {
            // Takes a report back before it was sent; its number is used by a void entry.
            let mut slip = terminal.new_report()?;
            slip.text("误触").save()?;
            let slip = slip.submit()?.item;
            anyhow::ensure!(
                terminal.withdraw(slip, "误触")? == Withdrawal::Cancelled,
                "a report that was never sent must be cancelled"
            );
        }
        Ok(())
    }

    fn activity(&mut self, context: &DemoContext, random: &mut ScenarioRandom) -> Result<()> {
        let photos = 1 + random.below(2);
        let files = self.shoot(context, photos, random)?;
        let terminal = self.handset.open()?;
        let now = terminal.now()?;
        let mut draft = terminal.new_activity()?;
        let titles = [
            "社区太极拳",
            "广场健步走",
            "老年柔力球",
            "少年跳绳赛",
            "健身指导讲座",
        ];
        let kinds = ["fitness", "fitness", "training", "contest", "lecture"];
        let which = random.below(titles.len());
        draft
            .category(*kinds.get(which).context("no kind of activity")?)
            .title(*titles.get(which).context("no title")?)
            .starts(now.plus(-3 * 3_600_000))
            .ends(now.plus(-3_600_000))
            .place("社区文化广场")
            .organiser("街道文体站")
            .participants(20 + u32::try_from(random.below(60))?)
            .summary("按计划组织，秩序良好");
        for file in &files {
            draft.add_photo(PhotoSource::Path(file))?;
        }
        draft.submit()?;
        context.counters.activities.one();
        context.counters.photos.add(photos as u64);
        Ok(())
    }

    /// Revises each record that the reviewer returned, as a new version of the same record.
    fn revise_returned(&mut self, context: &DemoContext) -> Result<()> {
        if self.job == WorkerRole::SportsManager(0) || matches!(self.job, WorkerRole::Patroller(_)) {
            return Ok(());
        }
        let terminal = self.handset.open()?;
        let returned = terminal
            .queue()?
            .into_iter()
            .filter(|row| matches!(row.state, ItemState::Returned(_)))
            .map(|row| row.record)
            .collect::<Vec<_>>();
        for record in returned {
            let mut draft = terminal.revise_activity(record)?;
            draft.summary("按计划组织，秩序良好；参加人员以签到表为准");
            draft.submit()?;
            context.counters.activities.one();
        }
        Ok(())
    }

    fn answer_tasks(
        &mut self,
        context: &DemoContext,
        cell: CellCode,
        random: &mut ScenarioRandom,
    ) -> Result<()> {
        if !matches!(self.job, WorkerRole::Patroller(_)) {
            return Ok(());
        }
        let open: Vec<_> = self
            .handset
            .open()?
            .tasks()?
            .into_iter()
            .filter(|t| t.answered.is_none())
            .collect();
        for task in open {
            let Some(purpose) = task.row.purpose.known().copied() else {
                continue;
            };
            let [yes, no] = purpose.answers();
            // Most matters are handled at the first try, and most callers are right.
            let answer = if random.percent(if purpose == Purpose::Check { 88 } else { 85 }) {
                yes
            } else {
                no
            };
            let file = self.shoot(context, 1, random)?;
            let mut draft = task.begin_answer(answer)?;
            draft.at(fix(
                centre(context, task.row.cell).or_else(|_| centre(context, cell))?,
                6,
            ));
            for file in &file {
                draft.add_photo(PhotoSource::Path(file))?;
            }
            draft.submit()?;
            context.counters.answers.one();
            context.counters.photos.one();
        }
        Ok(())
    }

    /// Syncs once, over a line that may fail; what was not delivered is sent by the next sync.
    fn try_sync(&mut self, context: &DemoContext, random: &mut ScenarioRandom) -> Result<()> {
        if let Some(line) = &self.line {
            let fault = match random.below(if context.counters.is_finishing() { 1 } else { 10 }) {
                7 => LineFault::CutUp(2_000 + random.bits() % 300_000),
                8 => LineFault::CutDown(500 + random.bits() % 20_000),
                9 => LineFault::Down,
                _ => LineFault::Good,
            };
            line.set(fault);
        }
        context.counters.syncs.one();
        let report = self.handset.sync()?;
        if !report.is_success() {
            context.counters.syncs_cut.one();
        }
        Ok(())
    }

    /// Writes pictures as a camera does.
    fn shoot(
        &self,
        context: &DemoContext,
        count: usize,
        random: &mut ScenarioRandom,
    ) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(&self.camera)?;
        (0..count)
            .map(|k| {
                let path = self.camera.join(format!("IMG_{k}.jpg"));
                context.album.crop_to(random, &path)?;
                Ok(path)
            })
            .collect()
    }

    fn first_cell(&self, context: &DemoContext, random: &mut ScenarioRandom) -> Result<CellCode> {
        let cells: Vec<CellCode> = context
            .pack
            .view()
            .cells()
            .map(|c| c.code)
            .filter(|c| c.community() == self.community)
            .collect();
        random.pick(&cells).copied().context("the beat has no cells")
    }

    /// Moves to a neighbour cell, mostly inside the beat.
    fn walk(&self, context: &DemoContext, cell: CellCode, random: &mut ScenarioRandom) -> CellCode {
        let Some(here) = context.pack.view().cell(cell) else {
            return cell;
        };
        let near: Vec<CellCode> = here.neighbours().collect();
        let own: Vec<CellCode> = near
            .iter()
            .copied()
            .filter(|c| c.community() == self.community)
            .collect();
        let choice = if own.is_empty() || random.percent(3) {
            near
        } else {
            own
        };
        random.pick(&choice).copied().unwrap_or(cell)
    }
}

fn centre(context: &DemoContext, cell: CellCode) -> Result<protocol::geo::PointE7> {
    Ok(context
        .pack
        .view()
        .cell(cell)
        .context("the cell is not in the pack")?
        .centroid())
}
