//! How operator commands reach a gateway.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::client::Client;
use crate::settings::{DATA_DIR, Secret};

/// Where `serve` listens unless told otherwise.
const URL: &str = "http://127.0.0.1:8080";
/// The file that a gateway leaves its first token in.
const TOKEN_FILE: &str = "operator.token";

/// The gateway and the token, from flags, variables or the data folder beside.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway and token")]
pub(crate) struct Access {
    /// Address of the operator API, without /operator/v1 [default: http://127.0.0.1:8080]
    #[arg(long, env = "REBUTTAL_OPERATOR_URL", value_name = "URL", global = true)]
    operator_url: Option<String>,

    /// Operator's token; a flag is seen by every user of the machine, so prefer the variable or --operator-token-file
    /// [default: operator.token in the data folder]
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN", value_name = "TOKEN", global = true)]
    operator_token: Option<Secret>,

    /// File with the operator's token
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN_FILE", value_name = "FILE", global = true)]
    operator_token_file: Option<PathBuf>,

    /// Data folder of the gateway, where its token is looked for [default: ./rebuttal-data]
    #[arg(long, env = "REBUTTAL_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    /// PEM file of certificates to trust beside those of the system: an authority's, or a self-signed one
    #[arg(long, env = "REBUTTAL_TRUST", value_name = "FILE", global = true)]
    trust: Option<PathBuf>,

    /// Key under which a change counts once [default: random]
    #[arg(long, value_name = "KEY", global = true)]
    idempotency_key: Option<String>,

    /// Print the API's own JSON on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Access {
    pub(super) fn client(&self) -> Result<Client> {
        let url = self.operator_url.as_deref().unwrap_or(URL);
        let trusted = match &self.trust {
            Some(path) => {
                vec![std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?]
            }
            None => Vec::new(),
        };
        Client::new(url, self.token()?, self.idempotency_key.clone(), &trusted)
    }

    fn token(&self) -> Result<Secret> {
        match (&self.operator_token, &self.operator_token_file) {
            (Some(token), None) => Ok(token.clone()),
            (None, Some(path)) => Secret::read(path),
            (Some(_), Some(_)) => bail!(
                "the operator's token must be given directly or in a file, not both; leave one of them out"
            ),
            (None, None) => {
                let data = self.data.clone().unwrap_or_else(|| DATA_DIR.into());
                Secret::read(&data.join(TOKEN_FILE)).context(
                    "no operator's token: set REBUTTAL_OPERATOR_TOKEN or REBUTTAL_OPERATOR_TOKEN_FILE, or tell the \
                     gateway's data folder with --data",
                )
            }
        }
    }
}
