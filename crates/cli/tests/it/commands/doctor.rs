//! `rebuttal doctor`: each thing that it reports is broken here, one at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::Store;
use rebuttal_testbed::{Gateway, Item, TestGateway, samples};
use serde_json::Value;

use crate::common::{CommandOutput, bin, rebuttal};

/// A gateway that has served and was stopped.
pub(crate) fn stopped() -> TestGateway {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let _ = (fixture.dispute(), fixture.upload(&samples::receipt(1)));
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    fixture
}

/// On any port: the default one may be in use on this machine. A flag overrides it.
fn looking_at(data: &Path) -> Command {
    let mut command = rebuttal(&["doctor", "--data", data.to_str().unwrap()]);
    command.env("REBUTTAL_LISTEN", "127.0.0.1:0");
    command
}

/// The output of a start that must fail.
pub(crate) fn serve(data: &Path, more: &[&str]) -> CommandOutput {
    let wanted = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let output = CommandOutput::run(rebuttal(&[&wanted, more].concat()));
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    output
}

pub(crate) fn doctor(data: &Path, more: &[&str], env: &[(&str, String)]) -> CommandOutput {
    let mut command = looking_at(data);
    command.arg("--json").args(more).envs(env.iter().map(|(name, value)| (name, value)));
    CommandOutput::run(command)
}

/// All messages of a check with this severity.
pub(crate) fn message(output: &CommandOutput, about: &str, state: &str) -> String {
    let json = output.json();
    let findings = json["findings"].as_array().unwrap().iter();
    let found = findings.filter(|finding| finding["check"] == about && finding["severity"] == state);
    found.filter_map(|finding| finding["message"].as_str()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
pub(crate) fn finds(output: &CommandOutput, about: &str, what: &str) {
    assert!(message(output, about, "fault").contains(what), "{about} {what}: {output:?}");
    assert_eq!(output.code, 1);
}

#[test]
fn healthy_installation_has_no_fault_running_or_stopped() {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let data = fixture.gateway.data().to_owned();
    let url = fixture.base.clone();
    for running in [true, false] {
        if !running {
            fixture.gateway.terminate();
            assert!(fixture.gateway.wait().success());
        }
        let output = doctor(&data, &["--public-url", &url], &[]);
        let reached = message(&output, "public URL", "ok");
        assert_eq!(
            (output.json()["faults"].as_u64(), reached.is_empty()),
            (Some(u64::from(!running)), !running),
            "{output:?}"
        );
    }
    fixture.gateway.restart();
}

#[test]
fn missing_installation_is_not_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = doctor(&data, &[], &[]);
    assert_eq!((output.code, output.json()["faults"].as_u64()), (0, Some(0)), "{output:?}");
    for check in ["clock", "histories"] {
        let reason = "not checked: no gateway has started on this database yet";
        assert_eq!(message(&output, check, "warning"), reason, "{output:?}");
    }
    let findings = output.json()["findings"].as_array().unwrap().clone();
    let passed =
        findings.iter().filter(|finding| finding["severity"] == "ok").map(|finding| &finding["check"]);
    let independent_of_data = ["installation", "listener", "workers", "open files"];
    assert!(passed.eq(independent_of_data.iter()), "{output:?}");
    assert!(!data.exists(), "a doctor changes nothing");
}

#[test]
fn missing_foreign_or_readable_master_key_is_reported() {
    let fixture = stopped();
    let (data, key) = (fixture.gateway.data(), fixture.gateway.data().join("master.key"));
    let right = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    finds(&doctor(data, &[], &[]), "master key", "chmod 600");
    fs::remove_file(&key).unwrap();
    finds(&doctor(data, &[], &[]), "master key", "restore it");
    fs::write(&key, "0".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    finds(&doctor(data, &[], &[]), "master key", "is not the key");
    fs::write(&key, right).unwrap();
    assert_eq!(doctor(data, &[], &[]).code, 0);
}

#[test]
fn permissions_are_reported() {
    let mut fixture = stopped();
    let data = &fixture.gateway.data().to_owned();
    for (name, about) in [("operator.token", "data directory"), ("rebuttal.db", "database")] {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o640)).unwrap();
        finds(&doctor(data, &[], &[]), about, &format!("{name}; run: chmod 600"));
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    for (name, about, mode, what) in [
        ("rebuttal.db", "database", 0o666, "change every dispute in it; run: chmod 600"),
        ("evidence", "evidence", 0o777, "replace or delete the evidence; run: chmod 700"),
        ("", "data directory", 0o777, "replace the database, master.key and every other file in it"),
    ] {
        let path = if name.is_empty() { data.clone() } else { data.join(name) };
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let output = doctor(data, &[], &[]);
        finds(&output, about, &format!("other users can write to {}, and so {what}", path.display()));
        fixture.gateway.restart();
        assert!(fixture.gateway.stderr().contains("other users can write to"), "{name}");
        fixture.gateway.terminate();
        assert!(fixture.gateway.wait().success());
        fs::set_permissions(&path, before).unwrap();
    }
    fs::set_permissions(data, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(message(&doctor(data, &[], &[]), "data directory", "warning").contains("chmod 700"));
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn unservable_database_and_clock_skew_are_reported() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let run_sql = |sql: &str| {
        let database = rusqlite::Connection::open(data.join("rebuttal.db")).unwrap();
        database.execute_batch(sql).unwrap();
    };
    let ahead = now_ms() + 3_600_000;
    for (sql, undo, about, what) in [
        (
            "UPDATE meta SET value = CAST('99' AS BLOB) WHERE name = 'min_binary'",
            "UPDATE meta SET value = CAST('3' AS BLOB) WHERE name = 'min_binary'",
            "database",
            "generation 99",
        ),
        (
            "INSERT INTO meta VALUES ('migrated_to', CAST('postgres://h/d' AS BLOB))",
            "DELETE FROM meta WHERE name = 'migrated_to'",
            "database",
            "migrated to postgres://h/d",
        ),
        (
            &format!("UPDATE meta SET value = CAST('{ahead}' AS BLOB) WHERE name = 'nonce_bound'"),
            "UPDATE meta SET value = CAST('0' AS BLOB) WHERE name = 'nonce_bound'",
            "clock",
            "ran ahead in the past",
        ),
        (
            "UPDATE history SET at = at + 3600000",
            "UPDATE history SET at = at - 3600000",
            "clock",
            "a clock is or was wrong",
        ),
    ] {
        run_sql(sql);
        finds(&doctor(data, &[], &[]), about, what);
        run_sql(undo);
        assert_eq!(doctor(data, &[], &[]).code, 0, "{sql}");
    }
}

#[test]
fn limits_misspelt_variables_and_wrong_urls_are_reported() {
    let fixture = stopped();
    let data = fixture.gateway.data().to_str().unwrap().to_owned();
    let line = "ulimit -n 256; exec \"$0\" doctor --json --max-connections 768 --data \"$1\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", line]).arg(bin()).arg(&data);
    finds(&CommandOutput::run(limited), "open files", "or set max_connections to 112 or less");

    let misspelt = doctor(Path::new(&data), &[], &[("REBUTTAL_PUBLC_URL", "https://pay.example".to_owned())]);
    assert!(message(&misspelt, "settings", "warning").contains("REBUTTAL_PUBLIC_URL"), "{misspelt:?}");

    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    drop(other);
    finds(
        &doctor(Path::new(&data), &["--public-url", &url], &[]),
        "public URL",
        "None serves from this data directory: start it",
    );
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn non_durable_server_and_read_only_bucket_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (database, bucket) = (Database::shared(), Store::shared().bucket());
    let credentials = bucket.store.credentials();
    let mut env =
        vec![("REBUTTAL_DATABASE_URL", database.url()), ("REBUTTAL_EVIDENCE_URL", bucket.evidence_url())];
    env.extend(credentials);
    let output = doctor(folder.path(), &[], &env);
    // The tests' PostgreSQL runs with fsync off.
    finds(&output, "database", "fsync = off");
    assert!(message(&output, "evidence", "ok").contains("read back and deleted"), "{output:?}");
    assert!(message(&output, "clock", "ok").contains("database server's"), "{output:?}");

    let nowhere = "http://127.0.0.1:1";
    env.push(("REBUTTAL_EVIDENCE_PUBLIC_URL", nowhere.to_owned()));
    finds(&doctor(folder.path(), &[], &env), "evidence public URL", nowhere);
    env.pop();

    env.iter_mut().filter(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY").for_each(|(_, key)| key.push('x'));
    finds(&doctor(folder.path(), &[], &env), "evidence", "AWS_");
    let nowhere = [("REBUTTAL_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing".to_owned())];
    finds(&doctor(folder.path(), &[], &nowhere), "database", "Check that the server runs");
    // A role without permissions: the missing ones are reported instead of the errors that they cause.
    drop(Gateway::builder(bin()).database(&database.url()).folder().start());
    let role = database.name().replace("test_", "weak_");
    database.query(&format!("CREATE ROLE {role} LOGIN"));
    let weak = format!("postgres://{role}@{}", database.url().rsplit_once('@').unwrap().1);
    let output = doctor(folder.path(), &[], &[("REBUTTAL_DATABASE_URL", weak)]);
    finds(&output, "database", "the database role of the gateway lacks");
    finds(&output, "database", "the rest could not be read");
    database.query(&format!("DROP ROLE {role}"));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn wrong_upload_address_is_reported() {
    let bucket = Store::shared().bucket();
    let fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in().bucket(&bucket));
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    let at = |public: &str| {
        let mut env = vec![
            ("REBUTTAL_EVIDENCE_URL", bucket.evidence_url()),
            ("REBUTTAL_EVIDENCE_PUBLIC_URL", public.to_owned()),
        ];
        env.extend(bucket.store.credentials());
        doctor(fixture.gateway.data(), &[], &env)
    };
    let right = at(&format!("http://{}", bucket.store.address));
    assert!(message(&right, "evidence public URL", "ok").contains("leads to the bucket"), "{right:?}");
    finds(&at(&fixture.base), "evidence public URL", "does not return this gateway's ownership marker");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn bucket_that_refuses_uploads_from_pages_is_reported() {
    const SHOP: &str = "https://shop.example.com";
    let folder = tempfile::tempdir().unwrap();
    let bucket = Store::shared().bucket();
    // The tests' store allows every origin; a gateway answers there as a store that allows none.
    let store = format!("http://{}", bucket.store.address);
    let refusing = Gateway::builder(bin()).built_in().start();
    for (public, origins, severity, expected) in [
        (&store, "", "ok", "allows uploads from web pages of every origin"),
        (&store, SHOP, "ok", "allows uploads from web pages of https://shop.example.com"),
        (&refusing.base_url(), "", "ok", "allows no uploads from web pages, or only from certain origins"),
        (&refusing.base_url(), SHOP, "warning", "no uploads from web pages of https://shop.example.com: "),
        (&"http://127.0.0.1:1".to_owned(), SHOP, "warning", "not checked: http://127.0.0.1:1/"),
    ] {
        let mut env = vec![
            ("REBUTTAL_EVIDENCE_URL", bucket.evidence_url()),
            ("REBUTTAL_EVIDENCE_PUBLIC_URL", public.clone()),
        ];
        env.extend(bucket.store.credentials());
        let more = if origins.is_empty() { vec![] } else { vec!["--upload-allowed-origins", origins] };
        let output = doctor(folder.path(), &more, &env);
        assert!(message(&output, "bucket CORS", severity).contains(expected), "{expected}: {output:?}");
    }
}

#[test]
fn findings_are_printed_with_advice() {
    let fixture = stopped();
    fs::remove_file(fixture.gateway.data().join("master.key")).unwrap();
    let output = CommandOutput::run(looking_at(fixture.gateway.data()));
    assert_eq!(output.code, 1);
    assert!(output.stdout.contains("✗ master key") && output.stdout.contains("1 fault"), "{output:?}");
    let _: Value = doctor(fixture.gateway.data(), &[], &[]).json();
}

#[test]
fn checked_locations_are_printed_first_without_passwords() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let first = doctor(data, &[], &[]).json()["findings"][0].clone();
    let printed = first["message"].as_str().unwrap();
    for place in ["rebuttal.db", "evidence"].map(|name| data.join(name).display().to_string()) {
        assert!(first["check"] == "installation" && printed.contains(&place), "{first}");
    }
    let url = ("REBUTTAL_DATABASE_URL", "postgres://me:Geheim7@127.0.0.1:1/some".to_owned());
    let output = doctor(data, &[], &[url]);
    let first = output.json()["findings"][0]["message"].as_str().unwrap().to_owned();
    assert!(first.contains("postgres://127.0.0.1:1/some"), "{first}");
    assert!(!format!("{output:?}").contains("Geheim7"), "{output:?}");
}

#[test]
fn rewritten_history_is_reported_with_its_dispute() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    assert!(message(&doctor(data, &[], &[]), "histories", "ok").contains("hash chains of 1 dispute with "));
    let database = rusqlite::Connection::open(data.join("rebuttal.db")).unwrap();
    let no: String = database.query_row("SELECT dispute_no FROM disputes", [], |row| row.get(0)).unwrap();
    database.execute_batch("UPDATE disputes SET dispute_amount = 1").unwrap();
    drop(database);
    for more in [&[][..], &["--histories"]] {
        finds(&doctor(data, more, &[]), "histories", &format!("{no}: its facts"));
    }
}

#[test]
fn wal_of_a_killed_gateway_is_read_and_left_unchanged() {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let data = fixture.gateway.data().to_owned();
    let _ = (fixture.dispute(), fixture.dispute());
    fixture.gateway.kill();
    let files = || ["rebuttal.db", "rebuttal.db-wal"].map(|name| fs::read(data.join(name)).unwrap());
    let before = files();
    assert!(!before[1].is_empty(), "nothing is in the log");
    let output = doctor(&data, &[], &[]);
    assert!(message(&output, "histories", "ok").contains("hash chains of 2 disputes"), "{output:?}");
    assert!(files() == before, "the database or its log is another one than before");
    fixture.gateway.restart();
}

#[test]
fn address_in_use_by_another_program_is_reported() {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let data = fixture.gateway.data().to_owned();
    let own = fixture.address().to_string();
    let output = doctor(&data, &["--listen", &own], &[]);
    assert!(message(&output, "listener", "ok").contains("a gateway serves from this data"), "{output:?}");
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    for flag in ["--listen", "--operator-listen", "--metrics-listen"] {
        finds(&doctor(&data, &[flag, &taken], &[]), "listener", "is in use by another program");
    }
}

#[test]
fn read_only_or_missing_database_is_reported_with_its_name() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let file = data.join("rebuttal.db");
    fs::rename(&file, data.join("away")).unwrap();
    finds(&doctor(data, &[], &[]), "database", "this data directory was used before");
    // Permissions do not apply to root.
    fs::create_dir(&file).unwrap();
    finds(&doctor(data, &[], &[]), "database", &format!("cannot write to {}", file.display()));
    let elsewhere = data.join("elsewhere.db");
    fs::create_dir(&elsewhere).unwrap();
    let url = format!("sqlite:{}", elsewhere.display());
    let served = serve(data, &["--database-url", &url]);
    assert!(served.stderr.contains("elsewhere.db: Is a directory"), "{served:?}");
    let typo = format!("sqlite:{}", data.join("typo.db").display());
    let served = serve(data, &["--database-url", &typo]);
    assert!(served.stderr.contains("was used before"), "{served:?}");
    assert!(!data.join("typo.db").exists(), "a database was made");
}
