//! Checks where the public URLs lead: each is called with a request that is signed by an app that only this
//! installation's gateways know. The call takes the merchants' way, through proxies and with the path.

use rebuttal_client::protocol::Code;
use rebuttal_client::{
    AppId, AppSecret, Cause, Claim, Client, DisputeNo, Error, QueryRequest, ResponseDefect, Scheme,
    Unverified,
};
use rebuttal_server::{Config, DoctorApp, Examination, Finding, Severity};

use super::ANSWER_LIMIT;

const CHECK: &str = "public URL";
/// What to check if no gateway answers, or the wrong one.
const SEE: &str =
    "Check DNS, that the proxy before the gateway passes the path on unchanged, and that the gateway runs";

/// For a gateway with the same master key but another identity.
const SAME_KEY: &str = "leads to a gateway with this installation's master key but another database: a test \
    installation, or a new database with the same key. It may also be a gateway of this installation with an older \
    version. Check DNS, the proxy before the gateway, and which database the gateway there uses";

/// One finding for each URL.
pub(super) async fn examine(config: &Config, examination: Examination) -> Vec<Finding> {
    if config.public_urls.is_empty() {
        let message = "no public URL is configured, so merchants must sign for the address that the gateway listens on; set \
                    public_url to the address that they call";
        return vec![Finding::warning(CHECK, message)];
    }
    let Examination { app, master_key_app, is_served, .. } = examination;
    let has_app = app.is_some();
    // Without the key, an unknown app still shows whether any gateway answers.
    let unknown_app = || DoctorApp {
        app_id: AppId::from_bytes([0; 16]),
        secret: AppSecret::from_bytes(&[0; 16]),
        scheme: Scheme::V2Sha256,
    };
    let app = app.unwrap_or_else(unknown_app);
    let mut findings = Vec::new();
    for url in config.public_urls.iter().map(|url| url.as_str()) {
        let (severity, message) = match call(url, &app).await {
            Ok(()) => (Severity::Fault, format!("leads to a server that accepts any request. {SEE}")),
            Err(error) if is_unknown(&error) && has_key(url, master_key_app.as_ref()).await => {
                (Severity::Fault, SAME_KEY.to_owned())
            }
            Err(error) => severity_and_message(&error, has_app, is_served),
        };
        findings.push(Finding { check: CHECK, severity, message: format!("{url} {message}") });
    }
    findings
}

/// A query for any dispute: it is refused before the lookup.
async fn call(url: &str, app: &DoctorApp) -> Result<(), Error> {
    let client = Client::builder(url, app.app_id, app.secret.clone())
        .scheme(app.scheme)
        .attempts(1)
        .call_timeout(ANSWER_LIMIT)
        .build()?;
    let anything: DisputeNo = "doctor".parse()?;
    client.query(&QueryRequest::DisputeNo(anything)).await.map(drop)
}

/// Whether the answer is from a gateway that does not know the app.
fn is_unknown(error: &Error) -> bool {
    let answer = match error {
        Error::Unverified(answer) => answer,
        Error::Unavailable { cause: Cause::Unverified(answer), .. } => answer,
        _ => return false,
    };
    answer.claim.as_ref().is_some_and(|claim| claim.code == Code::UnknownApp)
}

/// Whether the gateway that answers at a URL has this installation's master key.
async fn has_key(url: &str, master_key_app: Option<&DoctorApp>) -> bool {
    let Some(app) = master_key_app else { return false };
    matches!(call(url, app).await, Err(Error::Refused(refusal)) if refusal.code == Code::AppDisabled)
}

/// Where a URL leads, by the refusal of the call.
fn severity_and_message(error: &Error, has_app: bool, is_served: bool) -> (Severity, String) {
    let message = match error {
        Error::Refused(refusal) if refusal.code == Code::AppDisabled && is_served => {
            return (Severity::Ok, "leads to this gateway".to_owned());
        }
        Error::Refused(refusal) if refusal.code == Code::AppDisabled => {
            "leads to a gateway with this installation's key, but no gateway serves from this data directory: a copy of it \
             is in use elsewhere, and its changes are missing here. Decide which of the two shall serve, and stop the other"
                .to_owned()
        }
        Error::Refused(refusal) if refusal.code == Code::PathNotFound => path_differs(&refusal.message),
        Error::Refused(refusal) if refusal.code == Code::StaleTimestamp => clock_differs(&refusal.message),
        Error::Refused(refusal) => {
            format!("leads to this gateway, which answers {}: {}", refusal.code, refusal.message)
        }
        Error::Unavailable { cause: Cause::Answered { code, message, .. }, .. } => {
            format!("leads to this gateway, which answers {code}: {message}")
        }
        Error::Unavailable { cause: Cause::Unverified(answer), .. } => unverified(answer, has_app),
        Error::Unverified(answer) => match &answer.claim {
            Some(claim) if claim.code == Code::UnknownApp && !has_app => {
                let message = "leads to a gateway; whether it is this one can be checked only with the master key";
                return (Severity::Warning, message.to_owned());
            }
            _ => unverified(answer, has_app),
        },
        Error::Unavailable { cause: Cause::Untrusted(why), .. } => format!(
            "has a certificate that this machine does not trust: {why}. Merchants refuse it, too, unless they have its \
             issuer's certificate: renew it if it has expired, and check that the whole chain is served"
        ),
        Error::Unavailable { cause, .. } if is_served => format!("does not lead to a gateway: {cause}. {SEE}"),
        Error::Unavailable { cause, .. } => format!(
            "does not lead to a gateway: {cause}. None serves from this data directory: start it, and run doctor again"
        ),
        error => format!("cannot be called: {error}"),
    };
    (Severity::Fault, message)
}

/// Describes an answer that the installation's key does not verify. `has_app` says whether that key was used.
fn unverified(answer: &Unverified, has_app: bool) -> String {
    let is_ours = |claim: &Claim| claim.code == Code::AppDisabled;
    // Only a gateway with the key can sign for this app, or know that it is disabled.
    let is_altered = answer.claim.as_ref().map_or(answer.defect == ResponseDefect::WrongSign, is_ours);
    if has_app && is_altered {
        return format!(
            "leads to this gateway, but a proxy removed the Authorization header of its answer or changed the answer ({}), \
             so that merchants refuse it. Configure the proxy to pass answers on unchanged, headers and body",
            answer.defect
        );
    }
    let Some(claim) = &answer.claim else {
        return format!("leads to a server that is not a gateway ({}). {SEE}", answer.defect);
    };
    let reason = &claim.message;
    match claim.code {
        Code::UnknownApp => format!(
            "leads to a gateway with another master key, or with an older version. {SEE} with these settings and this \
             version"
        ),
        Code::InvalidSignature => format!(
            "leads to a gateway with this installation's key that does not have this public_url, or a proxy changed the \
             request ({reason}). Start it with these settings, and configure the proxy to pass path and body on unchanged"
        ),
        Code::StaleTimestamp => clock_differs(reason),
        Code::PathNotFound => path_differs(reason),
        _ => format!("does not lead to a gateway: the answer is {}: {reason}. {SEE}", claim.code),
    }
}

fn clock_differs(reason: &str) -> String {
    format!(
        "leads to this gateway, but its clock and this machine's differ by more than the freshness window. Synchronize both by NTP \
         ({reason})"
    )
}

fn path_differs(reason: &str) -> String {
    format!(
        "leads to a gateway, but with a wrong path ({reason}). The proxy must remove the path of public_url, and pass \
         the rest on unchanged"
    )
}
