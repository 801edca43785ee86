//! The virus scanner of `evidence_scanner_url`: what it finds is refused, and so is everything while it does not
//! answer.

use rebuttal_testbed::scanner::{VirusScanner, eicar};
use rebuttal_testbed::{Item, Sample, TestGateway, s3, samples};

use crate::common::{CommandOutput, becomes_ready, gateway, rebuttal, scrape, value};

const SENTENCE: &str = "A virus scanner found Rebuttal.Test.EICAR.UNOFFICIAL in the .pdf file.";

/// A document that is accepted without a scanner.
fn infected() -> Sample {
    let comment = [b"% ".as_slice(), &eicar(), b"\n"].concat();
    let bytes = samples::pdf_of(std::str::from_utf8(&comment).unwrap(), "");
    Sample { filename: "refund.pdf", media_type: "application/pdf", bytes }
}

fn scanned(url: &str) -> rebuttal_testbed::gateway::Builder {
    gateway().env("REBUTTAL_EVIDENCE_SCANNER_URL", url).env("REBUTTAL_METRICS_LISTEN", "127.0.0.1:0")
}

/// What `doctor` finds of the scanner.
fn doctor(fixture: &TestGateway, url: &str) -> String {
    let mut doctor = rebuttal(&["doctor", "--evidence-scanner-url", url, "--data"]);
    doctor.arg(fixture.gateway.data());
    let output = CommandOutput::run(doctor).stdout;
    output.lines().filter(|line| line.contains("scanner")).collect()
}

#[test]
#[ignore = "needs clamd, which cargo xtask test installs"]
fn what_the_scanner_finds_is_refused_at_upload() {
    let mut scanner = VirusScanner::start();
    let fixtures = scanner.urls().map(|url| (TestGateway::with_builder(scanned(&url).folder()), url));
    for (fixture, url) in &fixtures {
        let post =
            |sample: &Sample| fixture.ticket(sample.filename).form(&sample.bytes).send(fixture.address());
        assert_eq!(post(&samples::receipt(1)).status, 204, "{url}");
        let refused = post(&infected());
        assert_eq!((refused.status, refused.store_error()), (400, "InvalidRequest".to_owned()), "{url}");
        assert!(refused.text().contains(SENTENCE), "{}", refused.text());
        assert!(doctor(fixture, url).contains("the virus scanner at"), "{}", doctor(fixture, url));
    }
    scanner.stop();
    for (fixture, url) in &fixtures {
        for sample in [samples::receipt(2), infected()] {
            let refused = fixture.ticket(sample.filename).form(&sample.bytes).send(fixture.address());
            assert_eq!(refused.status, 503, "{url}: {}", refused.text());
        }
        becomes_ready(fixture.address(), 200);
        let metrics = scrape(&fixture.gateway);
        let count = |outcome: &str| {
            value(&metrics, &format!("rebuttal_evidence_scan_seconds_count{{outcome=\"{outcome}\"}}"))
        };
        assert_eq!(["clean", "found", "failed"].map(count), [Some(1.0), Some(1.0), Some(2.0)], "{metrics}");
        let found = doctor(fixture, url);
        assert!(found.contains("does not answer") && found.contains(url.as_str()), "{found}");
    }
}

#[test]
#[ignore = "needs S3 and clamd, which cargo xtask test starts or installs"]
fn what_the_scanner_finds_in_s3_is_refused_at_the_contest() {
    let mut scanner = VirusScanner::start();
    let [url, _] = scanner.urls();
    let fixture = TestGateway::with_builder(scanned(&url).bucket(&s3::Store::shared().bucket()));
    let dispute = fixture.dispute();
    let [clean, later] = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
    let infected = fixture.upload(&infected());
    let refused = fixture.contest(&dispute, &[Item::receipt(&clean), Item::receipt(&infected)]);
    assert!(refused.response.text().contains(SENTENCE), "{}", refused.response.text());
    refused.is("File.ContentMismatch");
    scanner.stop();
    fixture.contest(&dispute, &[Item::receipt(&later)]).is("Common.System.Unavailable");
    // Recorded before, when it was scanned.
    fixture.contest(&dispute, &[Item::receipt(&clean)]).is("OK");
}
