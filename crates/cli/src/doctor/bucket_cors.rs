//! Checks that the bucket allows uploads from web pages, by the preflight that a browser sends. It needs no permission
//! to read the bucket's configuration, and goes through the proxies that merchants' uploads go through.

use rebuttal_client::internal;
use rebuttal_evidence::S3Store;
use rebuttal_server::{Config, EvidenceLocation, Finding, Origin};
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN};
use reqwest::{Client, Method};

use super::ANSWER_LIMIT;

const CHECK: &str = "bucket CORS";
/// The origin of no page: a bucket that allows it allows every origin.
const UNKNOWN_ORIGIN: HeaderValue = HeaderValue::from_static("https://origin.invalid");

/// Sends a preflight for each allowed origin; without any, for one that only a bucket that allows all of them knows.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let EvidenceLocation::Bucket { bucket, public, variables } = &config.evidence else { return None };
    let store = S3Store::open(bucket, public.as_ref(), variables, "", false).ok()?;
    let url = store.forms_url();
    let (http, _) = internal::http(url, &[]).ok()?;
    let result = match config.upload_allowed_origins.as_slice() {
        [] => allows(&http, url, &UNKNOWN_ORIGIN).await.map(any_origin),
        origins => refused_of(&http, url, origins).await.map(|refused| listed(origins, &refused)),
    };
    Some(match result {
        Ok((true, result)) => Finding::ok(CHECK, format!("{url} {result}")),
        Ok((false, result)) => Finding::warning(CHECK, format!("{url} {result}")),
        Err(error) => {
            Finding::warning(CHECK, format!("not checked: {url}: {}", internal::no_answer_cause(error)))
        }
    })
}

/// Whether all is well, and the message.
type Verdict = (bool, String);

/// Without a setting nobody expects uploads from pages.
fn any_origin(is_allowed: bool) -> Verdict {
    let result = match is_allowed {
        true => "allows uploads from web pages of every origin",
        false => {
            "allows no uploads from web pages, or only from certain origins. If merchants upload from a browser, list the \
             origins of their pages in upload_allowed_origins and in the bucket's CORS configuration"
        }
    };
    (true, result.to_owned())
}

fn listed(origins: &[Origin], refused: &[&Origin]) -> Verdict {
    let names = |origins: &mut dyn Iterator<Item = &Origin>| {
        origins.map(|origin| origin.header().to_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
    };
    match refused {
        [] => (true, format!("allows uploads from web pages of {}", names(&mut origins.iter()))),
        refused => {
            let names = names(&mut refused.iter().copied());
            let advice =
                "add the origin to the bucket's CORS configuration, or remove it from upload_allowed_origins";
            (false, format!("allows no uploads from web pages of {names}: {advice}"))
        }
    }
}

async fn refused_of<'a>(
    http: &Client,
    url: &str,
    origins: &'a [Origin],
) -> Result<Vec<&'a Origin>, reqwest::Error> {
    let mut refused = Vec::new();
    for origin in origins {
        if !allows(http, url, origin.header()).await? {
            refused.push(origin);
        }
    }
    Ok(refused)
}

async fn allows(http: &Client, url: &str, origin: &HeaderValue) -> Result<bool, reqwest::Error> {
    let preflight = http
        .request(Method::OPTIONS, url)
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .timeout(ANSWER_LIMIT);
    let answer = preflight.send().await?;
    let allowed = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
    Ok(answer.status().is_success() && allowed.is_some_and(|allowed| allowed == "*" || allowed == origin))
}
