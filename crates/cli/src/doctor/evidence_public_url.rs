//! Checks that evidence_public_url leads to the bucket, by the ownership marker that only this gateway's bucket has.

use rebuttal_client::internal;
use rebuttal_evidence::S3Store;
use rebuttal_server::{Config, EvidenceLocation, Finding};

use super::ANSWER_LIMIT;

const CHECK: &str = "evidence public URL";
/// More than the size of an ownership marker.
const MARK_MAX_BYTES: usize = 1024;

/// Fetches the ownership marker from the address that merchants post their files to. Without a marker in the bucket,
/// any answer is accepted.
pub(super) async fn examine(config: &Config, bucket: Option<S3Store>) -> Option<Finding> {
    let EvidenceLocation::Bucket { public: Some(public), .. } = &config.evidence else { return None };
    let url = public.as_str();
    let fetched = async {
        let (http, base) = internal::http(url, &[]).map_err(|error| error.to_string())?;
        let address = match &bucket {
            Some(bucket) => bucket.marker_link().await.map_err(|error| error.to_string())?,
            None => base.into(),
        };
        let answer = http.get(address.as_str()).timeout(ANSWER_LIMIT).send().await;
        let answer = answer.map_err(|error| internal::no_answer_cause(error).to_string())?;
        let status = answer.status().as_u16();
        let content = internal::read_bounded(answer, MARK_MAX_BYTES).await.ok().flatten().unwrap_or_default();
        Ok::<_, String>((status, content))
    };
    Some(match (fetched.await, bucket) {
        (Ok(_), None) => Finding::ok(CHECK, format!("something answers at {url}")),
        (Ok((200, content)), Some(bucket)) if bucket.is_marker(&content) => {
            Finding::ok(CHECK, format!("{url} leads to the bucket"))
        }
        (Ok((status, _)), Some(_)) => Finding::fault(
            CHECK,
            format!(
                "{url}, where merchants post their files, does not return this gateway's ownership marker (HTTP status \
                 {status}): it is another store, or a proxy changes the request. Check evidence_public_url"
            ),
        ),
        (Err(why), _) => Finding::fault(
            CHECK,
            format!(
                "nothing answers at {url}, where merchants post their files: {why}. Check evidence_public_url"
            ),
        ),
    })
}
