//! Patrollers and community sports managers: real handsets, most of the time without a network.

use super::board::Board;
use crate::{
    chance::Chance,
    handset::{Handset, fix},
    line::{Line, Weather},
    pictures::Album,
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
pub struct Town {
    pub album: Album,
    pub pack: PackBuf<Vec<u8>>,
    pub board: Board,
    pub seed: u64,
    /// Milliseconds between two things a worker does; more in the demo that stays up.
    pub pace_ms: u64,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// 巡查员, with the number of reports to file before going home.
    Patroller(u32),
    /// 社区体育管理员, with the number of activity records.
    SportsManager(u32),
}

/// A worker with a handset, a beat and a line that is sometimes bad.
pub struct Worker {
    pub name: String,
    pub job: Job,
    pub community: CommunityCode,
    pub handset: Handset,
    /// Some go through a line that the story breaks.
    pub line: Option<Line>,
    /// Scratch folder for pictures that the camera gives.
    pub camera: PathBuf,
}

const MATTERS: &[&str] = &[
    "E0102", "E0103", "E0104", "E0106", "E0107", "E0108", "C0101", "C0102", "C0301", "C0201",
];
const WORDS: &[&str] = &[
    "路口东北角",
    "居民楼门前",
    "人行道上，行人需绕行",
    "校门对面",
    "公交站旁",
    "早市收摊后",
    "雨后更明显",
    "已拍照，范围约两米",
];

impl Worker {
    /// Lives until its work is done and everything has arrived, or until the demo stops.
    pub fn live(mut self, town: &Arc<Town>) -> Self {
        let mut chance = Chance::of(town.seed, &self.name);
        if let Err(error) = self.day(town, &mut chance) {
            town.board.trouble(&self.name, &error);
        }
        self
    }

    fn day(&mut self, town: &Town, chance: &mut Chance) -> Result<()> {
        self.try_sync(town, chance)?;
        let mut cell = self.first_cell(town, chance)?;
        // The first check-in is made without a network: it counts from when it was made.
        let here = centre(town, cell)?;
        self.handset.open()?.check_in(Some(fix(here, 8)), "")?;
        town.board.check_ins.one();
        let mut left = match self.job {
            Job::Patroller(n) | Job::SportsManager(n) => n,
        };
        while !town.board.is_stopped() {
            let pace = if town.board.is_calm() {
                4 * town.pace_ms
            } else {
                town.pace_ms
            };
            std::thread::sleep(Duration::from_millis(pace / 2 + chance.bits() % pace.max(1)));
            cell = self.walk(town, cell, chance);
            let has_work = left > 0 && !town.board.is_calm();
            if has_work && chance.percent(60) {
                match self.job {
                    Job::Patroller(_) => self.report(town, cell, chance)?,
                    Job::SportsManager(_) => self.activity(town, chance)?,
                }
                left -= 1;
            }
            self.answer_tasks(town, cell, chance)?;
            self.mend(town)?;
            // A death between any two things; what was saved is there again.
            if chance.percent(4) {
                self.handset.die();
                town.board.deaths.one();
            }
            if chance.percent(if has_work { 35 } else { 80 }) {
                self.try_sync(town, chance)?;
            }
        }
        Ok(())
    }

    /// Files a report with one to three photos, mostly one; now and then the process dies between camera and submit.
    fn report(&mut self, town: &Town, cell: CellCode, chance: &mut Chance) -> Result<()> {
        let here = centre(town, cell)?;
        let photos = 1 + usize::from(chance.percent(25)) + usize::from(chance.percent(8));
        let files = self.shoot(town, photos, chance)?;
        let matter: MatterCode = chance.pick(MATTERS).context("matters")?.parse()?;
        let id: EntryId = {
            let mut draft = self.handset.open()?.new_report()?;
            draft.matter(matter)?;
            draft.text((*chance.pick(WORDS).context("words")?).to_owned());
            draft.at(fix(here, 5 + u32::try_from(chance.below(20))?));
            for file in &files {
                draft.add_photo(PhotoSource::Path(file))?;
            }
            draft.id()
        };
        if chance.percent(12) {
            self.handset.die();
            town.board.deaths.one();
        }
        let terminal = self.handset.open()?;
        let mut draft = terminal.report_draft(id)?;
        draft.submit()?;
        // Impatient thumbs: the same draft again is the same report.
        if chance.percent(20) {
            anyhow::ensure!(draft.submit()?.again, "a second submit must not file again");
        }
        town.board.reports.one();
        town.board.photos.add(photos as u64);
        if chance.percent(2) {
            // A report that is taken back before it left; its number stays as a void.
            let mut slip = terminal.new_report()?;
            slip.text("误触").save()?;
            let slip = slip.submit()?.item;
            anyhow::ensure!(
                terminal.withdraw(slip, "误触")? == Withdrawal::Cancelled,
                "never sent, so cancelled"
            );
        }
        Ok(())
    }

    fn activity(&mut self, town: &Town, chance: &mut Chance) -> Result<()> {
        let photos = 1 + chance.below(2);
        let files = self.shoot(town, photos, chance)?;
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
        let which = chance.below(titles.len());
        draft
            .category(*kinds.get(which).context("kind")?)
            .title(*titles.get(which).context("title")?)
            .starts(now.plus(-3 * 3_600_000))
            .ends(now.plus(-3_600_000))
            .place("社区文化广场")
            .organiser("街道文体站")
            .participants(20 + u32::try_from(chance.below(60))?)
            .summary("按计划组织，秩序良好");
        for file in &files {
            draft.add_photo(PhotoSource::Path(file))?;
        }
        draft.submit()?;
        town.board.activities.one();
        town.board.photos.add(photos as u64);
        Ok(())
    }

    /// What the reviewer sent back is mended as a new version of the same record.
    fn mend(&mut self, town: &Town) -> Result<()> {
        if self.job == Job::SportsManager(0) || matches!(self.job, Job::Patroller(_)) {
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
            town.board.activities.one();
        }
        Ok(())
    }

    fn answer_tasks(&mut self, town: &Town, cell: CellCode, chance: &mut Chance) -> Result<()> {
        if !matches!(self.job, Job::Patroller(_)) {
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
            // Most matters are handled at the first try, most callers are right.
            let answer = if chance.percent(if purpose == Purpose::Check { 88 } else { 85 }) {
                yes
            } else {
                no
            };
            let file = self.shoot(town, 1, chance)?;
            let mut draft = task.answer(answer)?;
            draft.at(fix(
                centre(town, task.row.cell).or_else(|_| centre(town, cell))?,
                6,
            ));
            for file in &file {
                draft.add_photo(PhotoSource::Path(file))?;
            }
            draft.submit()?;
            town.board.answers.one();
            town.board.photos.one();
        }
        Ok(())
    }

    /// One sync, over a line that may be bad; what did not arrive goes the next time.
    fn try_sync(&mut self, town: &Town, chance: &mut Chance) -> Result<()> {
        if let Some(line) = &self.line {
            let weather = match chance.below(if town.board.is_calm() { 1 } else { 10 }) {
                7 => Weather::CutUp(2_000 + chance.bits() % 300_000),
                8 => Weather::CutDown(500 + chance.bits() % 20_000),
                9 => Weather::Down,
                _ => Weather::Good,
            };
            line.set(weather);
        }
        town.board.syncs.one();
        let report = self.handset.sync()?;
        if !report.is_success() {
            town.board.syncs_cut.one();
        }
        Ok(())
    }

    /// Pictures as the camera leaves them.
    fn shoot(&self, town: &Town, count: usize, chance: &mut Chance) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(&self.camera)?;
        (0..count)
            .map(|k| {
                let path = self.camera.join(format!("IMG_{k}.jpg"));
                town.album.crop_to(chance, &path)?;
                Ok(path)
            })
            .collect()
    }

    fn first_cell(&self, town: &Town, chance: &mut Chance) -> Result<CellCode> {
        let cells: Vec<CellCode> = town
            .pack
            .view()
            .cells()
            .map(|c| c.code)
            .filter(|c| c.community() == self.community)
            .collect();
        chance.pick(&cells).copied().context("a beat has cells")
    }

    /// From a cell to a neighbour of it, mostly inside the beat.
    fn walk(&self, town: &Town, cell: CellCode, chance: &mut Chance) -> CellCode {
        let Some(here) = town.pack.view().cell(cell) else {
            return cell;
        };
        let near: Vec<CellCode> = here.neighbours().collect();
        let own: Vec<CellCode> = near
            .iter()
            .copied()
            .filter(|c| c.community() == self.community)
            .collect();
        let choice = if own.is_empty() || chance.percent(3) {
            near
        } else {
            own
        };
        chance.pick(&choice).copied().unwrap_or(cell)
    }
}

fn centre(town: &Town, cell: CellCode) -> Result<protocol::geo::PointE7> {
    Ok(town
        .pack
        .view()
        .cell(cell)
        .context("a cell of the pack")?
        .centroid())
}
