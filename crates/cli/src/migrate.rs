//! `rebuttal migrate`: migrates a stopped gateway's data to PostgreSQL and S3.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use rebuttal_evidence::StorageLocation;
use rebuttal_server::{
    DataMigrationError, EvidenceLocation, Location, Migration, MigrationProgress, MigrationReport,
};
use serde::Serialize;

use crate::exit::Exit;
use crate::outcome::{self, OutcomeJson};
use crate::settings::{Secret, aws_variables, without_password};
use crate::{prompt, signals, terminal, usage};

/// How often the progress bar is redrawn if the total is unknown.
const SPINNER_INTERVAL: Duration = Duration::from_millis(120);

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  the migration is complete
  1  the migration failed; the same command continues where it stopped, unless the gateway has served requests since
  2  usage error
  7  the migration is complete, but the output could not be written";

/// Migrate a gateway's database to PostgreSQL, its evidence to S3, or both
///
/// Stop the gateway first; the migration refuses to start while the gateway runs. An interrupted migration continues
/// where it stopped when the same command is run again, unless the gateway has served requests since. All rows and
/// files are counted and hashed on both sides before the gateway is switched over. Until then the gateway can be
/// started again on its old data; a migration of its database must then start over, into a new database. The old data
/// are kept; delete them when you no longer need them.
///
/// S3 credentials come from the AWS_… variables.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MigrateArgs {
    /// Folder of the gateway's data
    #[arg(long, env = "REBUTTAL_DATA", value_name = "DIR", default_value = "rebuttal-data")]
    data: PathBuf,

    /// File of the master key [default: master.key in the data directory]
    #[arg(long, env = "REBUTTAL_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    /// Current database, sqlite:PATH [default: rebuttal.db in the data directory]
    #[arg(long, value_name = "URL")]
    from: Option<Secret>,

    /// Empty database to migrate to, postgres://USER:PASSWORD@HOST/DATABASE; every user of the machine
    /// can see a flag, so prefer the variable for a URL with a password
    #[arg(long, env = "REBUTTAL_MIGRATE_TO", value_name = "URL")]
    to: Option<Secret>,

    /// Current evidence folder, file:///FOLDER [default: evidence in the data directory]
    #[arg(long, value_name = "URL")]
    evidence_from: Option<String>,

    /// S3 bucket to migrate the evidence to, s3://bucket?endpoint=https://…&region=…&path_style=true
    #[arg(long, value_name = "URL")]
    evidence_to: Option<String>,

    /// Continue when files that the database lists are missing; each is reported
    #[arg(long)]
    skip_missing: bool,

    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,

    /// Print one JSON object on standard output: what was migrated, with counts and hashes
    #[arg(long)]
    json: bool,
}

/// The object that `--json` prints: the outcome with the members of `moved`.
#[derive(Serialize)]
struct MigrationJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    #[serde(flatten)]
    moved: Option<&'a MigrationReport>,
}

/// The migration ended before it switched over.
#[derive(Debug, thiserror::Error)]
#[error("the migration failed")]
struct MigrationFailed;

/// What to do after a migration that was not switched over.
fn next_step(error: &anyhow::Error) -> Option<&'static str> {
    error.is::<MigrationFailed>().then_some(
        "Nothing was switched over, and the gateway can still serve its old data. Fix the cause, and run the same command \
         again.",
    )
}

impl MigrateArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let result = self.migrate().await;
        outcome::finish(
            &result,
            self.json.then(|| MigrationJson {
                outcome: match &result {
                    Ok(_) => OutcomeJson::done(None),
                    Err(error) => OutcomeJson::failed(error, next_step(error).map(str::to_owned)),
                },
                moved: result.as_ref().ok(),
            }),
            |moved| self.print(moved),
            |error| {
                terminal::eprint_error(&terminal::causes(error));
                next_step(error).into_iter().for_each(terminal::eprint_hint);
            },
            |error| {
                terminal::eprint_error(&format!(
                    "the migration is complete, but the output could not be written: {error}"
                ));
            },
        )
    }

    async fn migrate(&self) -> Result<MigrationReport> {
        let migration = self.migration()?;
        let mut stop = pin!(signals::stop()?);
        if !self.yes {
            prompt::confirm(&self.question(), "migrated").await?;
        }
        let progress_display = ProgressDisplay::new()?;
        let moved = tokio::select! {
            moved = migration.run(|progress| progress_display.show(progress)) => moved,
            () = &mut stop => bail!(
                "interrupted; run the same command again to continue. Once a gateway has served requests from the old \
                 database, its migration must start over, into a new database"
            ),
        };
        progress_display.0.finish_and_clear();
        moved.map_err(|error| match error.downcast_ref() {
            Some(DataMigrationError::DataMigrated(_)) => error,
            _ => error.context(MigrationFailed),
        })
    }

    fn migration(&self) -> Result<Migration> {
        if self.to.is_none() && self.evidence_to.is_none() {
            return Err(usage::error("there is nothing to migrate: pass --to, --evidence-to, or both"));
        }
        let bucket = |url: &str| match url.parse()? {
            StorageLocation::Bucket(bucket) => {
                Ok(EvidenceLocation::Bucket { bucket, public: None, variables: aws_variables() })
            }
            StorageLocation::Folder(_) => bail!("must be s3://bucket"),
        };
        let folder = |url: &str| match url.parse()? {
            StorageLocation::Folder(folder) => Ok(folder),
            StorageLocation::Bucket(_) => bail!("must be file:///FOLDER"),
        };
        let sqlite = |url: &str| match url.parse() {
            Ok(from @ Location::Sqlite(_)) => Ok(from),
            Err(error) if url.starts_with("sqlite:") => Err(error.into()),
            _ => bail!("must be sqlite:PATH"),
        };
        let postgres = |url: &str| match url.parse() {
            Ok(to @ Location::Postgres(_)) => Ok(to),
            Err(error) if url.starts_with("postgres") => Err(error.into()),
            _ => bail!("must be postgres://USER:PASSWORD@HOST/DATABASE"),
        };
        Ok(Migration {
            data_dir: self.data.clone(),
            master_key_file: self.master_key_file.clone(),
            from: flag("--from", self.from.as_ref().map(Secret::expose), sqlite)?,
            to: flag("--to", self.to.as_ref().map(Secret::expose), postgres)?,
            evidence_from: flag("--evidence-from", self.evidence_from.as_deref(), folder)?,
            evidence_to: flag("--evidence-to", self.evidence_to.as_deref(), bucket)?,
            skip_missing: self.skip_missing,
        })
    }

    fn question(&self) -> String {
        let what = match (&self.to, &self.evidence_to) {
            (Some(_), Some(_)) => "the database and the evidence",
            (Some(_), None) => "the database",
            _ => "the evidence",
        };
        format!("Migrate {what} of {}?", self.data.display())
    }

    fn print(&self, moved: &MigrationReport) {
        if let Some(files) = &moved.files {
            let (count, bytes) = (HumanCount(files.files), HumanBytes(files.bytes));
            terminal::println(format!(
                "{} {count} files, {bytes}, stored in S3 and read back",
                terminal::ok_mark()
            ));
            for address in &files.missing {
                terminal::eprint_warning(&format!("{address} is missing and was skipped"));
            }
        }
        for table in moved.tables.iter().flatten() {
            let (rows, hash) = (HumanCount(table.rows), table.sha256.get(..16).unwrap_or_default());
            terminal::println(format!(
                "{} {:<16} {rows:>12} rows  {}",
                terminal::ok_mark(),
                table.name,
                terminal::dim(hash)
            ));
        }
        let mut settings = String::new();
        if let Some(to) = &self.to {
            settings.push_str(&format!("\n  database_url = \"{}\"", without_password(to.expose())));
        }
        if let Some(to) = &self.evidence_to {
            settings.push_str(&format!("\n  evidence_url = \"{to}\""));
        }
        terminal::println(format!("\nStart the gateway with{settings}\nand the same master key."));
    }
}

/// The value of a flag, or a usage error that names the flag.
fn flag<T>(name: &str, url: Option<&str>, parse: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    let named = |error| usage::error(format!("{name}: {}", terminal::causes(&error)));
    url.map(|url| parse(url).map_err(named)).transpose()
}

/// A progress bar, where standard error is a terminal.
struct ProgressDisplay(ProgressBar);

impl ProgressDisplay {
    fn new() -> Result<Self> {
        let style = ProgressStyle::with_template(
            "  {prefix:10} {msg:16} {progress_display:24.green/dim} {human_pos:>11} of {human_len}",
        )?;
        let progress_display = ProgressBar::new(0).with_style(style.progress_chars("━━─"));
        progress_display.enable_steady_tick(SPINNER_INTERVAL);
        Ok(Self(progress_display))
    }

    fn show(&self, progress: MigrationProgress) {
        self.0.set_prefix(progress.doing);
        self.0.set_message(progress.what);
        self.0.set_length(progress.of.unwrap_or(progress.done));
        self.0.set_position(progress.done);
    }
}
