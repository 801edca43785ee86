//! `rebuttal verify`: whether a request's signature is valid, and if not, which mistake explains it. Nothing is sent.

mod bodies;
mod compare;
mod header;
mod json;
mod json_writers;
mod mistakes;
mod numbers;
mod report;
mod request;
mod search;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::access::MerchantAccess;
use crate::exit::Exit;
use crate::sign::{BodyArgs, read_file};
use crate::signing::arguments::{self, SentUrl};
use crate::signing::{SecretRedactor, SignedBytes};
use crate::{profile, usage};
use mistakes::{OtherProfile, SearchContext};
use report::{Verdict, VerifyReport};
use request::CheckedRequest;
use search::SearchResult;

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
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
#[command(after_help = EXIT_CODES)]
pub(crate) struct Verify {
    /// Absolute URL that the request was sent to, with its query
    #[arg(value_name = "URL")]
    sent_to: SentUrl,

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
    access: MerchantAccess,
}

impl Verify {
    pub(crate) fn run(self) -> Result<Exit> {
        if self.signed_bytes.as_deref() == Some(Path::new("-")) && self.body.is_standard_input() {
            return Err(usage::error(
                "--body-file and --signed-bytes cannot both be standard input; give one of them as a file",
            ));
        }
        let given = self.access.resolve()?;
        let redactor = SecretRedactor::new(given.secret.as_ref(), self.show_secret);
        let secret = given.secret.as_ref().map(|held| held.text.expose());
        let header = match header::read(&self.authorization, secret) {
            Ok(header) => header,
            Err(faults) => return self.print(&redactor, &VerifyReport::malformed(faults)),
        };
        let Some(body) = self.body.read_bounded()? else {
            return self.print(&redactor, &VerifyReport::too_long());
        };
        let request = CheckedRequest::of(header, &given, &redactor, &self.sent_to, &self.method, &body)?;
        let expected = request.expected_bytes(request.header.scheme);
        let mut findings = request.findings.clone();
        let verdict = self.find_verdict(&request, &expected, &mut findings)?;
        if let Some(path) = &self.signed_bytes {
            let hashed = read_file(path, "the signed bytes")?;
            let sign = request.header.sign.to_string();
            findings.extend(compare::differences(&expected, &hashed, &sign, &redactor));
        }
        self.print(
            &redactor,
            &VerifyReport::of(&request, verdict, &expected, findings, self.signed_bytes.is_some()),
        )
    }

    fn find_verdict(
        &self,
        request: &CheckedRequest<'_>,
        expected: &SignedBytes,
        findings: &mut Vec<String>,
    ) -> Result<Verdict> {
        if request.verifies() {
            return Ok(Verdict::Valid);
        }
        if request.verifies_where_sent() {
            return Ok(Verdict::ValidForSentUrl);
        }
        if self.body.is_left_out() {
            findings.push("no body was given, so it is taken to be {}: give it with --body-file".to_owned());
        }
        let swapped = request.app_id_is_the_secret();
        Ok(match self.search(request, expected)? {
            SearchResult::Found(mistakes) => {
                Verdict::Explained(swapped.into_iter().chain(mistakes).collect())
            }
            _ if swapped.is_some() => Verdict::Explained(swapped.into_iter().collect()),
            SearchResult::NotFound => Verdict::Unexplained,
            SearchResult::BudgetExhausted => {
                findings
                    .push("not every pair of mistakes was tried: the body is too long for that".to_owned());
                Verdict::Unexplained
            }
        })
    }

    /// Searches for the mistakes that together explain the signature.
    fn search(&self, request: &CheckedRequest<'_>, expected: &SignedBytes) -> Result<SearchResult> {
        let others = profile::read_all()?.map(|(profile, held)| OtherProfile {
            profile,
            url: held.url.filter(|url| *url != request.base_url),
            app_id: held.app_id.filter(|app_id| *app_id != request.header.app_id),
            secret: held.app_secret.filter(|secret| secret.expose() != request.secret.expose()),
        });
        let context = SearchContext {
            sent_to: &self.sent_to,
            base_url: request.base_url.as_str(),
            target: &request.target,
            secret: request.secret.expose(),
            app_id: request.given_app_id.unwrap_or(request.header.app_id),
            others: others.collect(),
        };
        Ok(search::search(expected, &mistakes::all(expected, &context), &request.header.sign.to_string()))
    }

    fn print(&self, redactor: &SecretRedactor, report: &VerifyReport) -> Result<Exit> {
        report.print(redactor, self.json)?;
        redactor.finish(report.exit())
    }
}
