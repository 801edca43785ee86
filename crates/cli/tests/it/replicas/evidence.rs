//! Contract §4: the meaning of a url is recorded once for all replicas, by the first one.

use std::collections::BTreeSet;

use rebuttal_testbed::{Item, samples};

use super::Replicas;

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn first_recorded_file_hash_wins_across_replicas() {
    let replicas = Replicas::start();
    let fixture = &replicas.fixture;
    for round in 0..8 {
        let url = fixture.upload(&samples::receipt(0));
        let key = url.strip_prefix("s3://uploaded/").unwrap();
        let disputes: Vec<_> = (0..6).map(|_| fixture.dispute()).collect();
        std::thread::scope(|scope| {
            for (index, dispute) in disputes.iter().enumerate() {
                let (replicas, url) = (&replicas, &url);
                scope.spawn(move || {
                    // The file is replaced repeatedly while both replicas read it.
                    replicas.bucket.put(key, &samples::receipt(u8::try_from(index).unwrap()).bytes);
                    let contest = fixture.contest_call(dispute, &[Item::receipt(url)]);
                    contest.send(replicas.addresses()[index % 2]).is("OK");
                });
            }
        });
        let submitted = |dispute: &String| fixture.show(dispute)["submissions"][0]["evidence"][0].clone();
        let digests: BTreeSet<_> =
            disputes.iter().map(|dispute| submitted(dispute)["sha256"].to_string()).collect();
        assert_eq!(digests.len(), 1, "round {round}: {digests:?}");
        for (dispute, operator) in disputes.iter().zip(replicas.operators().iter().cycle()) {
            let download = operator.fetch(&format!("/disputes/{dispute}/evidence/1-1"));
            assert_eq!(download.status, 200, "{}", download.text());
        }
    }
}
