//! `rebuttal operator app`.

use anyhow::Result;
use clap::ArgGroup;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::{NotifyUrl, OVERLAP_MAX_SECONDS};
use rebuttal_client::{AppId, Scheme};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::keep::{self, Keep, Place};
use super::key::Key;
use super::tell;
use crate::ask;
use crate::look::{self, Table};
use crate::settings::Secret;
use crate::{span, words};

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
    /// Give an app a new secret, which is shown this once; the old one stays valid for a while
    Rotate {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        of: Of,

        /// How long the old secret stays valid, such as 7d, 12h, 30m or 0s; at most 90d
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
    #[arg(long, value_name = "SCHEME", value_parser = words::of(&Scheme::ALL, Scheme::as_str))]
    scheme: Option<Scheme>,
}

/// An app as the API tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    app_id: String,
    app_secret: Option<Secret>,
    merchant_id: u32,
    notify_url: Option<String>,
    scheme: String,
    enabled: bool,
    /// Until when the secret before the last rotation verifies, too; a gateway of an older version does not tell.
    old_secret_expires_time: Option<String>,
}

#[derive(Deserialize)]
struct Apps {
    items: Vec<Told>,
}

impl App {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Create { of, settings, keep, key } => {
                let place = keep.open()?;
                let body = Value::Object(settings.members());
                let answer = client.post(&of.path(""), &body, &key).await?;
                made(&answer, json, place, "is made")
            }
            Self::List(of) => {
                let answer = client.fetch(&of.path("")).await?;
                tell::answer(&answer, json, |apps: Apps| list(&apps.items))
            }
            Self::Change { app_id, of, settings, no_notify_url, enable, disable } => {
                let mut members = settings.members();
                if no_notify_url {
                    members.insert("notifyUrl".to_owned(), Value::Null);
                }
                if enable || disable {
                    members.insert("enabled".to_owned(), enable.into());
                }
                let path = of.path(&format!("/{app_id}"));
                let answer = client.patch(&path, &Value::Object(members)).await?;
                tell::answer(&answer, json, |told: Told| say(&told, "is changed"))
            }
            Self::Rotate { app_id, of, overlap, keep, yes, key } => {
                let place = keep.open()?;
                if !yes {
                    let left = if overlap == 0 {
                        "ends now".to_owned()
                    } else {
                        format!("ends in {overlap} seconds")
                    };
                    let question = format!("Give {app_id} a new secret? The old one {left}.");
                    ask::confirm(&question, "changed").await?;
                }
                let path = of.path(&format!("/{app_id}/rotate"));
                let answer = client.post(&path, &json!({ "overlapSeconds": overlap }), &key).await?;
                made(&answer, json, place, "has a new secret")
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
    fn members(&self) -> Map<String, Value> {
        let notify_url = self.notify_url.as_ref().map(|url| ("notifyUrl".to_owned(), url.as_str().into()));
        let scheme = self.scheme.map(|scheme| ("scheme".to_owned(), scheme.as_str().into()));
        [notify_url, scheme].into_iter().flatten().collect()
    }
}

/// Tells of an app that has a new secret.
fn made(answer: &[u8], json: bool, place: Option<Place>, how: &str) -> Result<()> {
    let told: Told = tell::shown(answer)?;
    let once = keep::Once { member: "appSecret", word: "secret", secret: told.app_secret.as_ref() };
    keep::tell(answer, json, place, once, || say(&told, how))
}

fn say(told: &Told, how: &str) {
    let state = if told.enabled { "" } else { ", and may not call" };
    let text = format!(
        "app {} of merchant {} {how}; it signs with {}{state}.",
        look::strong(&told.app_id),
        told.merchant_id,
        told.scheme
    );
    look::say_after(&format!("{} ", look::tick()), &text, 2);
    if let Some(until) = &told.old_secret_expires_time {
        look::say(format!("  {}  until {}", look::faint("old secret"), look::moment(until)));
    }
    if let Some(url) = &told.notify_url {
        look::say(format!("  {}  {}", look::faint("notify"), url));
    }
}

fn list(apps: &[Told]) {
    let mut table = Table::new(["app", "scheme", "may call", "old secret until", "notifications"]).rare(&[3]);
    for app in apps {
        let may_call = if app.enabled { "yes" } else { "no" };
        let old_secret_until = app.old_secret_expires_time.as_deref().map(look::moment).unwrap_or_default();
        let notify_url = app.notify_url.clone().unwrap_or_default();
        let row = [app.app_id.clone(), app.scheme.clone(), may_call.to_owned(), old_secret_until, notify_url];
        table.row(row);
    }
    look::say_table(&table, "The merchant has no apps.");
}

fn overlap(text: &str) -> Result<u64, String> {
    let wrong = || "must be a span such as 7d, 1d12h or 0s (units: w, d, h, m, s), at most 90d".to_owned();
    let seconds = span::seconds(text).ok_or_else(wrong)?;
    (seconds <= OVERLAP_MAX_SECONDS).then_some(seconds).ok_or_else(wrong)
}
