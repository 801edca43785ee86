//! Durable before answered (the promise of the whole gateway), traced from the first system call.

use std::path::Path;

use rebuttal_testbed::signer::{Finality, bound_nonce};
use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Item, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::gateway;

/// One system call: its text, and the lines of the trace where it began and ended.
#[derive(Debug)]
struct Event {
    name: String,
    text: String,
    began: usize,
    ended: usize,
}

impl Event {
    fn is_sync(&self) -> bool {
        self.name == "fsync" || self.name == "fdatasync"
    }

    fn succeeded(&self) -> bool {
        !self.text.contains("= -1")
    }

    /// The path of the file descriptor that is the first argument, which `strace -y` shows.
    fn path(&self) -> &str {
        let rest = self.text.split_once('<').map_or("", |(_, rest)| rest);
        rest.split_once('>').map_or("", |(path, _)| path)
    }
}

/// Parses a trace, and joins calls that are split by another thread's call.
fn events(trace: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("<... ") {
            let at = open.iter().position(|(of, _)| of == thread);
            let event = &mut events[open.swap_remove(at.expect("a resumed call was begun")).1];
            event.ended = number;
            event.text.push_str(call);
        } else if let Some((name, _)) = call.split_once('(') {
            if call.ends_with("<unfinished ...>") {
                open.push((thread.to_owned(), events.len()));
            }
            events.push(Event { name: name.to_owned(), text: call.to_owned(), began: number, ended: number });
        }
    }
    events
}

struct Traced {
    fixture: TestGateway,
    trace: std::path::PathBuf,
}

impl Traced {
    fn start() -> Self {
        let trace = tempfile::Builder::new().prefix("rebuttal-trace-").tempfile().unwrap().into_temp_path();
        let trace = trace.keep().unwrap();
        let calls = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg,link,linkat,rename,renameat,renameat2";
        let out = trace.to_str().unwrap();
        let wrapper = ["strace", "-D", "-f", "-y", "-s", "2000", "-o", out, "-e", calls];
        Self { fixture: TestGateway::with_builder(gateway().built_in().wrapper(wrapper)), trace }
    }

    /// A read: everything of interest happens between its response and the next.
    fn marker(&self) -> SignedCall {
        let call = self.fixture.call(QUERY, &json!({ "disputeNo": "marker" }));
        call.send(self.fixture.address()).is("Dispute.NotFound");
        call
    }

    fn events(mut self) -> Vec<Event> {
        self.fixture.gateway.terminate();
        assert!(self.fixture.gateway.wait().success());
        // The tracer ends after the traced process; its last line reports the end.
        let trace = rebuttal_testbed::clock::wait_for("strace to end", || {
            let trace = String::from_utf8_lossy(&std::fs::read(&self.trace).unwrap()).into_owned();
            trace.lines().last().is_some_and(|line| line.contains("+++ exited")).then_some(trace)
        });
        std::fs::remove_file(&self.trace).unwrap();
        events(&trace)
    }
}

/// The line at which the response to this call was sent.
fn answer_to(events: &[Event], call: &SignedCall) -> usize {
    let nonce = format!("nonce={}", bound_nonce(Finality::Settled, &call.nonce, &call.sign()));
    events.iter().position(|event| event.text.contains(&nonce)).expect("the answer was sent")
}

#[test]
#[ignore = "needs strace: cargo xtask test runs it"]
fn wal_is_synced_between_last_write_and_response() {
    let traced = Traced::start();
    let fixture = &traced.fixture;
    let url = fixture.upload(&samples::receipt(1));
    let rounds: Vec<_> = (0..5)
        .map(|_| {
            let dispute = fixture.dispute();
            let marker = traced.marker();
            let contest = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
            contest.send(fixture.address()).is("OK");
            (marker, contest)
        })
        .collect();
    let events = traced.events();
    for (marker, contest) in &rounds {
        let (from, to) = (answer_to(&events, marker), answer_to(&events, contest));
        let between = &events[from..to];
        let wal = |event: &&Event| event.path().ends_with("-wal");
        let written = between.iter().filter(wal).rfind(|event| event.name.starts_with("pwrite"));
        let written = written.expect("the contest was written to the WAL");
        let synced = between.iter().filter(wal).find(|event| event.is_sync() && event.began > written.ended);
        let synced = synced.unwrap_or_else(|| panic!("no sync after the last write: {between:#?}"));
        assert!(synced.succeeded() && synced.ended < events[to].began, "{synced:?}");
    }
}

#[test]
#[ignore = "needs strace: cargo xtask test runs it"]
fn upload_is_synced_and_linked_before_the_204() {
    let traced = Traced::start();
    let fixture = &traced.fixture;
    let ticket = fixture.ticket("a.png");
    let marker = traced.marker();
    assert_eq!(ticket.form(&samples::png(1)).send(fixture.address()).status, 204);
    let events = traced.events();
    let name = ticket.storage_uri.rsplit('/').next().unwrap();
    let from = answer_to(&events, &marker);
    let to = from + events[from..].iter().position(|event| event.text.contains("HTTP/1.1 204")).unwrap();
    let between = &events[from..to];
    let linked = between.iter().find(|event| event.name.starts_with("link") && event.text.contains(name));
    let linked = linked.unwrap_or_else(|| panic!("no link: a rename would overwrite: {between:#?}"));
    assert!(linked.succeeded(), "{linked:?}");
    let source = linked.text.split('"').nth(1).expect("the link names its source");
    let of_file = |event: &&Event| event.path() == source;
    let file = between.iter().filter(of_file).find(|event| event.is_sync() && event.ended < linked.began);
    assert!(file.is_some_and(Event::succeeded), "the file was not synced before its link: {between:#?}");
    let folder = between
        .iter()
        .find(|event| event.is_sync() && event.began > linked.ended && is_folder_of(event, linked, name));
    assert!(folder.is_some_and(|event| event.succeeded() && event.ended < events[to].began), "{between:#?}");
    // The upload's record is committed like every change.
    let recorded = between.iter().rfind(|event| event.is_sync() && event.path().ends_with("-wal"));
    assert!(recorded.is_some_and(|event| event.began > linked.ended), "{between:#?}");
}

/// Whether the sync was of the folder that contains the new link.
fn is_folder_of(sync: &Event, link: &Event, name: &str) -> bool {
    let target = link.text.rsplit('"').find(|part| part.contains(name)).expect("the link names its target");
    let folder = Path::new(target).parent().expect("the target is in a folder");
    let path = Path::new(sync.path());
    // A target relative to a folder's descriptor names the folder only there.
    path.ends_with(folder)
        || folder.as_os_str().is_empty() && link.text.contains(&format!("<{}>", sync.path()))
}
