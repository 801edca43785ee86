//! `rebuttal verify`: whether a request's sign is right, and if not, which mistake made it. Nothing is sent.

mod bodies;
mod case;
mod compare;
mod header;
mod json;
mod mistakes;
mod numbers;
mod report;
mod search;
mod writers;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::access::Access;
use crate::exit::Exit;
use crate::sign::{BodyArgs, read_file};
use crate::signing::arguments::{self, SentTo};
use crate::signing::{Draft, Voice};
use crate::{profile, usage};
use case::Case;
use mistakes::{Other, Seen};
use report::{Report, Verdict};
use search::Search;

/// The codes, as `--help` tells them.
const EXITS: &str = "\
Exit codes:
  0  the sign is right, and nothing beside it is known to be refused
  1  a file or a setting on this side
  2  wrong usage
  3  the gateway refuses the request: the header, the sign or what is beside it; what was found is told
  4  the sign is right for the URL that it was sent to, and the gateway's URL given here is another";

/// Find out why a request's signature is refused
///
/// Give the request as it was sent. If its sign is not right, the usual mistakes are tried, also two at once: another
/// URL, an LF too many or too few, a body written anew, the secret with white space or of another profile, the wrong
/// scheme. The one that makes this sign is named. Nothing is sent.
///
/// With REBUTTAL_URL, --url or a profile, the URL is compared with the gateway's own base URL.
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Verify {
    /// Absolute URL that the request was sent to, with its query
    #[arg(value_name = "URL")]
    sent_to: SentTo,

    /// Value of the request's Authorization header
    #[arg(long, value_name = "HEADER")]
    authorization: String,

    #[command(flatten)]
    body: BodyArgs,

    /// Method, as sent
    #[arg(long, value_name = "METHOD", default_value = "POST", value_parser = arguments::method)]
    method: String,

    /// File with the bytes that the signer hashed, to be compared value by value; - is standard input
    #[arg(long, value_name = "FILE")]
    signed_bytes: Option<PathBuf>,

    /// Show the secret in the signed bytes
    #[arg(long)]
    show_secret: bool,

    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

impl Verify {
    pub(crate) fn run(self) -> Result<Exit> {
        if self.signed_bytes.as_deref() == Some(Path::new("-")) && self.body.is_standard_input() {
            return Err(usage::wrong(
                "--body-file and --signed-bytes cannot both be standard input; give one of them as a file",
            ));
        }
        let given = self.access.resolve()?;
        let voice = Voice::of(given.secret.as_ref(), self.show_secret);
        let secret = given.secret.as_ref().map(|held| held.text.expose());
        let header = match header::read(&self.authorization, secret) {
            Ok(header) => header,
            Err(faults) => return self.tell(&voice, &Report::malformed(faults)),
        };
        let Some(body) = self.body.read_bounded()? else { return self.tell(&voice, &Report::too_long()) };
        let case = Case::of(header, &given, &voice, &self.sent_to, &self.method, &body)?;
        let draft = case.draft(case.header.scheme);
        let mut findings = case.findings.clone();
        let verdict = self.judge(&case, &draft, &mut findings)?;
        if let Some(path) = &self.signed_bytes {
            let hashed = read_file(path, "the signed bytes")?;
            let sign = case.header.sign.to_string();
            findings.extend(compare::differences(&draft, &hashed, &sign, &voice));
        }
        self.tell(&voice, &Report::of(&case, verdict, &draft, findings, self.signed_bytes.is_some()))
    }

    fn judge(&self, case: &Case<'_>, draft: &Draft, findings: &mut Vec<String>) -> Result<Verdict> {
        if case.verifies() {
            return Ok(Verdict::Right);
        }
        if case.verifies_where_sent() {
            return Ok(Verdict::RightWhereSent);
        }
        if self.body.is_left_out() {
            findings.push("no body was given, so it is taken to be {}: give it with --body-file".to_owned());
        }
        let swapped = case.app_id_is_the_secret();
        Ok(match self.search(case, draft)? {
            Search::Found(mistakes) => Verdict::Mistaken(swapped.into_iter().chain(mistakes).collect()),
            _ if swapped.is_some() => Verdict::Mistaken(swapped.into_iter().collect()),
            Search::Nothing => Verdict::Unexplained,
            Search::GivenUp => {
                findings
                    .push("not every pair of mistakes was tried: the body is too long for that".to_owned());
                Verdict::Unexplained
            }
        })
    }

    /// The mistakes that together make the sign.
    fn search(&self, case: &Case<'_>, right: &Draft) -> Result<Search> {
        let others = profile::read_all()?.map(|(profile, held)| Other {
            profile,
            url: held.url.filter(|url| *url != case.base_url),
            app_id: held.app_id.filter(|app_id| *app_id != case.header.app_id),
            secret: held.app_secret.filter(|secret| secret.expose() != case.secret.expose()),
        });
        let seen = Seen {
            sent_to: &self.sent_to,
            base_url: case.base_url.as_str(),
            target: &case.target,
            secret: case.secret.expose(),
            app_id: case.given_app_id.unwrap_or(case.header.app_id),
            others: others.collect(),
        };
        Ok(search::search(right, &mistakes::all(right, &seen), &case.header.sign.to_string()))
    }

    fn tell(&self, voice: &Voice, report: &Report) -> Result<Exit> {
        report.tell(voice, self.json)?;
        voice.ended(report.exit())
    }
}
