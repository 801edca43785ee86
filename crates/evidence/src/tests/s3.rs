//! What only S3 can do: accept any object at any time, and lose it.

use crate::policy::UPLOAD_URL_LIFETIME;
use crate::s3::{LINK_LIFETIME, PAGE_MAX, TEMPORARY_FORM_LIFETIME};
use crate::{AwsVariables, Endpoint, EvidenceError, EvidenceStore, Inspection, RecordedFile, S3Store};
use rebuttal_protocol::{FileFormat, StorageUri, UnixMillis};
use rebuttal_testbed::{s3, samples};
use sha2::{Digest as _, Sha256};

use super::common::{Fixture, LARGEST, Readers, location, now, open, uri};

const HOUR_MS: i64 = 3_600_000;

const NOW: UnixMillis = UnixMillis(1_772_769_601_123);

fn variables(token: Option<&str>) -> AwsVariables {
    let token = token.map(str::to_owned);
    AwsVariables::read(move |name| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
        "AWS_SESSION_TOKEN" => token.clone(),
        _ => None,
    })
}

fn fixture() -> (s3::Bucket, S3Store) {
    let bucket = s3::Store::shared().bucket();
    let store = open(&bucket, &bucket.evidence_url());
    (bucket, store)
}

/// A picture that is judged now.
fn found(content: &[u8]) -> Inspection {
    let judged = Some(rebuttal_documents::inspect(content, FileFormat::Png).unwrap());
    Inspection::Valid { sha256: Sha256::digest(content).into(), size: content.len() as u64, judged }
}

/// A picture that was judged before.
fn stored(content: &[u8]) -> Inspection {
    Inspection::Valid { sha256: Sha256::digest(content).into(), size: content.len() as u64, judged: None }
}

#[tokio::test]
async fn upload_form_uses_the_public_address() {
    let public: Endpoint = "https://files.example.com".parse().unwrap();
    let of = |url: &str, public: Option<&Endpoint>| {
        S3Store::open(&location(url), public, &variables(None), "mark", false)
    };
    for (url, public, wanted) in [
        ("s3://evidence?region=eu-central-1", None, "https://evidence.s3.eu-central-1.amazonaws.com/"),
        ("s3://evidence/gateway?endpoint=http://10.0.0.1:8333", None, "http://10.0.0.1:8333/evidence"),
        ("s3://evidence?endpoint=http://10.0.0.1:8333", Some(&public), "https://files.example.com/evidence"),
        (
            "s3://evidence?endpoint=https://s3.internal&path_style=false",
            Some(&public),
            "https://evidence.files.example.com/",
        ),
    ] {
        let form = of(url, public).unwrap().form(&uri('a', "png"), NOW).await.unwrap();
        assert_eq!(form.url, wanted, "{url}");
        let key = if url.contains("/gateway?") { "gateway/" } else { "" }.to_owned() + &uri('a', "png").key();
        assert_eq!(form.fields[0], ("key", key), "{url}");
    }
}

#[tokio::test]
async fn upload_form_does_not_outlive_temporary_credentials() {
    for (token, lifetime) in [(None, UPLOAD_URL_LIFETIME), (Some("token"), TEMPORARY_FORM_LIFETIME)] {
        let store =
            S3Store::open(&location("s3://evidence"), None, &variables(token), "mark", false).unwrap();
        let form = store.form(&uri('a', "png"), NOW).await.unwrap();
        assert_eq!(form.expires_at, NOW + lifetime);
        let field = form.fields.iter().find(|(name, _)| *name == "x-amz-security-token");
        assert_eq!(field.map(|(_, value)| value.as_str()), token);
    }
}

#[tokio::test]
async fn link_to_the_copy_uses_the_public_address() {
    let public: Endpoint = "https://Files.example.com:443".parse().unwrap();
    let uri = uri('a', "png");
    for (url, public, wanted) in [
        ("s3://evidence?region=eu-central-1", None, "https://evidence.s3.eu-central-1.amazonaws.com"),
        (
            "s3://evidence/gateway?endpoint=http://10.0.0.1:8333",
            None,
            "http://10.0.0.1:8333/evidence/gateway",
        ),
        // As the client sends it: in lower case, without the default port.
        ("s3://evidence?endpoint=http://10.0.0.1:8333", Some(&public), "https://files.example.com/evidence"),
        (
            "s3://evidence?endpoint=http://s3.internal&path_style=false",
            Some(&public),
            "https://evidence.files.example.com",
        ),
    ] {
        let store = S3Store::open(&location(url), public, &variables(None), "mark", false).unwrap();
        let link = store.link(&uri, &[0xab; 32], "D-1-1.png", NOW).await.unwrap();
        let store_by_hash = format!("{wanted}/by-hash/m/80/{}/{}.png?", "a".repeat(32), "ab".repeat(32));
        assert!(link.url.starts_with(&store_by_hash), "{url}: {}", *link.url);
        assert_eq!(link.expires_at, UnixMillis(NOW.0 / 1000 * 1000) + LINK_LIFETIME);
    }
}

#[tokio::test]
async fn presigned_link_does_not_outlive_temporary_credentials() {
    for token in [None, Some("a+token/")] {
        let public: Endpoint = "https://files.example.com".parse().unwrap();
        for public in [None, Some(&public)] {
            let store =
                S3Store::open(&location("s3://evidence"), public, &variables(token), "mark", false).unwrap();
            let link = store.link(&uri('a', "png"), &[0; 32], "D-1-1.png", NOW).await.unwrap();
            let carried = link.url.split_once("X-Amz-Security-Token=").map(|(_, rest)| rest);
            let carried = carried.and_then(|rest| rest.split('&').next());
            assert_eq!(carried, token.map(|_| "a%2Btoken%2F"));
            assert!(link.url.contains("X-Amz-Expires=300&"), "{}", *link.url);
        }
    }
    assert!(LINK_LIFETIME <= TEMPORARY_FORM_LIFETIME);
}

#[test]
fn half_a_key_pair_is_refused_at_the_start() {
    let half = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "AKIDEXAMPLE".to_owned());
    let refused = S3Store::open(&location("s3://evidence"), None, &AwsVariables::read(half), "mark", false)
        .err()
        .unwrap();
    assert!(format!("{refused:#}").contains("SecretAccessKey"), "{refused}");
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn copied_evidence_survives_changes_of_the_upload() {
    let (bucket, store) = fixture();
    let [first, second] = [1, 2].map(|number| samples::receipt(number).bytes);
    let uri = uri('a', "png");
    let sha256: [u8; 32] = Sha256::digest(&first).into();
    bucket.put(&uri.key(), &first);
    assert_eq!(store.store_by_hash(&uri, &Readers).await.unwrap(), found(&first));
    for swapped in [Some(second.as_slice()), Some(b"no picture"), None] {
        match swapped {
            Some(content) => bucket.put(&uri.key(), content),
            None => bucket.delete(&uri.key()),
        }
        let evidence = EvidenceStore::S3(store.clone());
        let recorded = RecordedFile { sha256, size: first.len() as u64 };
        assert_eq!(evidence.inspect(&uri, Some(recorded), &Readers).await.unwrap(), stored(&first));
        assert_eq!(store.read(&uri, &sha256).await.unwrap().unwrap(), first);
    }
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn copies_are_out_of_reach_of_upload_forms() {
    let (bucket, store) = fixture();
    let content = samples::receipt(1).bytes;
    let uri = uri('b', "png");
    bucket.put(&uri.key(), &content);
    store.store_by_hash(&uri, &Readers).await.unwrap();
    let digits: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bucket.keys("by-hash/"), [format!("by-hash/m/80/{}/{digits}.png", "b".repeat(32))]);
    let form = store.form(&uri, now()).await.unwrap();
    assert_eq!(form.fields[0], ("key", uri.key()));
    assert!(uri.key().starts_with("m/"));
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn record_without_its_copy_counts_as_missing() {
    let (bucket, store) = fixture();
    let content = samples::receipt(1).bytes;
    let uri = uri('c', "png");
    bucket.put(&uri.key(), &content);
    store.store_by_hash(&uri, &Readers).await.unwrap();
    for key in bucket.keys("by-hash/") {
        bucket.delete(&key);
    }
    let recorded = RecordedFile { sha256: Sha256::digest(&content).into(), size: content.len() as u64 };
    let look = EvidenceStore::S3(store).inspect(&uri, Some(recorded), &Readers).await.unwrap();
    assert_eq!(look, Inspection::Absent);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn object_outside_the_policy_is_invalid_and_not_copied() {
    let (bucket, store) = fixture();
    let uri = uri('d', "png");
    for content in [vec![], vec![0; LARGEST + 1], vec![0; 5_000_000]] {
        bucket.put(&uri.key(), &content);
        assert!(
            matches!(store.store_by_hash(&uri, &Readers).await.unwrap(), Inspection::Invalid(_)),
            "{} bytes",
            content.len()
        );
    }
    assert_eq!(bucket.keys("by-hash/"), Vec::<String>::new());
    let largest = samples::png_of_size(LARGEST);
    bucket.put(&uri.key(), &largest);
    assert_eq!(store.store_by_hash(&uri, &Readers).await.unwrap(), found(&largest));
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn concurrent_and_repeated_storing_by_hash_is_idempotent() {
    let (bucket, store) = fixture();
    let content = samples::receipt(1).bytes;
    let uri = uri('e', "png");
    bucket.put(&uri.key(), &content);
    let inspections =
        futures_util::future::join_all((0..32).map(|_| store.store_by_hash(&uri, &Readers))).await;
    assert!(inspections.into_iter().all(|look| look.unwrap() == found(&content)));
    assert_eq!(bucket.keys("by-hash/").len(), 1);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn broken_copy_is_replaced_by_a_whole_one() {
    let (bucket, store) = fixture();
    let content = samples::receipt(1).bytes;
    let (uri, sha256) = (uri('e', "png"), <[u8; 32]>::from(Sha256::digest(&content)));
    let copy_in = async || store.copy_in(&uri, &sha256, content.clone().into()).await.unwrap();
    copy_in().await;
    let [key] = bucket.keys("by-hash/").try_into().unwrap();
    let mut altered = content.clone();
    altered[0] ^= 1;
    bucket.put(&key, &altered);
    copy_in().await;
    assert_eq!(store.read(&uri, &sha256).await.unwrap().unwrap(), content);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn a_prefix_keeps_two_gateways_apart() {
    let bucket = s3::Store::shared().bucket();
    let url = bucket.evidence_url().replace('?', "/gateways/one?");
    let store = open(&bucket, &url);
    let content = samples::receipt(1).bytes;
    let uri = uri('f', "png");
    bucket.put(&uri.key(), &content);
    assert_eq!(store.store_by_hash(&uri, &Readers).await.unwrap(), Inspection::Absent);
    bucket.put(&format!("gateways/one/{}", uri.key()), &content);
    assert_eq!(store.store_by_hash(&uri, &Readers).await.unwrap(), found(&content));
    assert_eq!(bucket.keys("gateways/one/by-hash/").len(), 1);
    let old = store.old_uploads(UnixMillis(now().0 + HOUR_MS), None).await.unwrap();
    assert_eq!(old.uploads, [uri]);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn only_old_uploads_are_listed_in_pages() {
    let (bucket, store) = fixture();
    let uris: Vec<StorageUri> = (0..PAGE_MAX + 5)
        .map(|number| {
            let text = format!("s3://uploaded/m/80/open/dispute-evidence/{number:032x}.png");
            text.parse().unwrap()
        })
        .collect();
    let chunks = uris.chunks(uris.len().div_ceil(8));
    std::thread::scope(|scope| {
        for chunk in chunks {
            let bucket = &bucket;
            scope.spawn(move || chunk.iter().for_each(|uri| bucket.put(&uri.key(), b"x")));
        }
    });
    bucket.put("m/80/foreign.txt", b"x");
    let (later, earlier) = (UnixMillis(now().0 + HOUR_MS), UnixMillis(now().0 - HOUR_MS));
    let first = store.old_uploads(later, None).await.unwrap();
    let second = store.old_uploads(later, first.next.as_deref()).await.unwrap();
    assert_eq!((first.next.is_some(), second.next), (true, None));
    assert_eq!([first.uploads, second.uploads].concat(), uris);
    assert_eq!(store.old_uploads(earlier, None).await.unwrap().uploads, []);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn copy_without_a_record_is_deleted_with_its_upload() {
    let (bucket, store) = fixture();
    let content = samples::receipt(1).bytes;
    let uri = uri('1', "png");
    bucket.put(&uri.key(), &content);
    assert_eq!(store.stored_copy(&uri).await.unwrap(), None);
    store.store_by_hash(&uri, &Readers).await.unwrap();
    let copy = Some((Sha256::digest(&content).into(), content.len() as u64));
    assert_eq!(store.stored_copy(&uri).await.unwrap(), copy);
    store.delete_upload(&uri).await.unwrap();
    assert_eq!(store.stored_copy(&uri).await.unwrap(), copy, "the copy outlives the upload");
    store.delete(&uri).await.unwrap();
    assert_eq!(bucket.keys(""), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn a_bucket_that_is_not_there_or_not_ours_does_not_answer() {
    let fixture = Fixture::s3();
    fixture.store.answers().await.unwrap();
    let bucket = fixture.bucket.unwrap();
    let missing = s3::Bucket { name: format!("{}-gone", bucket.name), ..bucket.clone() };
    assert!(open(&missing, &missing.evidence_url()).answers().await.is_err());
    let other = s3::Store { secret_key: "another".into(), ..bucket.store.clone() };
    let other_bucket = s3::Bucket { store: other, ..bucket };
    let store = open(&other_bucket, &other_bucket.evidence_url());
    assert!(store.answers().await.is_err());
    assert!(store.store_by_hash(&uri('2', "png"), &Readers).await.is_err(), "a refusal is no absence");
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn bucket_belongs_to_the_first_ownership_marker() {
    let bucket = s3::Store::shared().bucket();
    let credentials = bucket.store.credentials();
    let variable = |name: &str| Some(credentials.iter().find(|(known, _)| *known == name)?.1.clone());
    let of = |marker: &str, holds_files: bool| {
        let variables = AwsVariables::read(variable);
        S3Store::open(&location(&bucket.evidence_url()), None, &variables, marker, holds_files).unwrap()
    };
    let said = |outcome: Result<(), EvidenceError>| match outcome {
        Err(EvidenceError::NotOurs(sentence)) => sentence,
        other => panic!("{other:?}"),
    };
    assert!(said(of("mine", true).answers().await).contains("is missing, although files have been uploaded"));
    let nothing = EvidenceStore::S3(of("mine", true)).inspect(&uri('3', "png"), None, &Readers).await;
    assert!(nothing.is_err(), "what is missing in a other_bucket bucket is not absent");
    of("mine", false).answers().await.unwrap();
    of("mine", true).answers().await.unwrap();
    assert!(said(of("another", false).answers().await).contains("is another gateway's"));
    bucket.put("gateway.mark", b"");
    of("another", true).answers().await.unwrap();
    assert_eq!(bucket.read("gateway.mark").unwrap(), b"another\n");
}

/// As the documented policy allows it, and gone in any case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn probe_object_is_under_the_copy_prefix_and_removed() {
    let (bucket, direct) = fixture();
    direct.try_out().await.unwrap();
    let proxy = s3::Proxy::before(bucket.store.address);
    let (there, through) = (bucket.store.address.to_string(), proxy.address.to_string());
    let store = open(&bucket, &bucket.evidence_url().replace(&there, &through));
    for (method, fault) in [("PUT", s3::Fault::LosesAnswer), ("GET", s3::Fault::Fails)] {
        let before = proxy.faults_injected();
        proxy.fault(method, "/by-hash/", fault);
        assert!(store.try_out().await.is_err(), "{method}");
        assert!(proxy.faults_injected() > before, "{method}: not below by-hash/");
        proxy.heal();
        assert_eq!(bucket.keys(""), Vec::<String>::new(), "{method}");
    }
}
