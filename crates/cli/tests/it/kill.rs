//! Kill -9 under load, repeatedly on the same data: everything answered is stored, nothing is stored partially, and a
//! used nonce is never usable again.

use std::io;
use std::time::Duration;

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::test_gateway::{UPLOAD_URL, history_of};
use rebuttal_testbed::{Connection, Item, SignedCall, TestGateway, Ticket, samples};
use serde_json::json;

use crate::common::{gateway, scaled};

const KILLS: usize = 100;
const WORKERS: usize = 8;
/// The longest time that the load runs before the kill; it may also be zero.
const LOAD_LIMIT_MS: u64 = 90;
/// Keeps the check of a round short.
const ATTEMPTS_PER_LANE: usize = 10;
const REPLAYED: &str = "Common.Auth.ReplayedNonce";

/// One dispute opened and contested before the kill, and the responses that arrived.
struct Attempt {
    dispute_no: String,
    opened: bool,
    upload: Option<Upload>,
    contest: Option<SignedCall>,
    contested: bool,
}

/// A separate upload, made by every third attempt.
struct Upload {
    ticket: Ticket,
    asked: SignedCall,
    stored: bool,
}

/// The files that the other attempts use, uploaded before the first kill.
struct Setup {
    fixture: TestGateway,
    urls: [String; 2],
}

impl Setup {
    fn attempt(&self, connection: &mut Connection, name: String, seed: usize) -> (Attempt, io::Result<()>) {
        let mut attempt =
            Attempt { dispute_no: name, opened: false, upload: None, contest: None, contested: false };
        let result = self.steps(connection, seed, &mut attempt);
        (attempt, result)
    }

    /// Each step is noted before it is sent and again when it is answered; the kill may happen between any two bytes.
    fn steps(&self, connection: &mut Connection, seed: usize, attempt: &mut Attempt) -> io::Result<()> {
        let Self { fixture, urls } = self;
        let opening = dispute(fixture.merchant_id, &json!({ "disputeNo": attempt.dispute_no }));
        let opened =
            connection.exchange(&fixture.operator.request("POST", "/disputes", Some(&opening)).bytes())?;
        assert_eq!(opened.status, 201, "{}", opened.text());
        attempt.opened = true;
        let mut items = vec![Item::receipt(&urls[0]), Item { kind: "REFUND", name: "Refund", url: &urls[1] }];
        let uploaded;
        if seed.is_multiple_of(3) {
            let asked =
                fixture.call(UPLOAD_URL, &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" }));
            let ticket = Ticket::read(&asked.send_on(connection)?.ok());
            uploaded = ticket.storage_uri.clone();
            let form = ticket.form(&samples::png(9));
            let upload = attempt.upload.insert(Upload { ticket, asked, stored: false });
            let stored = match form.address().filter(|address| *address != fixture.address()) {
                // The store is not killed, only the gateway.
                Some(store) => form.send(store),
                None => connection.exchange(&form.request().bytes())?,
            };
            assert_eq!(stored.status, 204, "{}", stored.text());
            upload.stored = true;
            items.push(Item { kind: "OTHER", name: "Photo", url: &uploaded });
        }
        let call = fixture.contest_call(&attempt.dispute_no, &items);
        attempt.contest = Some(call.clone());
        call.send_on(connection)?.is("OK");
        attempt.contested = true;
        Ok(())
    }

    /// Runs the load until the gateway is killed, and returns everything that was sent.
    fn load_and_kill(&mut self, round: usize) -> Vec<Attempt> {
        let setup = &*self;
        let worker = |worker: usize| {
            let mut attempts = Vec::new();
            let Ok(mut connection) = Connection::open(setup.fixture.address()) else { return attempts };
            for number in 0..ATTEMPTS_PER_LANE {
                let (attempt, result) =
                    setup.attempt(&mut connection, format!("K-{round}-{worker}-{number}"), worker + number);
                attempts.push(attempt);
                if result.is_err() {
                    break;
                }
            }
            attempts
        };
        let attempts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|number| scope.spawn(move || worker(number))).collect();
            pause(Duration::from_millis(random_below(LOAD_LIMIT_MS)));
            setup.fixture.gateway.kill_nowait();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        self.fixture.gateway.restart();
        attempts
    }

    /// Compares one attempt with the state of the restarted gateway, and completes it.
    fn check(&self, attempt: &mut Attempt) {
        let fixture = &self.fixture;
        if !attempt.opened {
            let response = fixture.operator.fetch(&format!("/disputes/{}", attempt.dispute_no));
            assert!(response.status == 404 || history_of(&response.json()).len() == 1, "{}", response.text());
            return;
        }
        if let Some(upload) = &attempt.upload {
            self.check_upload(upload);
        }
        let Some(contest) = &attempt.contest else {
            self.is_untouched(&attempt.dispute_no);
            return;
        };
        let items = if attempt.upload.is_some() { 3 } else { 2 };
        let shown = fixture.show(&attempt.dispute_no);
        let done = shown["status"] == "UNDER_REVIEW";
        assert!(done || !attempt.contested, "an answered contest is missing: {shown}");
        if done {
            self.is_whole(&attempt.dispute_no, items);
            contest.send(fixture.address()).is(REPLAYED);
        } else {
            // Nothing was stored, the nonce included: the same bytes are accepted.
            self.is_untouched(&attempt.dispute_no);
            contest.send(fixture.address()).is("OK");
            self.is_whole(&attempt.dispute_no, items);
        }
        attempt.contested = true;
    }

    fn check_upload(&self, upload: &Upload) {
        let at = self.fixture.address();
        upload.asked.send(at).is(REPLAYED);
        let form = upload.ticket.form(&samples::png(9));
        let elsewhere = form.address().filter(|address| *address != at);
        let again = form.send(elsewhere.unwrap_or(at));
        // A folder keeps the first file; S3 takes any number, and contested files are copied by hash.
        let is_first = !upload.stored || elsewhere.is_some();
        assert!(again.status == 409 || again.status == 204 && is_first, "{}: {}", again.status, again.text());
    }

    fn is_untouched(&self, dispute_no: &str) {
        let shown = self.fixture.show(dispute_no);
        let submissions = shown["submissions"].as_array().unwrap().len();
        assert_eq!(
            (&shown["status"], history_of(&shown).len(), submissions),
            (&json!("NEEDS_RESPONSE"), 1, 0)
        );
    }

    fn is_whole(&self, dispute_no: &str, items: usize) {
        let shown = self.fixture.show(dispute_no);
        assert_eq!((&shown["status"], history_of(&shown).len()), (&json!("UNDER_REVIEW"), 2), "{shown}");
        let submissions = shown["submissions"].as_array().unwrap();
        assert_eq!(submissions.len(), 1, "{shown}");
        let evidence = submissions[0]["evidence"].as_array().unwrap();
        let whole = evidence.iter().all(|item| item["sha256"].as_str().is_some_and(|hash| hash.len() == 64));
        assert!(whole && evidence.len() == items, "half a submission: {shown}");
    }
}

fn random_below(limit: u64) -> u64 {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % limit
}

#[test]
fn kill_9_under_load_loses_no_answered_request() {
    // Where the rounds outlast the freshness window, all of them are sent again at the end as failures to authenticate.
    let fixture = TestGateway::with_builder(gateway().args(["--failed-auth-per-second", "10000"]));
    let urls = [fixture.upload(&samples::receipt(1)), fixture.upload(&samples::refund(2))];
    let mut setup = Setup { fixture, urls };
    let mut all = Vec::new();
    for round in 0..scaled(KILLS) {
        let mut attempts = setup.load_and_kill(round);
        for attempt in &mut attempts {
            setup.check(attempt);
        }
        all.extend(attempts);
    }
    // All attempts are checked again after the last kill: a later restart must not have changed them.
    let contested: Vec<_> = all.iter().filter(|attempt| attempt.contested).collect();
    assert!(contested.len() > scaled(KILLS), "the load was too light to prove anything: {}", contested.len());
    for attempt in &contested {
        setup.is_whole(&attempt.dispute_no, if attempt.upload.is_some() { 3 } else { 2 });
        let code = attempt.contest.as_ref().unwrap().send(setup.fixture.address()).code;
        assert!(code == REPLAYED || code == "Common.Auth.StaleTimestamp", "{code}");
    }
    eprintln!("{} kills, {} contests", scaled(KILLS), contested.len());
}
