//! `rebuttal serve`: settings from three places, and what is told about them.

use rebuttal_testbed::Gateway;
use serde_json::Value;

use crate::ground::{Ended, bin, rebuttal};

#[test]
fn a_variable_wins_over_the_file_and_a_flag_over_the_variable() {
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
fn variables_that_mean_nothing_are_warned_of() {
    let gateway = Gateway::builder(bin()).env("REBUTTAL_PUBLC_URL", "https://pay.example").start();
    let told = "REBUTTAL_PUBLC_URL is not known and has no effect; did you mean REBUTTAL_PUBLIC_URL?";
    assert!(gateway.stderr().contains(told), "{}", gateway.stderr());
}

#[test]
fn a_gateway_that_cannot_start_says_why_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rebuttal.toml");
    std::fs::write(&file, "data = \"x\"\nfreshnes_window_seconds = 300\n").unwrap();
    let ended = Ended::run(rebuttal(&["serve", "--config", file.to_str().unwrap()]));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("did you mean \"freshness_window_seconds\"?"), "{ended:?}");

    let data = folder.path().join("data");
    let words =
        ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--public-url", "pay.example"];
    let ended = Ended::run(rebuttal(&words));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("public_url: \"pay.example\""), "{ended:?}");
    assert!(!data.exists(), "nothing is made before the settings are right");
}

#[test]
fn an_operators_token_may_be_brought_along_and_is_never_logged() {
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
fn faulty_settings_are_told_once_with_what_to_write() {
    for (words, told) in [
        (["--listen", ":8080"], "such as 127.0.0.1:8080 or 0.0.0.0:8080"),
        (["--operator-listen", "localhost:8080"], "a name does not do: localhost is 127.0.0.1"),
        (["--listen", "::1:8080"], "stands in brackets, as in [::1]:8080"),
        (["--max-connections", "0"], "must be a whole number from 1 to 4294967295"),
        (["--trusted-proxies", "10.0.0.0/40"], "is no network such as 10.0.0.0/8"),
        (["--public-url", "ftp://x"], "public_url: \"ftp://x\" is not a public base URL"),
        (["--config", "/nope.toml"], "/nope.toml"),
        (["--log-filter", "inof"], "levels are error, warn, info, debug, trace, off; did you mean \"info\"?"),
    ] {
        let ended = Ended::run(rebuttal(&["serve", words[0], words[1]]));
        assert!([1, 2].contains(&ended.code), "{ended:?}");
        assert!(ended.err.contains(told), "{ended:?}");
        for once in ["ftp://x", "No such file"] {
            assert!(ended.err.matches(once).count() <= 1, "{ended:?}");
        }
    }
}

#[test]
fn more_connections_than_open_files_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let words = ["serve", "--data", data.to_str().unwrap(), "--max-connections", "1000000000"];
    let ended = Ended::run(rebuttal(&words));
    assert_eq!(ended.code, 1, "{ended:?}");
    let told = "max_connections is 1000000000, which may need 1000000128 open files";
    assert!(ended.err.contains(told) && ended.err.contains("or less"), "{ended:?}");
    assert!(!ended.err.contains("raise the limit to 1000000128"), "no process may have so many: {ended:?}");
    assert!(!data.exists(), "nothing is made before the settings are right");
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let limited = |hard: u32| {
        let script = format!("ulimit -Sn 200; ulimit -Hn {hard}; exec \"$0\" \"$@\"");
        Gateway::builder(bin()).wrapper(["sh", "-c", &script]).start()
    };
    let gateway = limited(1000);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), ["1000", "1000"]);
    assert!(!gateway.stderr().contains("max_connections"), "{}", gateway.stderr());

    // The default is not a wish, so it is only warned of.
    let gateway = limited(500);
    assert!(gateway.stderr().contains("this process may have 500 at most"), "{}", gateway.stderr());
}
