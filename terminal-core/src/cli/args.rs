//! The grammar of the command line. The help is in both languages, because clap prints it before `--lang` is
//! known.

use crate::words::Lang;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER: &str = "\
除 enroll、sync 和 watch 外，所有命令都不需要网络。All commands but enroll, sync and watch work with no network.
编号可只写开头或结尾几位（至少四位），只要不重复；也可写 #序号 或受理号。
An id may be shortened to its beginning or its end (four digits at least) where that is unique; #NUMBER and
the 受理号 do as well.

退出码 Exit codes:
  0  完成；sync：全部送达       done; sync: everything was delivered
  1  出错                       error
  2  命令写法有误               the command line is wrong
  3  sync：还有内容在等待       sync: something still waits, and why is said

--json: 每条命令输出一个 JSON 文档 one JSON document a command:
  {\"ok\":true,\"command\":…,…} 或 or {\"ok\":false,\"command\":…,\"error\":{\"code\",\"zh\",\"en\"}}
  时间为 Unix 毫秒，坐标为 WGS-84 度；字段见 terminal-core/README.md
  times are Unix milliseconds, coordinates WGS-84 degrees; fields in terminal-core/README.md";

/// 巡格终端命令行：与手机应用同一核心。The handset's core on the command line.
#[derive(Debug, Parser)]
#[command(name = "xunge", version, after_help = AFTER, disable_help_subcommand = true)]
pub struct Cli {
    /// 本机数据目录 Folder of this handset's data
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
    /// 输出 JSON，供程序使用 Print one JSON document for machines
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// 登记本机 Enrol this handset with the string from the administrator
    #[command(alias = "enrol")]
    Enroll {
        /// 登记码（二维码内容） The enrolment string (what the QR holds)
        string: String,
        /// 作为另一个用户登记，原用户保留 Enrol another user beside those who are here
        #[arg(long)]
        another: bool,
    },
    /// 签到 Check in
    CheckIn {
        #[command(flatten)]
        at: AtArg,
        /// 备注 A note
        #[arg(long, default_value = "")]
        note: String,
    },
    /// 签退 Check out
    CheckOut {
        #[command(flatten)]
        at: AtArg,
        /// 备注 A note
        #[arg(long, default_value = "")]
        note: String,
    },
    /// 查看位置所在的单元网格 Which cell a place lies in
    Where {
        /// 纬度,经度[,精度米[,坐标系]] such as 43.8571,125.3012,8
        #[arg(value_name = "LAT,LON[,ACC]", allow_hyphen_values = true)]
        place: String,
        /// 坐标系 Datum of the coordinates: wgs84 | gcj02 | bd09
        #[arg(long, default_value = "wgs84")]
        datum: String,
    },
    /// 上报 Report a matter; saved on this handset at once
    Report(ReportArgs),
    /// 活动记录 File an activity record, or mend a returned one
    Activity(ActivityArgs),
    /// 队列：每一条的状态、原因、下次重试 Everything that is not finished, with state and reason
    Queue {
        /// 连同已完成的 Finished items as well
        #[arg(long)]
        all: bool,
    },
    /// 同步：上传、收取任务和结果 Send what waits, fetch tasks and answers
    Sync {
        /// 有内容等待重试时，最多等多少秒 Wait up to this many seconds for retries that are due
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait_for: u64,
        /// 照片和资料也现在发送，不管流量和电量（照样计入流量） Photos and files go now, whatever data plan and
        /// battery say; counted all the same
        #[arg(long)]
        photos_now: bool,
    },
    /// 保持联系：有新任务、新内容就同步 Stay in touch: sync when there is something to send or to fetch
    Watch {
        /// 多少秒后结束 End after this many seconds
        #[arg(long = "for", value_name = "SECONDS")]
        seconds: Option<u64>,
    },
    /// 本月流量 What the data plan was used for this month
    Traffic,
    /// 网络设置 Settings for the network; alone it lists them
    Set {
        #[arg(requires = "value")]
        name: Option<String>,
        // A value that looks like a flag is reported as a wrong value.
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// 导出封存包：长时间无网络时交给中心 Write what waits into a sealed file, to be carried to the centre
    ExportParcel {
        /// 文件 The file to write
        file: PathBuf,
    },
    /// 抢救损坏的数据库 Save what can be read of a damaged database, and hand it over
    Salvage {
        /// 只写入封存文件，不联网 Write a sealed file instead of using the network
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// 本机上的用户 Users of this handset
    Users,
    /// 切换用户；原用户未上传的内容照常上传 Switch to another user; what waits of the former one goes on leaving
    Switch {
        /// 序号或姓名 Number or name
        user: String,
    },
    /// 任务 Tasks, what is due first on top
    Tasks {
        /// 我在哪里，用于显示距离和方向 Where I am, for distance and direction
        #[command(flatten)]
        at: AtArg,
        /// 连同已反馈的 Answered ones as well
        #[arg(long)]
        all: bool,
    },
    /// 反馈任务 Answer a task
    Answer {
        /// 任务编号 Id of the task, or its beginning
        task: String,
        /// 属实|不属实|已整改|未整改 true | not_true | rectified | not_rectified
        answer: String,
        /// 说明 Words
        #[arg(long, default_value = "")]
        text: String,
        /// 照片，可多次 A photo; may be repeated
        #[arg(long = "photo", value_name = "FILE")]
        photos: Vec<PathBuf>,
        #[command(flatten)]
        at: AtArg,
    },
    /// 撤回 Take back what was filed, or throw a draft away
    Withdraw {
        /// 编号 Id of the item, or its beginning
        item: String,
        /// 原因 Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// 本机状态 Who, on duty or not, what waits, the grid
    Status,
    /// 街道、社区、单元网格 Streets, communities and cells of the grid, for a report without a fix
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
    /// 事部件类型 Types that can be reported
    Types {
        /// 查找：代码、名称、拼音首字母 What to search for: a code, a part of the name, or pinyin initials
        #[arg(default_value = "")]
        search: String,
    },
}

#[derive(Debug, Args)]
pub struct AtArg {
    /// 所在位置：纬度,经度,精度米[,坐标系] Where I stand
    #[arg(long, value_name = "LAT,LON,ACC", allow_hyphen_values = true)]
    pub at: Option<String>,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// 类型：代码、名称或名称的一部分 A code such as E0102, a name such as 暴露垃圾, or a part of one
    #[arg(long = "type", value_name = "TYPE")]
    pub matter: Option<String>,
    /// 照片，可多次 A photo; may be repeated
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub at: AtArg,
    /// 问题所在位置（与站立位置不同时） Where the matter is, when that is not where I stand
    #[arg(long, value_name = "LAT,LON,ACC", allow_hyphen_values = true)]
    pub place: Option<String>,
    /// 所在单元网格代码（没有定位时） The cell, when there is no fix; see `cells`
    #[arg(long, value_name = "CODE")]
    pub cell: Option<String>,
    /// 说明 Words
    #[arg(long)]
    pub text: Option<String>,
    /// 地址 Address
    #[arg(long)]
    pub address: Option<String>,
    /// 已自行处理 Handled on the spot
    #[arg(long)]
    pub self_handled: bool,
    /// 只存草稿，不提交 Keep as a draft
    #[arg(long)]
    pub save: bool,
    /// 继续草稿 Go on with a draft
    #[arg(long, value_name = "DRAFT", conflicts_with = "revise")]
    pub draft: Option<String>,
    /// 修改被退回的上报 Mend a returned report
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
    /// 开始 Starts, Asia/Shanghai: '2026-11-22 09:00'
    #[arg(long, value_name = "TIME")]
    pub starts: Option<String>,
    /// 结束 Ends
    #[arg(long, value_name = "TIME")]
    pub ends: Option<String>,
    /// 地点 Place, in words
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
    /// 照片，可多次 A photo; may be repeated
    #[arg(long = "photo", value_name = "FILE")]
    pub photos: Vec<PathBuf>,
    #[command(flatten)]
    pub at: AtArg,
    /// 只存草稿，不提交 Keep as a draft
    #[arg(long)]
    pub save: bool,
    /// 继续草稿 Go on with a draft
    #[arg(long, value_name = "DRAFT", conflicts_with = "revise")]
    pub draft: Option<String>,
    /// 修改被退回的记录（新版本） Mend a returned record as its new version; what is not given stays
    #[arg(long, visible_alias = "mend", value_name = "RECORD")]
    pub revise: Option<String>,
}

impl Command {
    /// The command's name, as `--json` repeats it.
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
            Self::Set { .. } => "set",
            Self::ExportParcel { .. } => "export-parcel",
            Self::Salvage { .. } => "salvage",
            Self::Users => "users",
            Self::Switch { .. } => "switch",
            Self::Tasks { .. } => "tasks",
            Self::Answer { .. } => "answer",
            Self::Withdraw { .. } => "withdraw",
            Self::Status => "status",
            Self::Cells { .. } => "cells",
            Self::Types { .. } => "types",
        }
    }
}
