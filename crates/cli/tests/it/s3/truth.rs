//! Contract §3 and §4: the store takes what it is given, and a contest believes what it has read and sealed itself.

use std::time::Duration;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Item, Request, samples};
use serde_json::json;

use super::{key, scene, submitted};
use crate::ground::bin;

fn digest(content: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(content))
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn what_is_posted_to_the_store_is_evidence_of_every_kind() {
    let (bucket, scene) = scene();
    let dispute = scene.dispute();
    let samples = samples::all();
    let urls: Vec<_> = samples.iter().map(|sample| scene.upload(sample)).collect();
    assert!(scene.ticket("a.png").upload_url.ends_with(&bucket.name));
    let items: Vec<_> = urls.iter().map(|url| Item::receipt(url)).collect();
    scene.contest(&dispute, &items).is("OK");
    let shown = scene.show(&dispute);
    for (index, sample) in samples.iter().enumerate() {
        let evidence = &shown["submissions"][0]["evidence"][index];
        assert_eq!(evidence["sha256"], json!(digest(&sample.bytes)), "{}", sample.filename);
        assert_eq!(evidence["mediaType"], json!(sample.media_type));
        let path = format!("/disputes/{dispute}/evidence/{}", evidence["evidenceId"].as_str().unwrap());
        let download = scene.operator.fetch(&path);
        assert_eq!((download.status, &download.body), (200, &sample.bytes), "{}", sample.filename);
        assert_eq!(download.header("Content-Type"), Some(sample.media_type));
        assert_eq!(download.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(download.header("Content-Disposition").unwrap().starts_with("attachment"));
    }
    scene.contest(&dispute, &items).is("OK");
    assert_eq!(scene.history(&dispute).len(), 2, "the second is a repetition");
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn the_command_contests_with_files_that_go_to_the_store() {
    let (bucket, scene) = scene();
    let dispute = scene.dispute();
    let file = scene.gateway.scratch().join("receipt.png");
    std::fs::write(&file, samples::receipt(1).bytes).unwrap();
    let output = std::process::Command::new(bin())
        .args(["contest", "--yes", &dispute, "--receipt"])
        .arg(&file)
        .env("REBUTTAL_URL", &scene.base)
        .env("REBUTTAL_APP_ID", &scene.signer.app_id)
        .env("REBUTTAL_APP_SECRET", &scene.signer.app_secret)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(scene.status(&dispute), "UNDER_REVIEW");
    assert_eq!((bucket.keys("m/").len(), bucket.keys("sealed/").len()), (1, 1));
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn the_gateway_itself_takes_no_uploads() {
    let (_, scene) = scene();
    let mut form = scene.ticket("a.png").form(&samples::receipt(1).bytes);
    form.url = format!("{}/uploaded", scene.base);
    let answer = form.send(scene.address());
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("Common.Request.NotFound")));
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn what_lies_there_when_it_is_contested_is_what_counts() {
    let (bucket, scene) = scene();
    let other = samples::receipt(2).bytes;
    let [swapped, lie, large, gone] = [1, 3, 4, 5].map(|seed| scene.upload(&samples::receipt(seed)));
    bucket.put(key(&swapped), &other);
    bucket.put(key(&lie), b"<script>");
    bucket.put(key(&large), &vec![0; 3_000_000]);
    bucket.delete(key(&gone));
    let dispute = scene.dispute();
    scene.contest(&dispute, &[Item::receipt(&gone)]).is("Evidence.NotUploaded");
    scene.contest(&dispute, &[Item::receipt(&lie)]).is("File.ContentMismatch");
    let answer = scene.contest(&dispute, &[Item::receipt(&swapped), Item::receipt(&large)]);
    let answer = answer.expect("File.ContentMismatch");
    assert!(
        answer.message.contains("evidenceList[1].url") && !answer.message.contains("[0]"),
        "{}",
        answer.message
    );
    let unissued =
        format!("s3://uploaded/m/{}/open/dispute-evidence/{}.png", scene.merchant_id, "a".repeat(32));
    scene.contest(&dispute, &[Item::receipt(&unissued)]).is("Evidence.NotUploaded");
    assert_eq!(scene.status(&dispute), "NEEDS_RESPONSE");
    scene.contest(&dispute, &[Item::receipt(&swapped)]).is("OK");
    assert_eq!(submitted(&scene, &dispute)["sha256"], json!(digest(&other)));
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn what_was_sealed_stays_whatever_becomes_of_the_upload() {
    let (bucket, mut scene) = scene();
    let first = samples::receipt(1);
    let url = scene.upload(&first);
    let [before, after, later] = [(); 3].map(|()| scene.dispute());
    scene.contest(&before, &[Item::receipt(&url)]).is("OK");
    bucket.put(key(&url), &samples::receipt(2).bytes);
    scene.contest(&after, &[Item::receipt(&url)]).is("OK");
    bucket.delete(key(&url));
    scene.gateway.restart();
    scene.contest(&later, &[Item::receipt(&url)]).is("OK");
    for dispute in [&before, &after, &later] {
        assert_eq!(submitted(&scene, dispute)["sha256"], json!(digest(&first.bytes)));
        assert_eq!(scene.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1")).body, first.bytes);
    }
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_form_used_twice_changes_nothing_that_was_contested() {
    let (_, scene) = scene();
    let ticket = scene.ticket("receipt.png");
    let [first, second] = [1, 2].map(|seed| samples::receipt(seed).bytes);
    let post = |content: &[u8]| {
        let form = ticket.form(content);
        assert_eq!(form.send(form.address().unwrap()).status, 204);
    };
    post(&first);
    let dispute = scene.dispute();
    scene.contest(&dispute, &[Item::receipt(&ticket.storage_uri)]).is("OK");
    post(&second);
    assert_eq!(submitted(&scene, &dispute)["sha256"], json!(digest(&first)));
    assert_eq!(scene.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1")).body, first);
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_seal_that_was_altered_is_handed_to_nobody() {
    let (bucket, scene) = scene();
    let url = scene.upload(&samples::receipt(1));
    let dispute = scene.dispute();
    scene.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let [seal] = bucket.keys("sealed/").try_into().unwrap();
    bucket.put(&seal, &samples::receipt(2).bytes);
    let other = scene.dispute();
    scene.contest(&other, &[Item::receipt(&url)]).is("File.ContentMismatch");
    let download = format!("/disputes/{dispute}/evidence/1-1");
    scene.operator.fetch(&download).is_problem(500, "Common.System.Error");
    bucket.delete(&seal);
    scene.operator.fetch(&download).is_problem(500, "Common.System.Error");
    scene.contest(&scene.dispute(), &[Item::receipt(&url)]).is("Evidence.NotUploaded");
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn nothing_is_fetched_for_a_contest_that_is_decided_without_it() {
    let (bucket, scene) = scene();
    let [url, fresh] = [1, 2].map(|seed| scene.upload(&samples::receipt(seed)));
    let [accepted, contested] = [(); 2].map(|()| scene.dispute());
    scene.accept(&accepted).is("OK");
    scene.contest(&contested, &[Item::receipt(&url)]).is("OK");
    bucket.delete(&bucket.keys("sealed/")[0]);
    scene.contest(&accepted, &[Item::receipt(&fresh)]).is("Dispute.InvalidState");
    scene.contest(&contested, &[Item::receipt(&fresh)]).is("Dispute.InvalidState");
    scene.contest("no-such-dispute", &[Item::receipt(&fresh)]).is("Dispute.NotFound");
    // A repetition needs neither the upload nor its seal.
    scene.contest(&contested, &[Item::receipt(&url)]).is("OK");
    assert_eq!(bucket.keys("sealed/"), Vec::<String>::new());
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn another_merchants_upload_is_neither_evidence_nor_fetched() {
    let (bucket, scene) = scene();
    let stranger = scene.operator.open_merchant("Other Shop", "UTC");
    let signer = scene.operator.open_app(stranger, rebuttal_testbed::Scheme::Sha256);
    let ticket = scene.ticket_of(&signer, "receipt.png");
    let form = ticket.form(&samples::receipt(1).bytes);
    assert_eq!(form.send(form.address().unwrap()).status, 204);
    scene.contest(&scene.dispute(), &[Item::receipt(&ticket.storage_uri)]).is("Evidence.NotFound");
    assert_eq!(bucket.keys("sealed/"), Vec::<String>::new());
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn many_contests_of_one_fresh_upload_agree_on_what_it_is() {
    let (bucket, scene) = scene();
    let url = scene.upload(&samples::receipt(1));
    let disputes: Vec<_> = (0..16).map(|_| scene.dispute()).collect();
    std::thread::scope(|scope| {
        for (index, dispute) in disputes.iter().enumerate() {
            let (bucket, scene, url) = (&bucket, &scene, &url);
            scope.spawn(move || {
                // Somebody keeps replacing the file while all read it.
                bucket.put(key(url), &samples::receipt(u8::try_from(index).unwrap()).bytes);
                scene.contest(dispute, &[Item::receipt(url)]).is("OK");
            });
        }
    });
    let digests: std::collections::BTreeSet<_> =
        disputes.iter().map(|dispute| submitted(&scene, dispute)["sha256"].to_string()).collect();
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn the_store_is_part_of_being_ready() {
    let (_, scene) = scene();
    assert_eq!(Request::new("GET", "/readyz", "").send(scene.address()).unwrap().status, 200);
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_bucket_is_one_gateways_alone() {
    let (bucket, mut scene) = scene();
    let output = std::process::Command::new(bin())
        .args(["serve", "--listen", "127.0.0.1:0", "--evidence-url", &bucket.evidence_url(), "--data"])
        .arg(scene.gateway.scratch().join("other"))
        .envs(bucket.store.credentials())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is another gateway's"), "{said}");
    let url = scene.upload(&samples::receipt(1));
    scene.contest(&scene.dispute(), &[Item::receipt(&url)]).is("OK");
    // Another bucket behind the gateway's back: what is missing there is not said to have never been uploaded.
    bucket.keys("").iter().for_each(|key| bucket.delete(key));
    bucket.put("gateway.mark", b"somebody else's");
    let contest = || scene.contest(&scene.dispute(), &[Item::receipt(&url)]).code;
    // An answer of the store counts for a second.
    wait_for("the mark to be looked at", Duration::from_secs(5), || {
        (contest() == "Common.System.Unavailable").then_some(())
    });
    bucket.put("gateway.mark", b"");
    scene.gateway.restart();
    scene.contest(&scene.dispute(), &[Item::receipt(&url)]).is("Evidence.NotUploaded");
}
