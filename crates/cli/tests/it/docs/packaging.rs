//! What `packaging` starts matches the binary: the unit's command line, its settings file, every documented variable
//! and flag.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::Store;
use rebuttal_testbed::{Gateway, Operator, Page};

use super::{document, root};
use crate::common::{bin, gateway};

const UNIT: &str = "packaging/systemd/rebuttal.service";
const SHARED: &str = "packaging/systemd/rebuttal.service.d/shared.conf";
const SETTINGS: &str = "packaging/rebuttal.toml";
const COMPOSE: &str = "packaging/compose/compose.yaml";
const DRAIN: &str = "REBUTTAL_DRAIN_SECONDS";
/// The longest shutdown, as `serve --help` promises.
const STOP_SECONDS: u64 = 30;

/// The values of a key of a unit, in order.
fn values(unit: &str, key: &str) -> Vec<String> {
    let value = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    unit.lines().filter_map(value).collect()
}

/// Settings with every port left to the system.
fn on_any_port(settings: &str) -> String {
    let line = |line: &str| match line.rsplit_once(':') {
        Some((before, port)) if line.contains("listen = ") && port.ends_with('"') => format!("{before}:0\""),
        _ => line.to_owned(),
    };
    settings.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn command_line_of_the_unit_starts_a_gateway() {
    let (folder, unit) = (tempfile::tempdir().unwrap(), document(UNIT));
    let [command] = values(&unit, "ExecStart").try_into().unwrap();
    let settings = folder.path().join("rebuttal.toml");
    std::fs::write(&settings, on_any_port(&document(SETTINGS))).unwrap();
    let data = folder.path().join("state");
    let word = |word: &str| match word {
        "/etc/rebuttal/rebuttal.toml" => settings.display().to_string(),
        "/var/lib/rebuttal" => data.display().to_string(),
        word => word.to_owned(),
    };
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("/usr/local/bin/rebuttal"));
    let words: Vec<_> = words.map(word).collect();
    assert!(words.contains(&data.display().to_string()), "{command}");
    let mut child =
        Command::new(bin()).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let _read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
    // Ends with the line that is waited for, or with the gateway.
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let logged = said.find(|line| line.contains("https://disputes.example.com"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    assert!(logged.is_some_and(|line| line.starts_with('{')), "the settings file was not read");
}

#[test]
fn unit_limits_cover_shutdown_and_connections() {
    let unit = document(UNIT);
    let number = |key: &str| values(&unit, key)[0].parse::<u64>().unwrap();
    assert!(number("TimeoutStopSec") > STOP_SECONDS, "systemd would kill what is in flight");
    assert!(number("LimitNOFILE") >= 1024);
    let stop = of_compose("stop_grace_period: ") - of_compose(&format!("{DRAIN}: "));
    assert_eq!(stop, number("TimeoutStopSec"), "{COMPOSE} stops otherwise than {UNIT}");
    let shared = document(SHARED);
    let stop: u64 = values(&shared, "TimeoutStopSec")[0].parse().unwrap();
    assert_eq!(stop - drain_of_shared(), number("TimeoutStopSec"), "{SHARED} stops otherwise than {UNIT}");
}

fn drain_of_shared() -> u64 {
    let variables = values(&document(SHARED), "Environment");
    let drain = variables.iter().find_map(|variable| variable.strip_prefix(DRAIN)?.strip_prefix('='));
    drain.unwrap().parse().unwrap()
}

/// A number of seconds in the compose file after these words.
fn of_compose(before: &str) -> u64 {
    let text = document(COMPOSE);
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{COMPOSE} has no {before}"));
    let digits = rest.trim_start_matches('"').split(|letter: char| !letter.is_ascii_digit()).next();
    digits.unwrap().parse().unwrap()
}

#[test]
fn drain_time_exceeds_the_proxy_health_check_interval() {
    let proxy = document("packaging/compose/haproxy.cfg");
    let checks: Vec<_> = proxy.lines().filter(|line| line.contains("check inter")).collect();
    assert!(!checks.is_empty());
    for check in checks {
        let words: Vec<_> = check.split_whitespace().collect();
        let after = |word: &str| words[words.iter().position(|found| *found == word).unwrap() + 1];
        let inter: u64 = after("inter").trim_end_matches('s').parse().unwrap();
        let fall: u64 = after("fall").parse().unwrap();
        for drains in [of_compose(&format!("{DRAIN}: ")), drain_of_shared()] {
            assert!(drains > inter * fall, "{check}");
        }
    }
}

#[test]
fn unit_credentials_set_the_shared_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let shared = document(SHARED);
    let mut builder = gateway();
    let mut names = BTreeSet::new();
    for variable in values(&shared, "Environment").iter().filter(|variable| variable.contains("=%d/")) {
        let (name, path) = variable.split_once('=').unwrap();
        let file = folder.path().join(path.strip_prefix("%d/").unwrap());
        std::fs::write(&file, "5a".repeat(32)).unwrap();
        names.insert(path.trim_start_matches("%d/").to_owned());
        builder = builder.env(name, file);
    }
    let loaded = values(&shared, "LoadCredential");
    assert_eq!(names, loaded.iter().map(|line| line.split_once(':').unwrap().0.to_owned()).collect());
    let gateway: Gateway = builder.start();
    assert!(!gateway.data().join("master.key").exists() && !gateway.data().join("operator.token").exists());
}

#[test]
#[ignore = "needs PostgreSQL, S3 and openssl, which cargo xtask test starts or installs"]
fn documented_commands_create_the_shared_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let commands = Page::open("docs/operate/replicas.md").marked("run: share");
    let made = Command::new("sh").args(["-euc", &commands]).env("ETC", folder.path()).status().unwrap();
    assert!(made.success());
    let (database, bucket) = (Database::shared(), Store::shared().bucket());
    let [(key_name, key), (secret_name, secret)] = bucket.store.credentials();
    let own = [
        ("REBUTTAL_DATABASE_URL", database.url()),
        ("REBUTTAL_EVIDENCE_URL", bucket.evidence_url()),
        (key_name, key),
        (secret_name, secret),
    ];
    let environment = std::fs::read_to_string(folder.path().join("environment")).unwrap();
    let names: Vec<_> = environment.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, own.each_ref().map(|(name, _)| *name), "what the page leaves to fill in");
    let at = |name: &str| folder.path().join(name);
    let start = || {
        let gateway = gateway().folder().database(&database.url());
        let gateway = own.iter().fold(gateway, |gateway, (name, value)| gateway.env(name, value));
        let gateway = gateway.env("REBUTTAL_MASTER_KEY_FILE", at("master.key"));
        gateway.env("REBUTTAL_OPERATOR_TOKEN_FILE", at("operator.token")).start()
    };
    let replicas = [start(), start()];
    let token = std::fs::read_to_string(at("operator.token")).unwrap();
    let merchants = replicas.each_ref().map(|replica| {
        Operator::new(replica.address(), token.trim()).open_merchant("Corner Shop", "Asia/Shanghai")
    });
    assert_ne!(merchants[0], merchants[1], "they are one gateway");
}

#[test]
fn documented_variables_and_flags_exist() {
    let help = |command: &str| {
        let help = Command::new(bin()).args([command, "--help"]).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let (of_operators, help) = (help("operator"), help("serve"));
    let words = |text: &str, is_word: fn(char) -> bool| -> BTreeSet<String> {
        text.split(move |letter| !is_word(letter)).map(str::to_owned).collect()
    };
    let variables = |text: &str| -> BTreeSet<String> {
        let words = words(text, |letter| letter.is_ascii_uppercase() || letter == '_');
        words.into_iter().filter(|word| word.starts_with("REBUTTAL_")).collect()
    };
    let mut known = variables(&help);
    let keys: BTreeSet<_> =
        known.iter().map(|name| name.trim_start_matches("REBUTTAL_").to_lowercase()).collect();
    known.extend(variables(&of_operators));
    let documents =
        [files_below(&root().join("docs/operate")), files_below(&root().join("packaging"))].concat();
    assert!(documents.len() > 10, "{documents:?}");
    for path in documents {
        let text = std::fs::read_to_string(&path).unwrap();
        let unknown: Vec<_> = variables(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{} names {unknown:?}", path.display());
        for line in text.lines().filter(|line| line.contains("rebuttal serve --")) {
            let flags = words(line, |letter| letter.is_ascii_lowercase() || letter == '-');
            let unknown: Vec<_> =
                flags.iter().filter(|word| word.starts_with("--") && !help.contains(&**word)).collect();
            assert!(unknown.is_empty(), "{} names {unknown:?}", path.display());
        }
        if path.extension().is_some_and(|extension| extension == "toml") {
            let set =
                text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
            let unknown: Vec<_> = set.filter(|(key, _)| !keys.contains(*key)).collect();
            assert!(unknown.is_empty(), "{} sets {unknown:?}", path.display());
        }
    }
}

#[test]
fn replica_memory_limits_match_the_page() {
    let page = document("docs/operate/replicas.md");
    let mut rows = 0;
    for row in page.lines().filter(|row| row.contains(".rs` `")) {
        let mut cells = row.split(" | ").skip(1);
        let place: Vec<_> = cells.next().unwrap().split('`').collect();
        let seconds = cells.next().unwrap().trim_end_matches(" s");
        let source = document(&format!("crates/{}", place[1].replacen('/', "/src/", 1)));
        let constant = format!("const {}: Duration = Duration::from_secs({seconds});", place[3]);
        assert!(source.contains(&constant), "{} has no {constant}", place[1]);
        rows += 1;
    }
    assert_eq!(rows, 4, "the table has other rows than were looked at");
}
