//! Contract §3 and §4: the store accepts any upload; a contest trusts only what the gateway has read and copied by
//! hash.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Item, samples};
use serde_json::json;

use super::{key, submitted, test_gateway};
use crate::common::bin;

fn digest(content: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(content))
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn every_file_type_can_be_posted_to_the_store() {
    let (bucket, fixture) = test_gateway();
    let dispute = fixture.dispute();
    let samples = samples::all();
    let urls: Vec<_> = samples.iter().map(|sample| fixture.upload(sample)).collect();
    assert!(fixture.ticket("a.png").upload_url.ends_with(&bucket.name));
    let items: Vec<_> = urls.iter().map(|url| Item::receipt(url)).collect();
    fixture.contest(&dispute, &items).is("OK");
    let shown = fixture.show(&dispute);
    for (index, sample) in samples.iter().enumerate() {
        let evidence = &shown["submissions"][0]["evidence"][index];
        assert_eq!(evidence["sha256"], json!(digest(&sample.bytes)), "{}", sample.filename);
        assert_eq!(evidence["mediaType"], json!(sample.media_type));
        let path = format!("/disputes/{dispute}/evidence/{}", evidence["evidenceId"].as_str().unwrap());
        let download = fixture.operator.fetch(&path);
        assert_eq!((download.status, &download.body), (200, &sample.bytes), "{}", sample.filename);
        assert_eq!(download.header("Content-Type"), Some(sample.media_type));
        assert_eq!(download.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(download.header("Content-Disposition").unwrap().starts_with("attachment"));
    }
    fixture.contest(&dispute, &items).is("OK");
    assert_eq!(fixture.history(&dispute).len(), 2, "the second is a repetition");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn contest_command_uploads_to_the_store() {
    let (bucket, fixture) = test_gateway();
    let dispute = fixture.dispute();
    let file = fixture.gateway.scratch().join("receipt.png");
    std::fs::write(&file, samples::receipt(1).bytes).unwrap();
    let output = std::process::Command::new(bin())
        .args(["contest", "--yes", &dispute, "--receipt"])
        .arg(&file)
        .env("REBUTTAL_URL", &fixture.base)
        .env("REBUTTAL_APP_ID", &fixture.signer.app_id)
        .env("REBUTTAL_APP_SECRET", &fixture.signer.app_secret)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fixture.status(&dispute), "UNDER_REVIEW");
    assert_eq!((bucket.keys("m/").len(), bucket.keys("by-hash/").len()), (1, 1));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn gateway_with_s3_accepts_no_uploads() {
    let (_, fixture) = test_gateway();
    let mut form = fixture.ticket("a.png").form(&samples::receipt(1).bytes);
    form.url = format!("{}/uploaded", fixture.base);
    let answer = form.send(fixture.address());
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("Common.Request.NotFound")));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn object_at_contest_time_counts() {
    let (bucket, fixture) = test_gateway();
    let other = samples::receipt(2).bytes;
    let [swapped, mismatched, large, deleted] =
        [1, 3, 4, 5].map(|seed| fixture.upload(&samples::receipt(seed)));
    bucket.put(key(&swapped), &other);
    bucket.put(key(&mismatched), b"<script>");
    bucket.put(key(&large), &vec![0; 3_000_000]);
    bucket.delete(key(&deleted));
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&deleted)]).is("Evidence.NotUploaded");
    fixture.contest(&dispute, &[Item::receipt(&mismatched)]).is("File.ContentMismatch");
    let answer = fixture.contest(&dispute, &[Item::receipt(&swapped), Item::receipt(&large)]);
    let answer = answer.expect("File.ContentMismatch");
    assert!(
        answer.message.contains("evidenceList[1].url") && !answer.message.contains("[0]"),
        "{}",
        answer.message
    );
    let unissued =
        format!("s3://uploaded/m/{}/open/dispute-evidence/{}.png", fixture.merchant_id, "a".repeat(32));
    fixture.contest(&dispute, &[Item::receipt(&unissued)]).is("Evidence.NotUploaded");
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    fixture.contest(&dispute, &[Item::receipt(&swapped)]).is("OK");
    assert_eq!(submitted(&fixture, &dispute)["sha256"], json!(digest(&other)));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn copied_evidence_survives_changes_of_the_upload() {
    let (bucket, mut fixture) = test_gateway();
    let first = samples::receipt(1);
    let url = fixture.upload(&first);
    let [before, after, later] = [(); 3].map(|()| fixture.dispute());
    fixture.contest(&before, &[Item::receipt(&url)]).is("OK");
    bucket.put(key(&url), &samples::receipt(2).bytes);
    fixture.contest(&after, &[Item::receipt(&url)]).is("OK");
    bucket.delete(key(&url));
    fixture.gateway.restart();
    fixture.contest(&later, &[Item::receipt(&url)]).is("OK");
    for dispute in [&before, &after, &later] {
        assert_eq!(submitted(&fixture, dispute)["sha256"], json!(digest(&first.bytes)));
        assert_eq!(fixture.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1")).body, first.bytes);
    }
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn altered_copy_is_not_served() {
    let (bucket, fixture) = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let [copy] = bucket.keys("by-hash/").try_into().unwrap();
    bucket.put(&copy, &samples::receipt(2).bytes);
    let other = fixture.dispute();
    fixture.contest(&other, &[Item::receipt(&url)]).is("File.ContentMismatch");
    let download = format!("/disputes/{dispute}/evidence/1-1");
    fixture.operator.fetch(&download).is_problem(500, "Common.System.Error");
    bucket.delete(&copy);
    fixture.operator.fetch(&download).is_problem(500, "Common.System.Error");
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("Evidence.NotUploaded");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn contest_decided_without_evidence_fetches_nothing() {
    let (bucket, fixture) = test_gateway();
    let [url, fresh] = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
    let [accepted, contested] = [(); 2].map(|()| fixture.dispute());
    fixture.accept(&accepted).is("OK");
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    bucket.delete(&bucket.keys("by-hash/")[0]);
    fixture.contest(&accepted, &[Item::receipt(&fresh)]).is("Dispute.InvalidState");
    fixture.contest(&contested, &[Item::receipt(&fresh)]).is("Dispute.InvalidState");
    fixture.contest("no-such-dispute", &[Item::receipt(&fresh)]).is("Dispute.NotFound");
    // A repetition needs neither the upload nor its copy.
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    assert_eq!(bucket.keys("by-hash/"), Vec::<String>::new());
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn concurrent_contests_record_one_hash_per_upload() {
    let (bucket, fixture) = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let disputes: Vec<_> = (0..16).map(|_| fixture.dispute()).collect();
    std::thread::scope(|scope| {
        for (index, dispute) in disputes.iter().enumerate() {
            let (bucket, fixture, url) = (&bucket, &fixture, &url);
            scope.spawn(move || {
                // The file is replaced repeatedly while all contests read it.
                bucket.put(key(url), &samples::receipt(u8::try_from(index).unwrap()).bytes);
                fixture.contest(dispute, &[Item::receipt(url)]).is("OK");
            });
        }
    });
    let digests: std::collections::BTreeSet<_> =
        disputes.iter().map(|dispute| submitted(&fixture, dispute)["sha256"].to_string()).collect();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn bucket_belongs_to_one_installation() {
    let (bucket, mut fixture) = test_gateway();
    let output = std::process::Command::new(bin())
        .args(["serve", "--listen", "127.0.0.1:0", "--evidence-url", &bucket.evidence_url(), "--data"])
        .arg(fixture.gateway.scratch().join("other"))
        .envs(bucket.store.credentials())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is another gateway's"), "{said}");
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    // The bucket is replaced: files that are missing in the new one must not be reported as never uploaded.
    bucket.keys("").iter().for_each(|key| bucket.delete(key));
    bucket.put("gateway.mark", b"another gateway's");
    let contest = || fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).code;
    // A response of the store is cached for a second.
    wait_for("the ownership marker to be checked", || {
        (contest() == "Common.System.Unavailable").then_some(())
    });
    bucket.put("gateway.mark", b"");
    fixture.gateway.restart();
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("Evidence.NotUploaded");
}
