//! The grammar of the command line. The help is in both languages, because clap prints it before `--lang` is
//! known.

use crate::{words::Lang, work::history::HistoryCursor};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER: &str = "\
除 enroll、sync 和 watch 外，所有命令都不需要网络。All commands except enroll, sync and watch work offline.
编号可只写开头或结尾几位（至少四位），只要不重复；也可写 #序号 或受理号。
An id can be shortened to its first or last characters (at least four) if the result is unique; #NUMBER and the
receipt number (受理号) also work.

退出码 Exit codes:
  0  完成；sync：全部送达       success; sync: everything was delivered
  1  出错                       error
  2  命令写法有误               invalid command line
  3  sync：还有内容在等待       sync: some items are still waiting; the output says why

--json: 每条命令输出一个 JSON 文档 one JSON document per command:
  {\"ok\":true,\"command\":…,…} 或 or {\"ok\":false,\"command\":…,\"error\":{\"code\",\"zh\",\"en\"}}
  时间为 Unix 毫秒，坐标为 WGS-84 度；字段见 terminal-core/README.md
  times are Unix milliseconds, coordinates are WGS-84 degrees; terminal-core/README.md lists the fields";

/// 巡格终端命令行：与手机应用同一核心。The handset core on the command line.
#[derive(Debug, Parser)]
#[command(name = "xunge", version, after_help = AFTER, disable_help_subcommand = true)]
pub struct HandsetCli {
    /// 本机数据目录 Data folder of this handset
    #[arg(long, env = "XUNGE_HOME", value_name = "DIR", global = true)]
    pub home: Option<PathBuf>,
    /// 语言 Language: zh | en
    #[arg(
        long,
        env = "XUNGE_LANG",
        default_value = "zh",
        global = true,
        value_name = "zh|en"
    )]
    pub lang: Lang,
    /// 输出 JSON，供程序使用 Print one JSON document for programs
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: HandsetCommand,
}

#[derive(Debug, Subcommand)]
pub enum HandsetCommand {
    /// 登记本机 Enrol this handset with the enrolment code from the administrator
    #[command(alias = "enrol")]
    Enroll {
        /// 登记码（二维码内容） Enrolment code (the content of the QR code)
        string: String,
        /// 作为另一个用户登记，原用户保留 Enrol another user; existing users are kept
        #[arg(long)]
        another: bool,
        /// 只查看登记码指向哪个服务器，不登记 Only show which server the code names; do not enrol
        #[arg(long, conflicts_with = "another")]
        preview: bool,
    },
    /// 签到 Check in
    CheckIn {
        #[command(flatten)]
        at: AtArg,
        /// 备注 Note
        #[arg(long, default_value = "")]
        note: String,
    },
    /// 签退 Check out
    CheckOut {
        #[command(flatten)]
        at: AtArg,
        /// 备注 Note
        #[arg(long, default_value = "")]
        note: String,
    },
    /// 查看位置所在的单元网格 Show the grid cell that contains a place
    Where {
        /// 纬度,经度[,精度米[,坐标系]] For example 43.8571,125.3012,8
        #[arg(value_name = "LAT,LON[,ACC]", allow_hyphen_values = true)]
        place: String,
        /// 坐标系 Datum of the coordinates: wgs84 | gcj02 | bd09
        #[arg(long, default_value = "wgs84")]
        datum: String,
        #[command(flatten)]
        fix: FixArgs,
    },
    /// 上报 Report a matter; it is saved on this handset immediately
    Report(ReportArgs),
    /// 活动记录 File an activity record, or revise a returned one
    Activity(ActivityArgs),
    /// 队列：每一条的状态、原因、下次重试 Show all unfinished items with state, reason and next try
    Queue {
        /// 连同已完成的 Include finished items
        #[arg(long)]
        all: bool,
    },
    /// 同步：上传、收取任务和结果 Send pending items, fetch tasks and results
    Sync {
        /// 有内容等待重试时，最多等多少秒 Wait up to this many seconds for due retries
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait_for: u64,
        /// 照片和资料也现在发送，不管流量和电量（照样计入流量） Send photos and files now, regardless of
        /// data budget and battery; they still count as data use
        #[arg(long)]
        photos_now: bool,
    },
    /// 保持联系：有新任务、新内容就同步 Keep running: sync when there is something to send or fetch
    Watch {
        /// 多少秒后结束 Stop after this many seconds
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// 本月流量 Show the data used this month
    Traffic,
    /// 本机存储占用 Space that this account takes on the handset
    Storage,
    /// 网络设置 Change a network setting; without arguments, list all settings
    Set {
        #[arg(requires = "value")]
        name: Option<String>,
        // A value that looks like a flag is reported as a wrong value.
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// 导出封存包：长时间无网络时交给中心 Write pending items to a sealed file for the centre
    ExportParcel {
        /// 文件 File to write
        file: PathBuf,
    },
    /// 抢救损坏的数据库 Recover what is readable in a damaged database and hand it over
    Salvage {
        /// 只写入封存文件，不联网 Write a sealed file and do not use the network
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// 本机上的用户 List the users of this handset
    Users,
    /// 切换用户；原用户未上传的内容照常上传 Switch to another user; pending items of the previous user are
    /// still sent
    Switch {
        /// 序号或姓名 Number or name
        user: String,
    },
    /// 任务 List tasks, earliest deadline first
    Tasks {
        /// 我在哪里，用于显示距离和方向 My position, for distance and direction
        #[command(flatten)]
        at: AtArg,
        /// 连同已反馈的 Include answered tasks
        #[arg(long)]
        all: bool,
    },
    /// 反馈任务 Answer a task
    Answer {
        /// 任务编号 Id of the task, or part of it
        task: String,
        /// 属实|不属实|已整改|未整改 true | not_true | rectified | not_rectified
        answer: String,
        /// 说明 Description
        #[arg(long, default_value = "")]
        text: String,
        /// 照片，可多次 Photo file; can be repeated
        #[arg(long = "photo", value_name = "FILE")]
        photos: Vec<PathBuf>,
        /// 照片比要求的少也提交 Submit with fewer photos than asked for, without a question
        #[arg(long)]
        fewer_photos: bool,
        #[command(flatten)]
        at: AtArg,
    },
    /// 撤回 Withdraw a submitted item, or delete a draft
    Withdraw {
        /// 编号 Id of the item, or part of it
        item: String,
        /// 原因 Reason
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// 历史：24 个月内的上报和活动记录 List reports and activity records of 24 months, newest first
    History {
        /// 接着这一条往后看 Show rows after this one; the previous page prints it
        #[arg(long, value_name = "CURSOR")]
        after: Option<HistoryCursor>,
        /// 最多多少条 Number of rows at most
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
        limit: u16,
    },
    /// 活动记录逐月情况 Count activity records by month
    Months {
        /// 最近多少个月 Number of months, the running one included
        #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=120))]
        last: u16,
    },
    /// 本机状态 Show user, duty, pending items, tasks and grid
    Status,
    /// 街道、社区、单元网格 List streets, communities and cells, for a report without a position
    Cells {
        /// 街道代码或名称：列出社区 Communities of this street, by code or name
        #[arg(long, group = "of")]
        street: Option<String>,
        /// 社区代码或名称：列出单元网格 Cells of this community, by code or name
        #[arg(long, group = "of")]
        community: Option<String>,
        /// 附近的单元网格 Cells near a place, nearest first
        #[arg(long, group = "of", value_name = "LAT,LON", allow_hyphen_values = true)]
        near: Option<String>,
        /// 附近最多列出几个 How many cells near the place
        #[arg(long, default_value_t = 8, requires = "near")]
        limit: usize,
    },
    /// 事部件类型 List the types that can be reported
    Types {
        /// 查找：代码、名称、拼音首字母 Search text: a code, part of a name or pinyin initials
        #[arg(default_value = "")]
        search: String,
    },
}

#[derive(Debug, Args)]
pub struct AtArg {
    /// 所在位置：纬度,经度,精度米[,坐标系] My position
    #[arg(long, value_name = "LAT,LON,ACC", allow_hyphen_values = true)]
    pub at: Option<String>,
    #[command(flatten)]
    pub fix: FixArgs,
}

/// What a receiver says about the position besides the place, for scripts that have one.
#[derive(Debug, Args)]
pub struct FixArgs {
    /// 定位是多少秒前测得的 How many seconds ago the receiver measured the position
    #[arg(long, value_name = "SECONDS")]
    pub fix_age: Option<u32>,
    /// 定位来源 Provider of the position: gps | network | fused
    #[arg(long, value_name = "PROVIDER", value_parser = ["manual", "gps", "network", "fused"])]
    pub fix_by: Option<String>,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// 类型：代码、名称或名称的一部分 A code such as E0102, a name such as 暴露垃圾, or part of a name
    #[arg(long = "type", value_name = "TYPE")]
    pub matter: Option<String>,
    /// 照片，可多次 Photo file; can be repeated
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub at: AtArg,
    /// 问题所在位置（与站立位置不同时） Position of the matter, if it differs from mine
    #[arg(long, value_name = "LAT,LON,ACC", allow_hyphen_values = true)]
    pub place: Option<String>,
    /// 所在单元网格代码（没有定位时） Code of the cell, if there is no position; see `cells`
    #[arg(long, value_name = "CODE")]
    pub cell: Option<String>,
    /// 说明 Description
    #[arg(long)]
    pub text: Option<String>,
    /// 地址 Address
    #[arg(long)]
    pub address: Option<String>,
    /// 已自行处理 Handled on the spot
    #[arg(long)]
    pub self_handled: bool,
    /// 只存草稿，不提交 Save as a draft; do not submit
    #[arg(long)]
    pub save: bool,
    /// 继续草稿 Continue a draft
    #[arg(long, value_name = "DRAFT", conflicts_with = "revise")]
    pub draft: Option<String>,
    /// 修改被退回的上报 Revise a returned report
    #[arg(long, visible_alias = "mend", value_name = "ITEM")]
    pub revise: Option<String>,
}

#[derive(Debug, Args)]
pub struct ActivityArgs {
    /// 类别 Category: fitness | contest | lecture | training …
    #[arg(long)]
    pub category: Option<String>,
    /// 名称 Title
    #[arg(long)]
    pub title: Option<String>,
    /// 开始 Start time in Asia/Shanghai: '2026-11-22 09:00'
    #[arg(long, value_name = "TIME")]
    pub starts: Option<String>,
    /// 结束 End time
    #[arg(long, value_name = "TIME")]
    pub ends: Option<String>,
    /// 地点 Place (text)
    #[arg(long)]
    pub place: Option<String>,
    /// 组织者 Organiser
    #[arg(long)]
    pub organiser: Option<String>,
    /// 人数 Number of participants
    #[arg(long)]
    pub participants: Option<u32>,
    /// 小结 Summary
    #[arg(long)]
    pub summary: Option<String>,
    /// 照片，可多次 Photo file; can be repeated
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub at: AtArg,
    /// 只存草稿，不提交 Save as a draft; do not submit
    #[arg(long)]
    pub save: bool,
    /// 照片比要求的少也提交 Submit with fewer photos than asked for, without a question
    #[arg(long)]
    pub fewer_photos: bool,
    /// 继续草稿 Continue a draft
    #[arg(long, value_name = "DRAFT", conflicts_with = "revise")]
    pub draft: Option<String>,
    /// 修改被退回的记录（新版本） Revise a returned record as a new version; fields that are
    /// not given keep their values
    #[arg(long, visible_alias = "mend", value_name = "RECORD")]
    pub revise: Option<String>,
}

impl HandsetCommand {
    /// Returns the command's name, the field `command` of the `--json` document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Enroll { .. } => "enroll",
            Self::CheckIn { .. } => "check-in",
            Self::CheckOut { .. } => "check-out",
            Self::Where { .. } => "where",
            Self::Report(_) => "report",
            Self::Activity(_) => "activity",
            Self::Queue { .. } => "queue",
            Self::Sync { .. } => "sync",
            Self::Watch { .. } => "watch",
            Self::Traffic => "traffic",
            Self::Storage => "storage",
            Self::Set { .. } => "set",
            Self::ExportParcel { .. } => "export-parcel",
            Self::Salvage { .. } => "salvage",
            Self::Users => "users",
            Self::Switch { .. } => "switch",
            Self::Tasks { .. } => "tasks",
            Self::Answer { .. } => "answer",
            Self::Withdraw { .. } => "withdraw",
            Self::History { .. } => "history",
            Self::Months { .. } => "months",
            Self::Status => "status",
            Self::Cells { .. } => "cells",
            Self::Types { .. } => "types",
        }
    }
}
