//! `rebuttal verify`: whether a request's signature is valid, and if not, which usual mistake explains it. Nothing is
//! sent.

mod header;
mod mistakes;
mod report;
mod request;

use anyhow::Result;

use crate::access::MerchantAccess;
use crate::exit::Exit;
use crate::profiles;
use crate::sign::BodyArgs;
use crate::signing::SecretRedactor;
use crate::signing::arguments::{self, SentUrl};
use crate::signing::request_checks;
use report::{Verdict, VerifyReport};
use request::CheckedRequest;

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  the signature is valid, and no other reason to refuse the request was found
  1  a local file or setting cannot be read
  2  usage error
  3  the gateway refuses the request; the output says why
  4  the signature is valid for the URL that the request was sent to, but not for the gateway's URL given here";

/// Find out why a request's signature is refused
///
/// Give the request as it was sent. If the signature is not valid, each usual mistake is tried: wrong scheme, secret or
/// URL, white space, line ends, timestamp in seconds. The mistake that produces exactly this signature is printed.
/// Nothing is sent.
///
/// With REBUTTAL_URL, --url or a profile, the URL is compared with the gateway's base URL.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct VerifyArgs {
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

    /// Show the secret in the signed bytes
    #[arg(long)]
    show_secret: bool,

    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

impl VerifyArgs {
    pub(crate) fn run(self) -> Result<Exit> {
        let given = self.access.resolve()?;
        let redactor = SecretRedactor::new(given.secret.as_ref(), self.show_secret);
        let body = self.body.read()?;
        let report = match header::parse(&self.authorization) {
            Err(error) => {
                let parts = [
                    ("the method", self.method.as_bytes()),
                    ("the URL", self.sent_to.written.as_bytes()),
                    ("the Authorization header", self.authorization.as_bytes()),
                    ("the body", &body),
                ];
                VerifyReport::malformed(error, request_checks::leaked_secret(&redactor, &parts))
            }
            Ok(header) => {
                let mut request =
                    CheckedRequest::of(header, &given, &redactor, &self.sent_to, &self.method, &body)?;
                if self.body.is_left_out() && !request.verifies() {
                    request
                        .warnings
                        .push("no body was given, so {} is assumed; give it with --body-file".into());
                }
                let verdict = verdict(&request)?;
                VerifyReport::of(&request, verdict)
            }
        };
        report.print(&redactor, self.json)?;
        redactor.finish(report.exit())
    }
}

fn verdict(request: &CheckedRequest<'_>) -> Result<Verdict> {
    if request.verifies() {
        return Ok(Verdict::Valid);
    }
    if request.verifies_for_sent_url() {
        return Ok(Verdict::ValidForSentUrl);
    }
    let profiles: Vec<_> = profiles::read_all()?.collect();
    let sign = request.header.sign.to_string();
    let mistakes = mistakes::all(request, &profiles).into_iter();
    Ok(mistakes
        .filter(|mistake| mistake.signed.sign() == sign)
        .map(Verdict::Explained)
        .next()
        .unwrap_or(Verdict::Unexplained))
}
