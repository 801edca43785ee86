//! `rebuttal serve`: settings from file, variables and flags, and what is logged about them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use rebuttal_testbed::Gateway;
use rebuttal_testbed::clock::wait_for;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{CommandOutput, bin, rebuttal};

#[test]
fn flag_overrides_variable_and_variable_overrides_file() {
    let gateway = Gateway::builder(bin())
        .config("listen = \"127.0.0.1:1\"\nlog_format = \"text\"\nlog_filter = \"info\"\n")
        .env("REBUTTAL_LISTEN", "127.0.0.1:2")
        .env("REBUTTAL_LOG_FORMAT", "json")
        .start();
    assert_eq!(gateway.stdout(), format!("listening on {}\n", gateway.base_url()), "the flag's address");
    for line in gateway.stderr().lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn configured_operator_token_works_and_is_never_logged() {
    let token = "correct-horse-battery-staple";
    let gateway = Gateway::builder(bin())
        .env("REBUTTAL_OPERATOR_TOKEN", token)
        .env("REBUTTAL_LOG_FILTER", "trace")
        .start();
    let operator = rebuttal_testbed::Operator::new(gateway.address(), token);
    assert_eq!(operator.fetch("/merchants").status, 200);
    assert!(!gateway.stderr().contains(token), "the token is in the log");
}

#[test]
fn connection_limit_above_open_files_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let words = ["serve", "--data", data.to_str().unwrap(), "--max-connections", "1000000000"];
    let output = CommandOutput::run(rebuttal(&words));
    assert_eq!(output.code, 1, "{output:?}");
    let expected = "max_connections is 1000000000, which may need 1000000128 open files";
    assert!(output.stderr.contains(expected) && output.stderr.contains("or less"), "{output:?}");
    assert!(!data.exists(), "nothing is made before the settings are right");
}

#[test]
fn open_file_limit_is_raised_to_the_hard_limit() {
    let limited = |hard: u32| {
        let script = format!("ulimit -Sn 200; ulimit -Hn {hard}; exec \"$0\" \"$@\"");
        Gateway::builder(bin()).wrapper(["sh", "-c", &script]).start()
    };
    let gateway = limited(1000);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), ["1000", "1000"]);
    assert!(!gateway.stderr().contains("max_connections"), "{}", gateway.stderr());

    // The default was not requested, so there is only a warning.
    let gateway = limited(500);
    assert!(gateway.stderr().contains("this process may have 500 at most"), "{}", gateway.stderr());
}

/// What a database server returns to each connection: an error with a code of PostgreSQL's, or nothing.
fn server_that_says(code: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let Some(code) = code else {
                silent.push(stream);
                continue;
            };
            // The request for TLS, which is declined, and the startup message.
            let mut length = [0; 4];
            if stream.read_exact(&mut [0; 8]).and_then(|()| stream.write_all(b"N")).is_err()
                || stream.read_exact(&mut length).is_err()
                || stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4]).is_err()
            {
                continue;
            }
            let fields = format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
            drop(stream.write_all(&[b"E", &length[..], fields.as_bytes()].concat()));
        }
    });
    address
}

#[test]
fn start_waits_only_for_transient_database_errors() {
    let at = |code| format!("postgres://u@{}/d", server_that_says(code));
    let unreachable =
        ["postgres://u@127.0.0.1:1/d", "postgres://u@nowhere.invalid/d", "postgres://u@%2Fnowhere/d"];
    // It starts, stops, recovers; has no free connection; a pooler has no server; it does not answer.
    let may_come = ["57P03", "57P01", "57P02", "53300", "08006", "08001"].map(Some).into_iter().chain([None]);
    let may_come = may_come.map(at).chain(unreachable.map(str::to_owned)).map(|url| (url, "1", true));
    // A wrong password, no such role, no such database, no right, another protocol.
    let for_good = ["28P01", "28000", "3D000", "42501", "08P01"].map(Some).map(at);
    let for_good = for_good.into_iter().map(|url| (url, "30", false));
    let cases: Vec<_> = may_come.chain(for_good).collect();
    std::thread::scope(|scope| {
        for (url, seconds, waits) in &cases {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                let mut command =
                    rebuttal(&["serve", "--listen", "127.0.0.1:0", "--start-wait-seconds", seconds]);
                command.args(["--database-url", url, "--data"]).arg(folder.path().join("data"));
                let output = CommandOutput::run(command);
                let cannot = "cannot open the database that database_url names: the database failed: ";
                let given_up = match waits {
                    true => format!("✗ waited 1 s for the database (start_wait_seconds): {cannot}"),
                    false => format!("✗ {cannot}"),
                };
                // Logged once, unless the first attempt takes that long.
                let printed = output.stderr.matches("waiting for the database").count();
                assert_eq!(output.code, 1, "{url}: {output:?}");
                assert!(printed <= usize::from(*waits), "{url}: {output:?}");
                assert!(output.stderr.replace("\n  ", " ").contains(&given_up), "{url}: {output:?}");
            });
        }
    });
}

#[test]
fn waiting_start_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command =
        rebuttal(&["serve", "--listen", "127.0.0.1:0", "--database-url", "postgres://u@127.0.0.1:1/d"]);
    command.arg("--data").arg(folder.path().join("data")).stderr(File::create(&log).unwrap());
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    wait_for("the start to wait", || said().contains("waiting for the database").then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &[][..]), "{}", said());
    assert!(said().contains("received a stop signal before the start was finished"), "{}", said());
}
