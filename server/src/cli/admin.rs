//! `xunge-server admin …`: accounts, on the machine itself. Whoever can run it on the data has all rights anyway; it works
//! while the server runs.

use super::{data_location::DataLocation, init::first_password};
use crate::{
    people::machine::{self, Reset},
    service::run,
    store::database::Store,
};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use protocol::{ids::PersonId, text::for_terminal};

#[derive(Debug, Subcommand)]
pub(super) enum AdminTool {
    /// 重置密码并启用账号（也用于最后一个管理员） / Set a first password and enable the person; also for the last administrator
    Reset {
        #[command(flatten)]
        place: DataLocation,
        /// The account's name
        #[arg(long)]
        account: String,
    },
    /// 添加市级管理员 / Add a further administrator of the city
    Add {
        #[command(flatten)]
        place: DataLocation,
        /// Account of the person
        #[arg(long)]
        account: String,
        /// The person's name
        #[arg(long)]
        name: String,
    },
}

/// What was done, and the first password, which is told once and kept nowhere.
#[derive(Debug, Clone)]
pub struct Given<T> {
    pub done: T,
    pub password: String,
}

/// Resets an account; see [`machine::reset`].
pub async fn reset_account(store: &Store, account: &str) -> Result<Given<Reset>> {
    let (start, password, hash) = first_password()?;
    let account = account.to_owned();
    let done = store
        .write(move |tx| machine::reset(tx, &mut start.clone(), &account, &hash))
        .await?;
    Ok(Given { done, password })
}

/// Adds an administrator of the city; see [`machine::add_administrator`].
pub async fn add_administrator(store: &Store, account: &str, name: &str) -> Result<Given<PersonId>> {
    let (start, password, hash) = first_password()?;
    let (account, name) = (account.to_owned(), name.to_owned());
    let done = store
        .write(move |tx| machine::add_administrator(tx, &mut start.clone(), (&account, &name), &hash))
        .await?;
    Ok(Given { done, password })
}

impl AdminTool {
    pub(super) async fn run(self) -> Result<()> {
        match self {
            Self::Reset { place, account } => {
                let opened = run::open_city(&place.options()?).await?;
                let given = reset_account(&opened.store, &account).await;
                opened.store.close().await;
                let Given { done, password } = given.with_context(|| account.clone())?;
                let city = if done.administers_city {
                    "，市级管理员 / administrator of the city"
                } else {
                    ""
                };
                println!(
                    "已重置密码 / password reset：{account}（{}{city}）",
                    for_terminal(&done.name)
                );
                println!(
                    "{}",
                    if done.enabled {
                        "该人员原已停用，现已启用 / the person was disabled and is enabled now"
                    } else {
                        "该人员处于启用状态 / the person is enabled"
                    }
                );
                say(&password);
            }
            Self::Add { place, account, name } => {
                let opened = run::open_city(&place.options()?).await?;
                let given = add_administrator(&opened.store, &account, &name).await;
                opened.store.close().await;
                let Given { done, password } = given?;
                println!(
                    "已添加市级管理员 / administrator of the city added：{account}（{}，{done}）",
                    for_terminal(&name)
                );
                say(&password);
            }
        }
        Ok(())
    }
}

fn say(password: &str) {
    println!("首次密码（只显示这一次，登录后须先修改才能使用）：{password}");
}
