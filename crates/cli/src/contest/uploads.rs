//! Uploads the files, with a progress bar for each where standard error is a terminal.

use std::io::IsTerminal as _;

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rebuttal_client::{Client, DisputeNo, PreparedContest};

use super::pieces::{EvidencePiece, PieceSource};
use crate::terminal;

/// Columns of the name before a progress bar.
const NAME_WIDTH: usize = 22;

/// Uploads the files that are not uploaded yet.
pub(super) async fn upload(
    client: &Client,
    dispute_no: DisputeNo,
    pieces: Vec<EvidencePiece>,
) -> Result<PreparedContest> {
    // Draws nothing where standard error is not a terminal.
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(
        "  {prefix:22!} {bar:20.green/dim} {decimal_bytes:>9} of {decimal_total_bytes}",
    )?
    .progress_chars("━━─");
    let mut contest = client.contest(dispute_no);
    let mut per_piece: Vec<Option<ProgressBar>> = Vec::with_capacity(pieces.len());
    for EvidencePiece { evidence_type, name, source } in pieces {
        let name = name.as_str();
        (contest, _) = match source {
            PieceSource::Uploaded(address) => {
                per_piece.push(None);
                (contest.uploaded(evidence_type, address).named(name), ())
            }
            PieceSource::File(file) => {
                let bar = ProgressBar::new(file.content().len() as u64).with_style(style.clone());
                let shown: String = terminal::sanitize(name).chars().take(NAME_WIDTH).collect();
                per_piece.push(Some(bars.add(bar.with_prefix(shown))));
                (contest.evidence(evidence_type, file).named(name), ())
            }
        };
    }
    let shown = per_piece.clone();
    let contest = contest.on_progress(move |progress| {
        if let Some(Some(bar)) = shown.get(progress.index) {
            bar.set_position(progress.sent_bytes);
        }
    });
    let submission = contest.upload().await;
    for bar in per_piece.iter().flatten() {
        if submission.is_ok() { bar.finish() } else { bar.abandon() }
    }
    let submission = submission?;
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    Ok(submission)
}
