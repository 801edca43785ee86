//! Checks where the public URLs lead. Each is called as a merchant would call it, signed, by the app that only gateways
//! of this installation know: the check covers the whole way, proxies and path included.

use rebuttal_client::protocol::Code;
use rebuttal_client::{
    AppId, AppSecret, Cause, Claim, Client, DisputeNo, Error, QueryRequest, ResponseDefect, Scheme,
    Unverified,
};
use rebuttal_server::{Config, DoctorsApp, Examination, Finding, State};

use super::ANSWER_LIMIT;

const ABOUT: &str = "public URL";
/// What to check where no gateway answers, or the wrong one.
const SEE: &str =
    "See DNS, the proxy before the gateway, which must pass the path on unchanged, and that the gateway runs";

/// For a gateway that has the key, but not the identity.
const SAME_KEY: &str = "leads to a gateway with this installation's master key that serves another one: a rehearsal, or a \
    database that was founded anew beside the same key. It may also be one of this installation that still runs an older \
    version. See DNS, the proxy before the gateway, and which database the gateway there serves";

/// A finding for each. `normalized_urls` has those that were written in another form.
pub(super) async fn examine(
    config: &Config,
    normalized_urls: &[(String, String)],
    examination: Examination,
) -> Vec<Finding> {
    if config.public_urls.is_empty() {
        let told = "none is configured, so merchants sign for the address that the gateway listens on; set public_url to \
                    the one by which they reach it";
        return vec![Finding::warning(ABOUT, told)];
    }
    let Examination { app, keys_app, is_served, .. } = examination;
    let has_app = app.is_some();
    // Without the key, an unknown app still shows whether any gateway answers.
    let unknown_app = || DoctorsApp {
        app_id: AppId::from_bytes([0; 16]),
        secret: AppSecret::from_bytes(&[0; 16]),
        scheme: Scheme::V2Sha256,
    };
    let app = app.unwrap_or_else(unknown_app);
    let mut findings = Vec::new();
    for url in config.public_urls.iter().map(|url| url.as_str()) {
        let (state, told) = match call(url, &app).await {
            Ok(()) => (State::Fault, format!("leads to something that answers whatever it is asked. {SEE}")),
            Err(error) if is_unknown(&error) && has_key(url, keys_app.as_ref()).await => {
                (State::Fault, SAME_KEY.to_owned())
            }
            Err(error) => state_and_text(&error, has_app, is_served),
        };
        let written = normalized_urls.iter().find(|(_, counts)| counts == url);
        let written = written.map(|(written, _)| format!(" (written {written})")).unwrap_or_default();
        findings.push(Finding { about: ABOUT, state, told: format!("{url}{written} {told}") });
    }
    findings
}

/// A query for any dispute: it is refused before the lookup.
async fn call(url: &str, app: &DoctorsApp) -> Result<(), Error> {
    let client = Client::builder(url, app.app_id, app.secret.clone())
        .scheme(app.scheme)
        .attempts(1)
        .call_timeout(ANSWER_LIMIT)
        .build()?;
    let anything: DisputeNo = "doctor".parse()?;
    client.query(&QueryRequest::DisputeNo(anything)).await.map(drop)
}

/// Whether a gateway answered that does not know the app.
fn is_unknown(error: &Error) -> bool {
    let answer = match error {
        Error::Unverified(answer) => answer,
        Error::Unavailable { cause: Cause::Unverified(answer), .. } => answer,
        _ => return false,
    };
    answer.claim.as_ref().is_some_and(|claim| claim.code == Code::UnknownApp)
}

/// Whether the gateway that answers at a URL has this installation's master key, whichever one it serves.
async fn has_key(url: &str, keys_app: Option<&DoctorsApp>) -> bool {
    let Some(app) = keys_app else { return false };
    matches!(call(url, app).await, Err(Error::Refused(refusal)) if refusal.code == Code::AppDisabled)
}

/// Where a URL leads, by how the call was refused there.
fn state_and_text(error: &Error, has_app: bool, is_served: bool) -> (State, String) {
    let told = match error {
        Error::Refused(refusal) if refusal.code == Code::AppDisabled && is_served => {
            return (State::Well, "leads to this gateway".to_owned());
        }
        Error::Refused(refusal) if refusal.code == Code::AppDisabled => {
            "leads to a gateway with this installation's key, and yet none serves from this data directory: a copy of it is \
             served elsewhere. What is changed there is not changed here; see which of the two is to serve, and stop the \
             other"
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
                let told = "leads to a gateway; whether it is this one can be checked only with the master key";
                return (State::Warning, told.to_owned());
            }
            _ => unverified(answer, has_app),
        },
        Error::Unavailable { cause: Cause::Untrusted(why), .. } => format!(
            "leads to a certificate that this machine does not trust: {why}. Merchants refuse it, too, unless they were given \
             it: renew it where it has expired, and see that the whole chain is served"
        ),
        Error::Unavailable { cause, .. } if is_served => format!("does not lead to a gateway: {cause}. {SEE}"),
        Error::Unavailable { cause, .. } => format!(
            "does not lead to a gateway: {cause}. None serves from this data directory: start it, and look again"
        ),
        error => format!("cannot be called: {error}"),
    };
    (State::Fault, told)
}

/// Describes an answer that the installation's key does not verify. `has_app` says whether that key was used.
fn unverified(answer: &Unverified, has_app: bool) -> String {
    let is_ours = |claim: &Claim| claim.code == Code::AppDisabled;
    // Only a gateway with the key could have signed so for this app, or know that it is disabled.
    let is_altered = answer.claim.as_ref().map_or(answer.defect == ResponseDefect::WrongSign, is_ours);
    if has_app && is_altered {
        return format!(
            "leads to what speaks as this gateway would, but its answer lost its Authorization header, or was changed, on the \
             way ({}): no merchant can trust it. Have the proxy pass answers on unchanged, headers and body",
            answer.defect
        );
    }
    let Some(claim) = &answer.claim else {
        return format!("does not lead to a gateway: what answers there is none ({}). {SEE}", answer.defect);
    };
    let said = &claim.message;
    match claim.code {
        Code::UnknownApp => format!(
            "leads to another gateway: one with another master key, or one that still runs an older version. {SEE}, with \
             these settings and this version"
        ),
        Code::InvalidSignature => format!(
            "leads to a gateway with this installation's key that does not know the address for its own, or the request was \
             changed on the way ({said}). Start it with these settings, and have the proxy pass path and body on unchanged"
        ),
        Code::StaleTimestamp => clock_differs(said),
        Code::PathNotFound => path_differs(said),
        _ => format!("does not lead to a gateway: something answers {}: {said}. {SEE}", claim.code),
    }
}

fn clock_differs(said: &str) -> String {
    format!(
        "leads to this gateway, whose clock is another than this machine's: the freshness window does not cover it. Let NTP \
         keep both ({said})"
    )
}

fn path_differs(said: &str) -> String {
    format!(
        "leads to a gateway by a path that it does not know ({said}). What public_url has of a path, the proxy must take \
         away; what follows, it must pass on unchanged"
    )
}
