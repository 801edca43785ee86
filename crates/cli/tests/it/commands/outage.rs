//! Foreign responses or none in place of the gateway's: what is printed for people and for scripts.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::Command;

use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, rebuttal};

const APP_ID: &str = "00112233445566778899aabbccddeeff";

/// The address of a server that answers every request with this.
fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut caller in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let _ = caller.read(&mut [0; 4096]);
                let _ = caller.write_all(answer.as_bytes());
                let _ = caller.shutdown(Shutdown::Write);
                // Unread bytes would reset the connection before the response is read.
                let _ = caller.read_to_end(&mut Vec::new());
            });
        }
    });
    url
}

fn answer(head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn command(url: &str, words: &[&str]) -> Command {
    let mut command = rebuttal(words);
    command.env("REBUTTAL_URL", url).env("REBUTTAL_APP_ID", APP_ID).env("REBUTTAL_APP_SECRET", APP_ID);
    command
}

fn query(url: &str, json: &[&str]) -> CommandOutput {
    CommandOutput::run(command(url, &[&["query", "D1"], json].concat()))
}

#[test]
fn json_contains_advice_and_unproven_claims() {
    let claim = r#"{"code":"Common.System.UnknownApp","errorMessage":"there is none"}"#;
    let output = query(&answering(answer("401 Unauthorized", claim)), &["--json"]);
    let json = output.json();
    assert_eq!((output.code, &json["outcome"]), (6, &"unverified".into()), "{output:?}");
    assert_eq!(json["code"], serde_json::Value::Null, "nothing of it is proven: {output:?}");
    assert_eq!(json["unprovenClaim"]["code"], "Common.System.UnknownApp", "{output:?}");
    assert_eq!(json["unprovenClaim"]["errorMessage"], "there is none", "{output:?}");

    let json = query("http://127.0.0.1:1", &["--json"]).json();
    let hint = "A query changes nothing. Check REBUTTAL_URL, or run the same command again later.";
    assert_eq!((&json["outcome"], &json["hint"]), (&"unavailable".into(), &hint.into()), "{json}");
}

#[test]
fn long_wait_is_explained_on_a_terminal() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut terminal = Terminal::run(&command(&url, &["query", "D1"]), 100);
    terminal.wait_for(&format!("waiting for {url}…"));
    terminal.interrupt();
    let (code, said) = terminal.end();
    assert_eq!(code, 1, "{said}");
    assert!(said.trim_end().ends_with("✗ interrupted: a query changes nothing"), "{said}");

    let url = answering(answer("502 Bad Gateway", ""));
    let (code, said) = Terminal::run(&command(&url, &["query", "D1"]), 100).end();
    assert_eq!(code, 5, "{said}");
    let expected = "HTTP 502: probably a proxy's answer, not the gateway's; tried 1 of 5 times…";
    assert!(said.contains(expected), "{said}");
}
