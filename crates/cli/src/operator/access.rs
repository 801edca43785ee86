//! The gateway and the token of operator commands.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use super::client::OperatorClient;
use crate::files;
use crate::gateway_url::GatewayUrl;
use crate::settings::{DATA_DIR, Secret, Sources};

/// Where `serve` listens by default.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// The file in the data directory with the first token.
const TOKEN_FILE: &str = "operator.token";

/// The gateway and the token, from flags, variables or the data directory.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway and token")]
pub(crate) struct OperatorAccess {
    #[command(flatten)]
    sources: Sources,

    /// Address of the operator API, without /operator/v1 [default: http://127.0.0.1:8080]
    #[arg(long, env = "REBUTTAL_OPERATOR_URL", value_name = "URL", global = true)]
    operator_url: Option<GatewayUrl>,

    /// Operator token; every user of the machine can see a flag, so prefer the variable or --operator-token-file
    /// [default: operator.token in the data directory]
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN", value_name = "TOKEN", global = true)]
    operator_token: Option<Secret>,

    /// File with the operator token
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN_FILE", value_name = "FILE", global = true)]
    operator_token_file: Option<PathBuf>,

    /// Data directory of the gateway, for its operator.token [default: ./rebuttal-data]
    #[arg(long, env = "REBUTTAL_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    /// PEM file of certificates to trust in addition to the system's: an authority's, or a self-signed one
    #[arg(long, env = "REBUTTAL_TRUST", value_name = "FILE", global = true)]
    trust: Option<PathBuf>,

    /// Print the API's own JSON on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// An operator's token and its source.
pub(crate) struct SourcedToken {
    pub(super) text: Secret,
    pub(super) origin: TokenOrigin,
}

/// The source of a token; displayed after "the token".
#[derive(Debug, Clone)]
pub(super) enum TokenOrigin {
    /// Named by this flag or variable.
    Given(String),
    /// In this file, which this flag or variable names.
    File(PathBuf, String),
    /// In this file of the data directory.
    Data(PathBuf),
}

impl fmt::Display for TokenOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(name) => write!(f, "in {name}"),
            Self::File(path, name) => write!(f, "in {}, which {name} names,", path.display()),
            Self::Data(path) => write!(f, "in {}", path.display()),
        }
    }
}

impl TokenOrigin {
    /// What to do if the token is rejected.
    pub(super) fn hint(&self, url: &str) -> String {
        match self {
            Self::Given(_) | Self::File(..) => format!(
                "Check that it is complete, and that the gateway at {url} created it; an admin can create another with \
                 `rebuttal operator token create`."
            ),
            Self::Data(_) => format!(
                "Check that the data directory is that of the gateway at {url}, or give another token: set \
                 REBUTTAL_OPERATOR_TOKEN or REBUTTAL_OPERATOR_TOKEN_FILE."
            ),
        }
    }
}

impl SourcedToken {
    /// Reads the token that a gateway writes to its data directory.
    pub(crate) fn from_file(path: PathBuf) -> Result<Self> {
        let missing = |error| {
            anyhow::anyhow!(
                "no operator token is given: {error}; set REBUTTAL_OPERATOR_TOKEN or \
                 REBUTTAL_OPERATOR_TOKEN_FILE, or give the gateway's data directory with --data"
            )
        };
        Ok(Self { text: Secret::read(&path).map_err(missing)?, origin: TokenOrigin::Data(path) })
    }
}

impl OperatorAccess {
    pub(super) fn client(&self) -> Result<OperatorClient> {
        let url = self.operator_url.as_ref().map_or(DEFAULT_URL, GatewayUrl::as_str);
        let url_source = match &self.operator_url {
            Some(_) => self.sources.name("operator_url"),
            None => "--operator-url or REBUTTAL_OPERATOR_URL, which are not set".to_owned(),
        };
        let trusted =
            self.trust.as_deref().map(|path| files::read_certificates(path, &self.sources.name("trust")));
        let token = self.token()?;
        OperatorClient::new(url, url_source, &token, trusted.transpose()?.as_slice())
    }

    fn token(&self) -> Result<SourcedToken> {
        let (direct, file) = (self.sources.name("operator_token"), self.sources.name("operator_token_file"));
        match (&self.operator_token, &self.operator_token_file) {
            (Some(token), None) => {
                Ok(SourcedToken { text: token.clone(), origin: TokenOrigin::Given(direct) })
            }
            (None, Some(path)) => {
                let text = files::read_secret(path, &file)?;
                Ok(SourcedToken { text, origin: TokenOrigin::File(path.clone(), file) })
            }
            (Some(_), Some(_)) => {
                let error = format!("cannot be combined with {file}; leave one of them out");
                Err(self.sources.fault("operator_token", error))
            }
            (None, None) => {
                let data = self.data.clone().unwrap_or_else(|| DATA_DIR.into());
                SourcedToken::from_file(data.join(TOKEN_FILE))
            }
        }
    }
}
