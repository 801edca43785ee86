//! `rebuttal sign`: signs a request and prints the signed bytes. Nothing is sent.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use rebuttal_client::internal;
use rebuttal_client::protocol::body::BODY_MAX_BYTES;
use rebuttal_client::protocol::signature::{Message, Signer};
use rebuttal_client::protocol::{Authorization, Nonce, UnixMillis};
use rebuttal_server::read_error_reason;
use serde::Serialize;

use crate::access::MerchantAccess;
use crate::exit::{self, Exit};
use crate::outcome::OutcomeJson;
use crate::signing::request_checks::{self, Freshness};
use crate::signing::{SecretRedactor, SignedBytes, arguments};
use crate::terminal;

/// Sign a request, and show the exact bytes that are signed
///
/// Nothing is sent. The header and a curl command are printed; they are valid for one use within the next minutes. The
/// secret is masked in the output. A request that the gateway would refuse is signed, too, with a warning.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct SignArgs {
    /// Path and query under the base URL, such as /pg/v2/dispute/query
    #[arg(value_name = "TARGET", value_parser = arguments::target)]
    target: String,

    #[command(flatten)]
    body: BodyArgs,

    /// Method, in upper case
    #[arg(long, value_name = "METHOD", default_value = "POST", value_parser = arguments::method)]
    method: String,

    /// Unix milliseconds; fewer than 13 digits are padded with zeros [default: now]
    #[arg(long, value_name = "MILLIS", value_parser = arguments::timestamp)]
    timestamp: Option<UnixMillis>,

    /// 16 to 64 of 0-9 A-Z a-z _ - [default: random]
    #[arg(long, value_name = "NONCE")]
    nonce: Option<Nonce>,

    /// Show the secret in the signed bytes
    #[arg(long)]
    show_secret: bool,

    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

/// Most bytes of a file that are read: a body that is somewhat too long is still signed, with a warning.
const READ_MAX_BYTES: usize = 2 * BODY_MAX_BYTES;

/// The body of a request, byte for byte.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct BodyArgs {
    /// The body itself [default: {}]
    #[arg(long, value_name = "JSON")]
    body: Option<String>,

    /// File with the body, byte for byte; - is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
}

impl BodyArgs {
    pub(crate) const fn is_left_out(&self) -> bool {
        self.body.is_none() && self.body_file.is_none()
    }

    fn is_standard_input(&self) -> bool {
        self.body_file.as_deref() == Some(Path::new("-"))
    }

    /// The bytes; `{}` if nothing is given.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => Ok(body.clone().into_bytes()),
            (None, Some(path)) => read_bounded(path),
            (None, None) => Ok(b"{}".to_vec()),
        }
    }

    /// curl's argument: the text, or the file if the body cannot be an argument.
    fn for_curl(&self, body: &[u8]) -> String {
        let text = std::str::from_utf8(body).ok().filter(|text| !text.contains('\0'));
        match (text, &self.body_file) {
            (Some(text), _) => terminal::shell_quote(text),
            (None, Some(path)) if !self.is_standard_input() => {
                let mut file = OsString::from("@");
                file.push(path);
                terminal::shell_quote(file)
            }
            (None, _) => "@FILE-WITH-THESE-BYTES".to_owned(),
        }
    }
}

/// Reads the body from a file or, for `-`, standard input; at most [`READ_MAX_BYTES`].
fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;

    let cannot_read = |error: std::io::Error| {
        let reason = read_error_reason(path, &error);
        anyhow!("--body-file: cannot read the body in {}: {reason}", path.display())
    };
    let reader: Box<dyn std::io::Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(path).map_err(cannot_read)?),
    };
    let mut bytes = Vec::new();
    reader.take(READ_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    ensure!(
        bytes.len() <= READ_MAX_BYTES,
        "the body has more than {READ_MAX_BYTES} bytes; the gateway accepts {BODY_MAX_BYTES}"
    );
    Ok(bytes)
}

/// The object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    method: &'a str,
    url: &'a str,
    authorization: String,
    /// The secret is masked unless it may be shown.
    signed_bytes: String,
    freshness: Freshness,
    /// Why the gateway would refuse this request, and the parts of it that contain a secret.
    refusals: Vec<String>,
}

impl SignArgs {
    pub(crate) fn run(self) -> Result<Exit> {
        let given = self.access.resolve()?;
        let redactor = SecretRedactor::new(given.secret.as_ref(), self.show_secret);
        let (address, app_id, secret) =
            (given.require_url()?, given.require_app_id()?, given.require_app_secret()?);
        let parsed = secret.parse()?;
        let body = self.body.read()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system's random number generator failed")?;
        let nonce = self.nonce.clone().unwrap_or_else(|| Nonce::from_bytes(random));
        let now = internal::now();
        let timestamp = self.timestamp.unwrap_or(now);
        let url = format!("{address}{}", self.target);
        let message =
            Message { method: &self.method, base_url: address.as_str(), target: &self.target, body: &body };
        let scheme = given.scheme();
        let signer = Signer { scheme, app_id, secret: &parsed };
        let header = signer.authorize(timestamp, nonce.clone(), &message);
        let freshness = Freshness::of(timestamp, now);
        let mut refusals = request_checks::refusals(&self.method, &self.target, &body);
        refusals.extend(freshness.fault(timestamp, now));
        refusals.iter().for_each(|refusal| {
            redactor.eprint_warning(&format!("the gateway will refuse this request: {refusal}"));
        });
        let sent_app_id = app_id.to_string();
        let parts = [
            ("the method", self.method.as_bytes()),
            ("the URL", url.as_bytes()),
            ("the appId", sent_app_id.as_bytes()),
            ("the nonce", nonce.as_str().as_bytes()),
            ("the body", &body),
        ];
        let leak = request_checks::leaked_secret(&redactor, &parts);
        leak.iter().for_each(|leak| redactor.eprint_warning(leak));
        refusals.extend(leak);
        let expected = SignedBytes::expected(&signer, &secret.text, timestamp, &nonce, &message);
        if self.json {
            let json = SignJson {
                outcome: OutcomeJson::done(None),
                method: &self.method,
                url: &url,
                authorization: header.to_string(),
                signed_bytes: expected.to_text(),
                freshness,
                refusals,
            };
            redactor.print_json(&json)?;
        } else {
            self.print(&redactor, &header, &expected, &url, &body);
        }
        redactor.finish(Exit::Done)
    }

    fn print(
        &self,
        redactor: &SecretRedactor,
        header: &Authorization,
        expected: &SignedBytes,
        url: &str,
        body: &[u8],
    ) {
        expected.print(redactor);
        redactor.println("");
        redactor.println(format!("  {}       {}", terminal::dim("sign"), header.sign));
        redactor.println("");
        redactor.println(format!("  Authorization: {header}"));
        redactor.println("");
        // Without --globoff, curl reads brackets in a URL as a pattern.
        let globoff = if url.contains(['[', ']', '{', '}']) { " -g" } else { "" };
        for line in [
            format!(
                "  curl{globoff} -X {} {} \\",
                terminal::shell_quote(&self.method),
                terminal::shell_quote(url)
            ),
            "    -H 'Content-Type: application/json' -H 'Accept: application/json' \\".to_owned(),
            format!("    -H 'Authorization: {header}' \\"),
            format!("    --data-binary {}", self.body.for_curl(body)),
        ] {
            redactor.println(terminal::command(line));
        }
    }
}
