//! `rebuttal sign`: signs a request and shows how, byte by byte. Nothing is sent.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use rebuttal_client::Client;
use rebuttal_client::protocol::body::{BODY_MAX_BYTES, Object};
use rebuttal_client::protocol::signature::{self, Message};
use rebuttal_client::protocol::{Authorization, Nonce, UnixMillis};
use serde::Serialize;

use crate::access::{Access, Given};
use crate::exit::{self, Exit};
use crate::signing::{Draft, Signer};
use crate::{look, outcome};

/// Sign a request, and show the exact bytes that are signed
///
/// Nothing is sent. The header and a curl command are printed, both good for the next minutes and for one use. The
/// secret is masked in what is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::SAYING)]
pub(crate) struct Sign {
    /// Path and query under the base URL, such as /pg/v2/dispute/query
    #[arg(value_name = "TARGET")]
    target: String,

    #[command(flatten)]
    body: BodyArgs,

    /// Method, in upper case
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    method: String,

    /// Unix milliseconds, 13 digits [default: now]
    #[arg(long, value_name = "MILLIS")]
    timestamp: Option<i64>,

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
    access: Access,
}

/// The body of a request, byte for byte.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct BodyArgs {
    /// The body itself
    #[arg(long, value_name = "JSON")]
    body: Option<String>,

    /// File with the body, byte for byte; - is standard input
    #[arg(long, value_name = "FILE")]
    body_file: Option<PathBuf>,
}

impl BodyArgs {
    /// The bytes; `{}` where nothing is given.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        match (&self.body, &self.body_file) {
            (Some(body), _) => Ok(body.clone().into_bytes()),
            (None, Some(path)) => read_file(path, "the body"),
            (None, None) => Ok(b"{}".to_vec()),
        }
    }
}

/// Reads a file or, for `-`, standard input; no more than a body may have and some.
pub(crate) fn read_file(path: &PathBuf, what: &str) -> Result<Vec<u8>> {
    use std::io::Read as _;

    let shown = path.display();
    let reader: Box<dyn std::io::Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => {
            Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {what} in {shown}"))?)
        }
    };
    let (mut bytes, max) = (Vec::new(), 2 * BODY_MAX_BYTES);
    reader
        .take(max as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {what} in {shown}"))?;
    ensure!(bytes.len() <= max, "{what} in {shown} is over {max} bytes; a body may have {BODY_MAX_BYTES}");
    Ok(bytes)
}

/// The object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    method: &'a str,
    url: &'a str,
    authorization: String,
    /// The secret is masked unless it may be shown.
    signed_bytes: String,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Exit> {
        ensure!(self.target.starts_with('/'), "the target must begin with /, such as /pg/v2/dispute/query");
        let given = self.access.resolve()?;
        let (client, secret, parsed) = signer_of(&given)?;
        let app_id = given.signer()?;
        let body = self.body.read()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).context("the system has no randomness")?;
        let nonce = self.nonce.clone().unwrap_or_else(|| Nonce::from_bytes(random));
        let timestamp = self.timestamp.map_or_else(|| client.gateway_time(), UnixMillis);
        ensure!(
            (0..=UnixMillis::MAX.0).contains(&timestamp.0),
            "--timestamp must be Unix milliseconds, such as 1700000000000"
        );
        let message =
            Message { method: &self.method, base_url: client.base_url(), target: &self.target, body: &body };
        let scheme = given.scheme();
        let header = signature::authorize(scheme, app_id, &parsed, timestamp, nonce.clone(), &message);
        let signer = Signer { scheme, app_id, secret: &secret, parsed: &parsed, timestamp, nonce: &nonce };
        self.tell(&header, &Draft::right(&signer, &message), client.base_url(), &body)?;
        outcome::said(Exit::Done)
    }

    fn tell(&self, header: &Authorization, draft: &Draft, base_url: &str, body: &[u8]) -> Result<()> {
        if let Err(fault) = Object::parse_signed(body) {
            look::warning(&format!("the gateway will refuse this body: {fault}"));
        }
        let url = format!("{base_url}{}", self.target);
        if self.json {
            let json = Json {
                method: &self.method,
                url: &url,
                authorization: header.to_string(),
                signed_bytes: draft.text(self.show_secret),
            };
            look::say(serde_json::to_string_pretty(&json)?);
            return Ok(());
        }
        draft.say(self.show_secret);
        look::say("");
        look::say(format!("  {}       {}", look::faint("sign"), header.sign));
        look::say("");
        look::say(format!("  Authorization: {header}"));
        look::say("");
        let text = String::from_utf8_lossy(body);
        for line in [
            format!("  curl -X {} {} \\", look::shell(&self.method), look::shell(&url)),
            "    -H 'Content-Type: application/json' -H 'Accept: application/json' \\".to_owned(),
            format!("    -H 'Authorization: {header}' \\"),
            format!("    --data-binary {}", look::shell(&text)),
        ] {
            look::say(look::command(line));
        }
        Ok(())
    }
}

/// A client for its clock and its spelling of the address, and the secret as text and parsed.
fn signer_of(given: &Given) -> Result<(Client, crate::settings::Secret, rebuttal_client::AppSecret)> {
    Ok((given.client()?, given.needed_secret()?, given.app_secret()?))
}
