//! The processes that open evidence files: whatever becomes of one, uploads are answered, and the next one works.

use std::time::{Duration, Instant};

use rebuttal_testbed::invalid_files;
use rebuttal_testbed::samples::receipt;
use rebuttal_testbed::signer::Scheme;
use rebuttal_testbed::{Item, TestGateway};
use rustix::process::{Signal, kill_process};

use rebuttal_testbed::clock::wait_for;

use crate::common::folder_test_gateway;

/// Uploads that are answered while others are hostile: a quiet one takes a few milliseconds.
const NEIGHBOUR_LIMIT: Duration = Duration::from_secs(2);

fn status(fixture: &TestGateway, filename: &str, content: &[u8]) -> u16 {
    fixture.ticket(filename).form(content).send(fixture.address()).status
}

/// A document whose pages all inherit a large dictionary: opening it takes more memory than a worker has.
fn exhausting_pdf() -> Vec<u8> {
    const PAGES: usize = 20_000;
    let kids: String = (0..PAGES).map(|page| format!("{} 0 R ", page + 10)).collect();
    let fonts: String = (0..20_000).map(|font| format!("/F{font} 4 0 R ")).collect();
    let mut pdf = format!(
        "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count {PAGES}/MediaBox[0 0 9 9]\
         /Kids[{kids}]/Resources<</Font<<{fonts}>>>>>>\nendobj\n4 0 obj\n<</Type/Font>>\nendobj\n"
    );
    for page in 0..PAGES {
        pdf.push_str(&format!("{} 0 obj\n<</Type/Page/Parent 2 0 R>>\nendobj\n", page + 10));
    }
    pdf.push_str("trailer\n<</Root 1 0 R>>\n%%EOF\n");
    pdf.into_bytes()
}

#[test]
fn an_upload_is_answered_whatever_becomes_of_a_worker() {
    let fixture = folder_test_gateway();
    wait_for("a worker", || fixture.gateway.workers().first().copied());
    for signal in [None, Some(Signal::KILL), Some(Signal::SEGV), Some(Signal::STOP)] {
        for worker in fixture.gateway.workers().into_iter().filter(|_| signal.is_some()) {
            kill_process(worker, signal.unwrap()).unwrap();
        }
        assert_eq!(status(&fixture, "a.png", &receipt(1).bytes), 204, "{signal:?}");
        assert!(!fixture.gateway.workers().is_empty(), "{signal:?}");
    }
    let before = fixture.gateway.workers();
    let dispute = fixture.dispute();
    let ticket = fixture.ticket("a.pdf");
    let refused = ticket.form(&exhausting_pdf()).send(fixture.address());
    assert_eq!(
        (refused.status, refused.store_error()),
        (400, "InvalidRequest".to_owned()),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("more time or memory"), "{}", refused.text());
    assert_ne!(fixture.gateway.workers(), before, "the file has ended its workers");
    fixture.contest(&dispute, &[Item::receipt(&fixture.upload(&receipt(1)))]).is("OK");
}

#[test]
fn hostile_files_of_one_merchant_hold_up_no_other() {
    let fixture = folder_test_gateway();
    let merchant_id = fixture.operator.open_merchant("Next Door", "Asia/Shanghai");
    let other = fixture.operator.open_app(merchant_id, Scheme::Sha256);
    let hostile: Vec<_> = invalid_files::all().into_iter().map(|file| (file.filename, file.bytes)).collect();
    let exhausting = exhausting_pdf();
    let slowest = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    assert_eq!(status(&fixture, "a.pdf", &exhausting), 400);
                    for (filename, content) in hostile.iter().take(5) {
                        assert_eq!(status(&fixture, filename, content), 400);
                    }
                })
            })
            .collect();
        let mut slowest = Duration::ZERO;
        while !uploads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let started = Instant::now();
            let answer = fixture.ticket_of(&other, "a.png").form(&receipt(1).bytes).send(fixture.address());
            assert_eq!(answer.status, 204, "{}", answer.text());
            slowest = slowest.max(started.elapsed());
        }
        slowest
    });
    eprintln!("slowest upload of the other merchant: {slowest:?}");
    assert!(slowest < NEIGHBOUR_LIMIT, "{slowest:?}");
}
