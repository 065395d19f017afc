//! Dispatch: one branch for each command.

use crate::{
    Error, Result,
    cli::{
        args::{HandsetCli, HandsetCommand},
        documents,
        filing::{CommandContext, Fewer},
        network, pending,
        said::Said,
        screen,
        surroundings::CommandLine,
        sync, text,
    },
    lifecycle::{handset::Handset, open::KeyFiles},
    words,
};
use protocol::problem::HandsetCode;
use serde_json::json;
use std::sync::Arc;

pub fn run(cli: &HandsetCli) -> Result<Said> {
    let home = cli.home.as_deref().ok_or_else(|| {
        Error::input(
            HandsetCode::CommandHome,
            "请用 --home 指定本机数据目录（或设置 XUNGE_HOME）",
            "give the data folder of this handset with --home (or set XUNGE_HOME)",
        )
    })?;
    let handset = Handset::at(home, Arc::new(KeyFiles));
    match &cli.command {
        HandsetCommand::Enroll {
            string,
            preview: true,
            ..
        } => return sync::preview(string, cli.lang),
        HandsetCommand::Enroll { string, another, .. } => {
            return sync::enroll(&handset, string, *another, cli.lang);
        }
        HandsetCommand::Users => return pending::users(&handset, cli.lang),
        HandsetCommand::Switch { user } => return pending::switch(&handset, user, cli.lang),
        HandsetCommand::Salvage { export } => {
            return pending::salvage(&handset, export.as_deref(), cli.lang);
        }
        // The other users are synced whatever happens to the current one.
        HandsetCommand::Sync { wait_for, photos_now } => {
            let opened = handset.open_current();
            let around = opened.as_ref().ok().map(CommandLine::of);
            let said = opened.and_then(|terminal| sync::sync(&terminal, cli, *wait_for, *photos_now));
            return pending::with_the_others(&handset, said, &around.unwrap_or_default(), cli);
        }
        _ => {}
    }
    let terminal = handset.open_current()?;
    let at = CommandContext {
        terminal: &terminal,
        lang: cli.lang,
        asks: screen::asks(cli),
    };
    match &cli.command {
        // Handled above, before a home was opened.
        HandsetCommand::Enroll { .. }
        | HandsetCommand::Users
        | HandsetCommand::Switch { .. }
        | HandsetCommand::Salvage { .. }
        | HandsetCommand::Sync { .. } => Err(Error::NotEnrolled),
        HandsetCommand::ExportParcel { file } => pending::export(&terminal, file, cli.lang),
        HandsetCommand::CheckIn { at: place, note } => {
            let item = terminal.check_in(at.position(place)?, note)?;
            at.filed(
                item.id,
                false,
                "已签到，保存在本机，联网后自动上传",
                "Checked in; saved on this handset and sent when there is a network",
            )
        }
        HandsetCommand::CheckOut { at: place, note } => {
            let item = terminal.check_out(at.position(place)?, note)?;
            at.filed(
                item.id,
                false,
                "已签退，保存在本机，联网后自动上传",
                "Checked out; saved on this handset and sent when there is a network",
            )
        }
        HandsetCommand::Where { place, datum, fix } => at.where_is(place, datum, fix),
        HandsetCommand::Report(report) => at.report(report),
        HandsetCommand::Activity(activity) => at.activity(activity),
        HandsetCommand::Queue { all } => at.queue(*all),
        HandsetCommand::Watch { seconds } => network::watch(&handset, &terminal, cli, *seconds),
        HandsetCommand::Traffic => network::traffic(&terminal, cli.lang),
        HandsetCommand::Storage => network::storage(&terminal, cli.lang),
        HandsetCommand::Set { name, value } => {
            network::set(&terminal, cli.lang, name.as_deref().zip(value.as_deref()))
        }
        HandsetCommand::Tasks { at: place, all } => at.tasks(place, *all),
        HandsetCommand::Answer {
            task,
            answer,
            text,
            photos,
            fewer_photos,
            at: place,
        } => {
            let fewer = Fewer::confirmed(*fewer_photos);
            at.answer_task(task, answer, text, photos, fewer, place)
        }
        HandsetCommand::Withdraw { item, reason } => at.withdraw(item, reason),
        HandsetCommand::History { after, limit } => at.history(*after, *limit),
        HandsetCommand::Months { last } => at.months(*last),
        HandsetCommand::Status => {
            let status = terminal.status()?;
            let (plan, held) = (terminal.data_use()?, network::held_now(&terminal)?);
            let mut document = documents::status(&status);
            if let Some(fields) = document.as_object_mut() {
                fields.insert("traffic".into(), network::data_use_json(&plan));
                fields.insert("held_back".into(), json!(held));
                fields.insert("photos_unnamed".into(), json!(terminal.unnamed_photos()?));
                fields.insert("is_disk_full".into(), json!(terminal.store().is_short_of_space()));
            }
            let mut network = vec![(
                cli.lang.pick("流量", "Data use"),
                network::budget(cli.lang, &plan),
            )];
            let unnamed = terminal.unnamed_photos()?;
            if unnamed > 0 {
                let line = cli.lang.pick(
                    format!("{unnamed} 张照片不属于任何一条，可能丢了内容；保留 30 天，请告诉管理员"),
                    format!("{unnamed} photos belong to no item, which may be lost; they are kept 30 days; tell the administrator"),
                );
                network.push((cli.lang.pick("照片", "Photos"), line));
            }
            if terminal.store().is_short_of_space() {
                let line = cli.lang.pick(
                    "空间不足：已填内容都在本机；请清理手机空间，并同步",
                    "no space left: what was filed is safe; free some space and sync",
                );
                network.push((cli.lang.pick("存储", "Storage"), line.into()));
            }
            if let Some(line) = pending::salvage_line(&terminal, cli.lang)? {
                network.push((cli.lang.pick("抢救", "Salvage"), line));
            }
            if let Some(reason) = &held {
                let name = cli.lang.pick("等待", "Waiting");
                network.push((name, words::of_reason(cli.lang, reason).into()));
            }
            Ok(Said::new(text::status(cli.lang, &status, network), document))
        }
        HandsetCommand::Cells {
            street,
            community,
            near,
            limit,
        } => at.cells(street.as_deref(), community.as_deref(), near.as_deref(), *limit),
        HandsetCommand::Types { search } => at.types(search),
    }
}
