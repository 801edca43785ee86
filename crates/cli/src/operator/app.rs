//! `rebuttal operator app`.

use anyhow::Result;
use clap::ArgGroup;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::{
    AppSettings, EndOverlap, NotifyUrl, OVERLAP_MAX_SECONDS, RotateSecret, answers,
};
use rebuttal_client::{AppId, Scheme};

use super::client::Client;
use super::keep::{self, Keep, Place};
use super::key::Key;
use super::tell;
use crate::prompt;
use crate::terminal::{self, Table};
use crate::{enum_arg, time_arg};

/// What `change` changes, one at least.
const CHANGES: [&str; 5] = ["notify_url", "no_notify_url", "scheme", "enable", "disable"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum App {
    /// Make an app; its secret is shown this once
    Create {
        #[command(flatten)]
        of: Of,

        #[command(flatten)]
        settings: Settings,

        #[command(flatten)]
        keep: Keep,

        #[command(flatten)]
        key: Key,
    },
    /// List a merchant's apps, the oldest first, without their secrets
    List(Of),
    /// Change an app; what is not given stays
    #[command(group = ArgGroup::new("changes").args(CHANGES).required(true).multiple(true))]
    Change {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        of: Of,

        #[command(flatten)]
        settings: Settings,

        /// Send it no more notifications
        #[arg(long, conflicts_with = "notify_url")]
        no_notify_url: bool,

        /// Let it call again
        #[arg(long, conflicts_with = "disable")]
        enable: bool,

        /// Let it call no more
        #[arg(long)]
        disable: bool,
    },
    /// Give an app a new secret, which is shown this once; the old one stays valid for a chosen time
    Rotate {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        of: Of,

        /// How long the old secret stays valid, such as 7d, 12h or 30m, at most 90d; 0s ends all older secrets
        #[arg(long, value_name = "SPAN", value_parser = overlap)]
        overlap: u64,

        #[command(flatten)]
        keep: Keep,

        /// Do not ask before; needed where there is no terminal
        #[arg(long)]
        yes: bool,

        #[command(flatten)]
        key: Key,
    },
    /// End all secrets of an app but the newest, before a rotation's overlap is over
    EndOverlap {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        of: Of,

        /// Do not ask before; needed where there is no terminal
        #[arg(long)]
        yes: bool,

        #[command(flatten)]
        key: Key,
    },
}

/// Whose app.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// Number of the merchant
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: MerchantId,
}

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Where its notifications will go; they are not delivered yet
    #[arg(long, value_name = "URL")]
    notify_url: Option<NotifyUrl>,

    /// How it must sign; a new app signs with V2_SHA256 unless told otherwise
    #[arg(long, value_name = "SCHEME", value_parser = enum_arg::parser(&Scheme::ALL, Scheme::as_str))]
    scheme: Option<Scheme>,
}

impl App {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Create { of, settings, keep, key } => {
                let place = keep.open()?;
                let answer = client.post(&of.path(""), &settings.asked(), &key).await?;
                made(&answer, json, place, "is made")
            }
            Self::List(of) => {
                let answer = client.fetch(&of.path("")).await?;
                tell::answer(&answer, json, |apps: answers::Apps| list(&apps.items))
            }
            Self::Change { app_id, of, settings, no_notify_url, enable, disable } => {
                let asked = settings.asked();
                let asked = AppSettings {
                    notify_url: if no_notify_url { Some(None) } else { asked.notify_url },
                    enabled: (enable || disable).then_some(enable),
                    ..asked
                };
                let answer = client.patch(&of.path(&format!("/{app_id}")), &asked).await?;
                tell::answer(&answer, json, |app| say(&app, "is changed"))
            }
            Self::Rotate { app_id, of, overlap, keep, yes, key } => {
                let place = keep.open()?;
                if !yes {
                    let left = if overlap == 0 {
                        "All older ones end now".to_owned()
                    } else {
                        format!("The old one ends in {overlap} seconds")
                    };
                    let question = format!("Give {app_id} a new secret? {left}.");
                    prompt::confirm(&question, "changed").await?;
                }
                let path = of.path(&format!("/{app_id}/rotate"));
                let answer = client.post(&path, &RotateSecret { overlap_seconds: overlap }, &key).await?;
                made(&answer, json, place, "has a new secret")
            }
            Self::EndOverlap { app_id, of, yes, key } => {
                if !yes {
                    let question = format!(
                        "End all secrets of {app_id} but the newest? Calls signed with them are refused."
                    );
                    prompt::confirm(&question, "changed").await?;
                }
                let path = of.path(&format!("/{app_id}/endOverlap"));
                let answer = client.post(&path, &EndOverlap {}, &key).await?;
                tell::answer(&answer, json, |app| say(&app, "has only its newest secret"))
            }
        }
    }
}

impl Of {
    fn path(&self, rest: &str) -> String {
        format!("/merchants/{}/apps{rest}", self.merchant)
    }
}

impl Settings {
    fn asked(self) -> AppSettings {
        AppSettings { notify_url: self.notify_url.map(Some), scheme: self.scheme, enabled: None }
    }
}

/// Tells of an app that has a new secret.
fn made(answer: &[u8], json: bool, place: Option<Place>, how: &str) -> Result<()> {
    let app: answers::App = tell::shown(answer)?;
    let once = keep::Once { member: "appSecret", word: "secret", secret: app.app_secret.as_ref() };
    keep::tell(answer, json, place, once, || say(&app, how))
}

fn say(app: &answers::App, how: &str) {
    let state = if app.enabled { "" } else { ", and may not call" };
    let text = format!(
        "app {} of merchant {} {how}; it signs with {}{state}.",
        terminal::bold(&app.app_id),
        app.merchant_id,
        app.scheme
    );
    terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &text, 2);
    if let Some(until) = &app.old_secret_expires_time {
        terminal::println(format!(
            "  {}  until {}",
            terminal::dim("old secret"),
            terminal::short_time(until)
        ));
    }
    if let Some(url) = &app.notify_url {
        terminal::println(format!("  {}  {}", terminal::dim("notify"), url));
    }
}

fn list(apps: &[answers::App]) {
    let mut table =
        Table::new(["app", "scheme", "may call", "old secret until", "notifications"]).optional(&[3]);
    for app in apps {
        let may_call = if app.enabled { "yes" } else { "no" };
        let old_secret_until =
            app.old_secret_expires_time.as_deref().map(terminal::short_time).unwrap_or_default();
        let notify_url = app.notify_url.clone().unwrap_or_default();
        let row =
            [app.app_id.to_string(), app.scheme.clone(), may_call.to_owned(), old_secret_until, notify_url];
        table.row(row);
    }
    terminal::print_table(&table, "The merchant has no apps.");
}

fn overlap(text: &str) -> Result<u64, String> {
    let wrong = || "must be a span such as 7d, 1d12h or 0s (units: w, d, h, m, s), at most 90d".to_owned();
    let seconds = time_arg::duration_seconds(text).ok_or_else(wrong)?;
    (seconds <= OVERLAP_MAX_SECONDS).then_some(seconds).ok_or_else(wrong)
}
