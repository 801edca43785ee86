//! `rebuttal operator app`.

use anyhow::Result;
use clap::ArgGroup;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::{
    AppSettings, EndOverlap, NotifyUrl, OVERLAP_MAX_SECONDS, RotateSecret, answers,
};
use rebuttal_client::{AppId, Scheme};

use super::client::OperatorClient;
use super::idempotency_key::IdempotencyKeyArg;
use super::output;
use super::secret_output::{self, SecretFile, SecretFileArg};
use crate::prompt::ConfirmArg;
use crate::terminal::{self, Table};
use crate::{enum_arg, time_arg};

/// The options of `change`, of which one is needed.
const CHANGES: [&str; 5] = ["notify_url", "no_notify_url", "scheme", "enable", "disable"];

#[derive(Debug, clap::Subcommand)]
pub(super) enum AppCommand {
    /// Create an app; its secret is shown only once
    Create {
        #[command(flatten)]
        merchant: MerchantArg,

        #[command(flatten)]
        settings: AppSettingsArgs,

        #[command(flatten)]
        secret_file: SecretFileArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// List a merchant's apps, the oldest first, without their secrets
    List(MerchantArg),
    /// Change an app; options that are not given leave their setting unchanged
    #[command(group = ArgGroup::new("changes").args(CHANGES).required(true).multiple(true))]
    Change {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        merchant: MerchantArg,

        #[command(flatten)]
        settings: AppSettingsArgs,

        /// Remove the app's notification address
        #[arg(long, conflicts_with = "notify_url")]
        no_notify_url: bool,

        /// Enable the app
        #[arg(long, conflicts_with = "disable")]
        enable: bool,

        /// Disable the app: its calls are refused
        #[arg(long)]
        disable: bool,
    },
    /// Create a new secret for an app, shown only once; the old one stays valid for the overlap
    Rotate {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        merchant: MerchantArg,

        /// How long the old secret stays valid, such as 7d, 12h or 30m, at most 90d; 0s ends all older secrets
        #[arg(long, value_name = "DURATION", value_parser = overlap)]
        overlap: u64,

        #[command(flatten)]
        secret_file: SecretFileArg,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// End an overlap early: all secrets of the app but the newest become invalid
    EndOverlap {
        /// The app's id
        #[arg(value_name = "APP_ID")]
        app_id: AppId,

        #[command(flatten)]
        merchant: MerchantArg,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
}

/// The merchant of the app.
#[derive(Debug, clap::Args)]
pub(super) struct MerchantArg {
    /// Number of the merchant
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: MerchantId,
}

#[derive(Debug, clap::Args)]
pub(super) struct AppSettingsArgs {
    /// Address for notifications, which are not delivered yet
    #[arg(long, value_name = "URL")]
    notify_url: Option<NotifyUrl>,

    /// Signature scheme that the app must use; V2_SHA256 by default for a new app
    #[arg(long, value_name = "SCHEME", value_parser = enum_arg::parser(&Scheme::ALL, Scheme::as_str))]
    scheme: Option<Scheme>,
}

impl AppCommand {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Create { merchant, settings, secret_file, key } => {
                let secret_file = secret_file.open()?;
                let answer = client.post(&merchant.path(""), &settings.request(), &key).await?;
                print_created(&answer, json, secret_file, "is created")
            }
            Self::List(merchant) => {
                let answer = client.fetch(&merchant.path("")).await?;
                output::print_answer(&answer, json, |apps: answers::Apps| list(&apps.items))
            }
            Self::Change { app_id, merchant, settings, no_notify_url, enable, disable } => {
                let request = settings.request();
                let request = AppSettings {
                    notify_url: if no_notify_url { Some(None) } else { request.notify_url },
                    enabled: (enable || disable).then_some(enable),
                    ..request
                };
                let answer = client.patch(&merchant.path(&format!("/{app_id}")), &request).await?;
                output::print_answer(&answer, json, |app| print_app(&app, "is changed"))
            }
            Self::Rotate { app_id, merchant, overlap, secret_file, confirm, key } => {
                let secret_file = secret_file.open()?;
                let left = match overlap {
                    0 => "All older ones end now".to_owned(),
                    _ => format!("The old one ends in {overlap} seconds"),
                };
                confirm.ask(&format!("Give {app_id} a new secret? {left}."), "changed").await?;
                let path = merchant.path(&format!("/{app_id}/rotate"));
                let answer = client.post(&path, &RotateSecret { overlap_seconds: overlap }, &key).await?;
                print_created(&answer, json, secret_file, "has a new secret")
            }
            Self::EndOverlap { app_id, merchant, confirm, key } => {
                let question = format!(
                    "End all secrets of {app_id} but the newest? Calls signed with them are refused."
                );
                confirm.ask(&question, "changed").await?;
                let path = merchant.path(&format!("/{app_id}/endOverlap"));
                let answer = client.post(&path, &EndOverlap {}, &key).await?;
                output::print_answer(&answer, json, |app| print_app(&app, "has only its newest secret"))
            }
        }
    }
}

impl MerchantArg {
    fn path(&self, rest: &str) -> String {
        format!("/merchants/{}/apps{rest}", self.merchant)
    }
}

impl AppSettingsArgs {
    fn request(self) -> AppSettings {
        AppSettings { notify_url: self.notify_url.map(Some), scheme: self.scheme, enabled: None }
    }
}

/// Prints an app that has a new secret.
fn print_created(answer: &[u8], json: bool, secret_file: Option<SecretFile>, how: &str) -> Result<()> {
    let answers::NewApp { app, app_secret } = output::parse_sanitized(answer)?;
    let member = secret_output::SecretMember { member: "appSecret", label: "secret", secret: &app_secret };
    secret_output::print_answer(answer, json, secret_file, member, || print_app(&app, how))
}

fn print_app(app: &answers::App, how: &str) {
    let state = if app.enabled { "" } else { ", and is disabled" };
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
    let wrong =
        || "must be a duration such as 7d, 1d12h or 0s (units: w, d, h, m, s), at most 90d".to_owned();
    let seconds = time_arg::duration_seconds(text).ok_or_else(wrong)?;
    (seconds <= OVERLAP_MAX_SECONDS).then_some(seconds).ok_or_else(wrong)
}
