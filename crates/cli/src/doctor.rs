//! `rebuttal doctor`: checks an installation and gives advice.

mod bucket_cors;
mod evidence_public_url;
mod public_urls;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use rebuttal_server::{Config, ExamineOptions, Finding, Severity, examine};
use serde::Serialize;

use crate::exit::Exit;
use crate::serve::open_files;
use crate::settings::{Settings, Sources, exposed_secrets, unknown_variables};
use crate::{command_tree, outcome, terminal};

/// How long a public URL may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  there are no faults; there may be warnings
  1  there are faults, which are printed, or they could not be printed
  2  usage error";

/// Check an installation and explain how to fix it
///
/// Takes the settings of `serve`, and checks everything that a gateway with them depends on: directories, keys, the
/// database and any pooler before it, the disputes' histories if there are at most 10,000, clocks, the evidence store,
/// free disk space, limits, the addresses to listen on, and whether its public URLs lead to this gateway. No data is
/// changed, and the gateway may be running. Run it with the service's settings and variables, as the service's user:
/// the first finding shows which installation was checked.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object on standard output: every finding
    #[arg(long)]
    json: bool,

    /// TOML file of settings, as for serve
    #[arg(long, env = "REBUTTAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Verify the history of every dispute; by default only if there are at most 10,000. 1,000,000 disputes take a
    /// minute or two on SQLite, and about ten on PostgreSQL
    #[arg(long)]
    histories: bool,

    /// Read every submitted evidence file and compare its hash with the recorded one; includes --histories. By default
    /// only existence and size are checked. Takes as long as a copy of all evidence
    #[arg(long)]
    evidence: bool,

    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    faults: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl DoctorArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let (settings, config) = self.settings.resolved(&self.sources, self.config.as_deref())?;
        let connections_given = settings.max_connections.is_some();
        let depth = ExamineOptions { histories: self.histories, evidence: self.evidence };
        let bar = progress_bar()?;
        let mut show = |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        };
        let mut examination = examine(&config, depth, &mut show).await;
        bar.finish_and_clear();
        let mut findings = std::mem::take(&mut examination.findings);
        let unknown = unknown_variables(&command_tree::all()).into_iter().map(|unknown| unknown.to_string());
        let warnings = unknown.chain(exposed_secrets(self.config.as_deref()));
        findings.extend(warnings.map(|warning| Finding::warning("settings", warning)));
        findings.push(check_open_files(&config, connections_given));
        let bucket = examination.bucket.take();
        findings.extend(public_urls::examine(&config, examination).await);
        findings.extend(evidence_public_url::examine(&config, bucket).await);
        findings.extend(bucket_cors::examine(&config).await);

        let count =
            |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (faults, warnings) = (count(Severity::Fault), count(Severity::Warning));
        if self.json {
            terminal::print_json(&DoctorJson { faults, warnings, findings: &findings })?;
        } else {
            findings.iter().for_each(print_finding);
            let counted = |count, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            terminal::println(match (faults, warnings) {
                (0, 0) => "\nNo problems found.".to_owned(),
                (faults, warnings) => {
                    format!("\n{}, {}.", counted(faults, "fault"), counted(warnings, "warning"))
                }
            });
        }
        outcome::finish_output(if faults == 0 { Exit::Done } else { Exit::Local })
    }
}

/// The progress of verified histories, where standard error is a terminal.
fn progress_bar() -> Result<ProgressBar> {
    let style =
        ProgressStyle::with_template("  verifying  {bar:24.green/dim} {human_pos:>11} of {human_len}")?;
    Ok(ProgressBar::new(0).with_style(style.progress_chars("━━─")))
}

fn print_finding(finding: &Finding) {
    let mark = match finding.severity {
        Severity::Ok => terminal::ok_mark(),
        Severity::Warning => terminal::warn_mark(),
        Severity::Fault => terminal::fail_mark(),
    };
    terminal::println(format!("{mark} {}", terminal::bold(finding.check)));
    terminal::println(terminal::wrap(
        "  ",
        &terminal::sanitize(&finding.message),
        2,
        terminal::stdout_width(),
    ));
}

fn check_open_files(config: &Config, connections_given: bool) -> Finding {
    const CHECK: &str = "open files";
    match open_files::check(config, connections_given) {
        Ok(None) => Finding::ok(CHECK, "this process may open as many files as its connections need"),
        Ok(Some(message)) => Finding::warning(CHECK, message),
        Err(error) => Finding::fault(CHECK, error.to_string()),
    }
}
