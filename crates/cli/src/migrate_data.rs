//! `rebuttal move`: migrates a stopped gateway's data to PostgreSQL and S3.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use rebuttal_evidence::Place;
use rebuttal_server::{
    DataMigrationError, EvidenceLocation, Location, Migration, MigrationProgress, MigrationReport,
};
use serde::Serialize;

use crate::exit::Exit;
use crate::outcome::{self, OutcomeJson};
use crate::settings::{Secret, evidence, without_password};
use crate::{prompt, signals, terminal};

/// How often the progress bar is redrawn where the total is not known.
const SPINNER_INTERVAL: Duration = Duration::from_millis(120);

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  everything is moved
  1  it did not come to its end, and why is told; the same command goes on where it stopped, unless the gateway has
     served meanwhile
  2  wrong usage
  7  moved as with 0, but what to start with could not be written to standard output";

/// Move a gateway's database to PostgreSQL, its evidence to an S3, or both
///
/// Stop the gateway first: a move refuses while it serves. What was broken off goes on where it stopped when the same
/// command is run again, as long as the gateway has not served meanwhile. Everything is counted and hashed on both
/// sides before anything is switched over; until then the gateway can be started again as it was, and a move of its
/// database must then be begun anew, into a new one. What was moved stays where it was, to be deleted when you are
/// sure.
///
/// The credentials of an S3 come from the AWS_… variables.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct MigrateData {
    /// Folder of the gateway's data
    #[arg(long, env = "REBUTTAL_DATA", value_name = "DIR", default_value = "rebuttal-data")]
    data: PathBuf,

    /// File of the master key [default: master.key in the data directory]
    #[arg(long, env = "REBUTTAL_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    /// Database that served so far, sqlite:PATH [default: rebuttal.db in the data directory]
    #[arg(long, value_name = "URL")]
    from: Option<Secret>,

    /// Empty database to move into, postgres://USER:PASSWORD@HOST/DATABASE; a flag is seen by every user of the
    /// machine, so prefer the variable where it holds a password
    #[arg(long, env = "REBUTTAL_MOVE_TO", value_name = "URL")]
    to: Option<Secret>,

    /// Folder that held the evidence so far, file:///FOLDER [default: evidence in the data directory]
    #[arg(long, value_name = "URL")]
    evidence_from: Option<String>,

    /// S3 to move the evidence into, s3://bucket?endpoint=https://…&region=…&path_style=true
    #[arg(long, value_name = "URL")]
    evidence_to: Option<String>,

    /// Go on where files are missing that the database knows of; each is told
    #[arg(long)]
    skip_missing: bool,

    /// Do not ask before moving; needed where there is no terminal
    #[arg(long)]
    yes: bool,

    /// Print one JSON object on standard output: what was moved, with counts and hashes
    #[arg(long)]
    json: bool,
}

/// The object that `--json` prints: the outcome with the members of `moved`.
#[derive(Serialize)]
struct MoveJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    #[serde(flatten)]
    moved: Option<&'a MigrationReport>,
}

impl MigrateData {
    pub(crate) async fn run(self) -> Result<Exit> {
        let result = self.migrate().await;
        outcome::finish(
            &result,
            self.json.then(|| MoveJson {
                outcome: OutcomeJson::from_result(&result),
                moved: result.as_ref().ok(),
            }),
            |moved| self.print(moved),
            |error| terminal::eprint_error(&terminal::causes(error)),
            |error| {
                terminal::eprint_error(&format!(
                    "it is moved, but that could not be written to standard output: {error}"
                ));
            },
        )
    }

    async fn migrate(&self) -> Result<MigrationReport> {
        let migration = self.migration()?;
        let mut stop = pin!(signals::stop()?);
        if !self.yes {
            prompt::confirm(&self.question(), "moved").await?;
        }
        let progress_display = ProgressDisplay::new()?;
        let moved = tokio::select! {
            moved = migration.run(|progress| progress_display.show(progress)) => moved,
            () = &mut stop => bail!(
                "interrupted: run it again to go on where it stopped. Once a gateway has served from the old database, a \
                 move of it must be begun anew, into a new one"
            ),
        };
        progress_display.0.finish_and_clear();
        moved.map_err(|error| match error.downcast_ref() {
            Some(DataMigrationError::DataMigrated(_)) => error,
            _ => error.context("the move did not come to its end"),
        })
    }

    fn migration(&self) -> Result<Migration> {
        let location = |url: &Option<Secret>, name: &'static str| {
            url.as_ref().map(|url| url.expose().parse::<Location>().context(name)).transpose()
        };
        let evidence_from = match self.evidence_from.as_deref() {
            Some(url) => match url.parse().context("--evidence-from")? {
                Place::Folder(folder) => Some(folder),
                Place::Bucket(_) => bail!("--evidence-from must be file:///FOLDER"),
            },
            None => None,
        };
        let evidence_to = match self.evidence_to.as_deref() {
            Some(url) => match evidence(Some(url), None).context("--evidence-to")? {
                Some(bucket @ EvidenceLocation::Bucket { .. }) => Some(bucket),
                _ => bail!("--evidence-to must be s3://bucket"),
            },
            None => None,
        };
        if self.to.is_none() && evidence_to.is_none() {
            bail!("there is nothing to move: pass --to, --evidence-to, or both");
        }
        Ok(Migration {
            data_dir: self.data.clone(),
            master_key_file: self.master_key_file.clone(),
            from: location(&self.from, "--from")?,
            to: location(&self.to, "--to")?,
            evidence_from,
            evidence_to,
            skip_missing: self.skip_missing,
        })
    }

    fn question(&self) -> String {
        let what = match (&self.to, &self.evidence_to) {
            (Some(_), Some(_)) => "the database and the evidence",
            (Some(_), None) => "the database",
            _ => "the evidence",
        };
        format!("Move {what} of {}?", self.data.display())
    }

    fn print(&self, moved: &MigrationReport) {
        if let Some(files) = &moved.files {
            let (count, bytes) = (HumanCount(files.files), HumanBytes(files.bytes));
            terminal::println(format!(
                "{} {count} files, {bytes}, sealed in the S3 and read back",
                terminal::ok_mark()
            ));
            for address in &files.missing {
                terminal::eprint_warning(&format!("{address} is missing and was left out"));
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
