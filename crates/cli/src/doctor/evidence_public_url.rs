//! Checks that evidence_public_url leads to the bucket, by the ownership marker that only this gateway's bucket has.

use rebuttal_client::internal;
use rebuttal_evidence::S3Store;
use rebuttal_server::{Config, EvidenceLocation, Finding};

use super::ANSWER_LIMIT;

const ABOUT: &str = "evidence public URL";
/// More than the size of an ownership marker.
const MARK_MAX_BYTES: usize = 1024;

/// Fetches the ownership marker at the address that merchants post their files to. As long as the bucket has none, any
/// answer will do.
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
        (Ok(_), None) => Finding::well(ABOUT, format!("something answers at {url}")),
        (Ok((200, content)), Some(bucket)) if bucket.is_marker(&content) => {
            Finding::well(ABOUT, format!("{url} leads to the bucket"))
        }
        (Ok((status, _)), Some(_)) => Finding::fault(
            ABOUT,
            format!(
                "what answers at {url}, where merchants are to post their files, does not give this gateway's mark (HTTP \
                 status {status}): it is another store, or something before it changes what is asked. See \
                 evidence_public_url"
            ),
        ),
        (Err(why), _) => Finding::fault(
            ABOUT,
            format!(
                "nothing answers at {url}, where merchants are to post their files: {why}. See evidence_public_url"
            ),
        ),
    })
}
