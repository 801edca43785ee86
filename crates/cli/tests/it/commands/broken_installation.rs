//! Broken installations: `doctor` reports what is broken, and `serve` refuses to start with the same advice instead of
//! creating what is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::{Gateway, TestGateway};

use crate::commands::doctor::{doctor, finds, message, serve, stopped};
use crate::common::{CommandOutput, bin, rebuttal};

/// The output of a start, without line breaks.
fn said(data: &Path, more: &[&str]) -> String {
    serve(data, more).stderr.replace("\n  ", " ")
}

/// A stopped gateway without uploads.
fn unused() -> TestGateway {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    fixture
}

#[test]
fn missing_empty_evidence_folder_is_reported() {
    let mut fixture = unused();
    let data = fixture.gateway.data().to_owned();
    let (evidence, away) = (data.join("evidence"), data.join("away"));
    fs::rename(&evidence, &away).unwrap();
    let what = format!("{} does not exist: it was removed, moved, or is not mounted", evidence.display());
    finds(&doctor(&data, &[], &[]), "evidence", &what);
    assert!(said(&data, &[]).contains(&what) && !evidence.exists());
    // A mount point without its volume.
    fs::create_dir(&evidence).unwrap();
    finds(&doctor(&data, &[], &[]), "evidence", "has no ownership marker");
    assert!(said(&data, &[]).contains("has no ownership marker"));
    assert_eq!(fs::read_dir(&evidence).unwrap().count(), 0, "something was made in it");
    // The advice of both: mount it again, or confirm that it is lost.
    fs::remove_dir(&evidence).unwrap();
    fs::rename(&away, &evidence).unwrap();
    assert_eq!(doctor(&data, &[], &[]).code, 0);
    fs::remove_dir_all(&evidence).unwrap();
    fs::create_dir(&evidence).unwrap();
    fs::write(evidence.join("gateway.mark"), "").unwrap();
    fixture.gateway.restart();
    assert!(message(&doctor(&data, &[], &[]), "evidence", "ok").contains("stores files"));
}

#[test]
fn empty_volume_before_the_first_start_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    fs::create_dir_all(volume.join("lost+found")).unwrap();
    let url = format!("file://{}", volume.display());
    let output = doctor(&folder.path().join("data"), &["--evidence-url", &url], &[]);
    assert!(message(&output, "evidence", "warning").contains("belongs to no gateway yet"), "{output:?}");
    assert_eq!(output.code, 0);
}

#[test]
fn invalid_certificate_or_key_is_reported_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, others, empty, nope) = (at("c"), at("k"), at("o"), at("empty"), at("nope"));
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (own, other) = (make(), make());
    fs::write(&certificate, own.cert.pem()).unwrap();
    for (path, pem) in [(&key, own.signing_key.serialize_pem()), (&others, other.signing_key.serialize_pem())]
    {
        fs::write(path, pem).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    fs::write(&empty, "").unwrap();
    let data = folder.path().join("data");
    for (certificate, key, what) in [
        (&nope, &key, format!("tls_certificate: cannot read {nope}: there is no such file")),
        (&certificate, &nope, format!("tls_key: cannot read {nope}: there is no such file")),
        (&empty, &key, format!("tls_certificate: {empty} contains no certificate")),
        (&certificate, &empty, format!("tls_key: {empty} contains no PEM private key")),
        (
            &certificate,
            &others,
            format!("tls_key: {others} does not belong to the certificate in {certificate}"),
        ),
    ] {
        let flags = ["--tls-certificate", certificate, "--tls-key", key];
        finds(&doctor(&data, &flags, &[]), "TLS", &what);
        assert!(said(&data, &flags).contains(&what), "{what}");
    }
    let flags = ["--tls-certificate", &certificate, "--tls-key", &key];
    assert!(message(&doctor(&data, &flags, &[]), "TLS", "ok").contains("are readable and match"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    finds(&doctor(&data, &flags, &[]), "TLS", "every user of this machine may read");
}

#[test]
fn expired_or_expiring_certificate_is_reported() {
    const DAY_S: i64 = 24 * 60 * 60;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, data) = (at("c"), at("k"), folder.path().join("data"));
    let signing = rcgen::KeyPair::generate().unwrap();
    fs::write(&key, signing.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let moment = |days: i64| {
        let since = u64::try_from(now_ms() / 1000 + days * DAY_S).unwrap();
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(since)
    };
    for (from, to, state, what) in [
        (-30, -21, "fault", "expired at 20"),
        (2, 300, "fault", "is valid only from 20"),
        (-30, 7, "warning", "expires at 20"),
        (-30, 60, "ok", "are readable and match"),
    ] {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (moment(from), moment(to));
        fs::write(&certificate, params.self_signed(&signing).unwrap().pem()).unwrap();
        let flags = ["--tls-certificate", &certificate, "--tls-key", &key];
        let found = message(&doctor(&data, &flags, &[]), "TLS", state);
        assert!(found.contains(what), "{from} {to}: {found}");
        let gateway = Gateway::builder(bin()).built_in().https().args(flags).start();
        assert_eq!(gateway.stderr().contains(&format!("a certificate in {certificate} ")), state != "ok");
    }
}

/// Not contacted.
const NO_METADATA: (&str, &str) = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");

#[test]
fn missing_s3_credentials_are_reported_with_their_variables() {
    const PLACE: &str = "s3://evidence?endpoint=http://127.0.0.1:1";
    let fixture = stopped();
    let data = fixture.gateway.data();
    let folder = tempfile::tempdir().unwrap();
    let env = [("REBUTTAL_EVIDENCE_URL", PLACE.to_owned()), (NO_METADATA.0, NO_METADATA.1.to_owned())];
    let output = doctor(&folder.path().join("data"), &[], &env);
    const WHAT: &str = "no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    finds(&output, "evidence", WHAT);
    let mut moving =
        rebuttal(&["migrate", "--data", data.to_str().unwrap(), "--evidence-to", PLACE, "--yes"]);
    moving.env(NO_METADATA.0, NO_METADATA.1);
    let output = CommandOutput::run(moving);
    let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.code == 1 && said.contains(WHAT), "{output:?}");
}

/// A change of the schema, its severity, the message, and whether a gateway starts with it.
const SCHEMAS: [(&str, &str, &str, bool); 7] = [
    ("DROP TABLE outbox", "fault", "outbox", false),
    ("ALTER TABLE tokens DROP COLUMN revoked_at", "fault", "revoked_at", false),
    ("DROP TABLE meta", "fault", "meta", false),
    (
        "DELETE FROM meta WHERE name = 'min_binary'",
        "fault",
        "the row min_binary of the table meta is missing",
        false,
    ),
    (
        "DELETE FROM refinery_schema_history",
        "fault",
        "the table refinery_schema_history records no migration",
        false,
    ),
    (
        "UPDATE refinery_schema_history SET name = 'theirs' WHERE version = 2",
        "fault",
        "migration 2 (token_roles) was applied by another build of rebuttal",
        false,
    ),
    (
        "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history \
         WHERE version = 1; ALTER TABLE merchants ADD COLUMN later TEXT",
        "warning",
        "a newer version of rebuttal has added to the schema: migration 99 (later)",
        true,
    ),
];

/// Checks what `doctor` reports of a schema, and whether a start accepts it.
fn looks_at_schema(
    fixture: &mut TestGateway,
    env: &[(&str, String)],
    (_, state, what, starts): (&str, &str, &str, bool),
) {
    let output = doctor(fixture.gateway.data(), &[], env);
    assert!(message(&output, "database", state).contains(what), "{what}: {output:?}");
    assert!(!message(&output, "master key", "ok").contains("has no master key yet"), "{output:?}");
    assert!(!message(&output, "database", "fault").contains("see that it is there"), "{output:?}");
    if starts {
        fixture.gateway.restart();
        // Our message once, and no library's.
        let said = fixture.gateway.stderr();
        assert!(said.matches(what).count() == 1 && !said.contains("ERROR"), "{what}: {said}");
        return;
    }
    let mut start =
        rebuttal(&["serve", "--listen", "127.0.0.1:0", "--data", fixture.gateway.data().to_str().unwrap()]);
    start.envs(env.iter().map(|(name, value)| (name, value)));
    let output = CommandOutput::run(start);
    assert!(output.code == 1 && output.stderr.replace("\n  ", " ").contains(what), "{what}: {output:?}");
}

#[test]
fn incomplete_schema_is_reported_and_not_served() {
    for case in SCHEMAS {
        let mut fixture = unused();
        let file = fixture.gateway.data().join("rebuttal.db");
        rusqlite::Connection::open(file).unwrap().execute_batch(case.0).unwrap();
        looks_at_schema(&mut fixture, &[], case);
    }
}

/// A shell command that damages a data directory, the check of `doctor` that reports it, and the message of `doctor`
/// and `serve`.
const FILES: [(&str, &str, &str); 13] = [
    ("rm -r DATA; touch DATA", "data directory", "is a file, not a folder"),
    ("mv DATA away; ln -s nowhere DATA", "data directory", "is a link to nowhere, which does not exist"),
    (
        "rm DATA/rebuttal.db*; head -c 20000 /dev/zero > DATA/rebuttal.db",
        "database",
        "restore the database from a backup",
    ),
    ("truncate -s 20000 DATA/rebuttal.db", "database", "restore the database from a backup"),
    ("rm DATA/rebuttal.db*", "database", "is missing or empty, but"),
    ("rm DATA/master.key; mkdir DATA/master.key", "master key", "it is a folder, and a file is needed"),
    (
        "rm DATA/master.key; ln -s nowhere DATA/master.key",
        "master key",
        "it is a symbolic link to nowhere, which does not exist",
    ),
    (": > DATA/master.key", "master key", "is not a master key of 64 hex digits"),
    ("rm DATA/master.key", "master key", "there is no such file"),
    ("rm -r DATA/evidence; touch DATA/evidence", "evidence", "is a file, not a folder"),
    (
        "rm -r DATA/evidence; ln -s nowhere DATA/evidence",
        "evidence",
        "does not exist: it was removed, moved, or is not mounted",
    ),
    (": > DATA/operator.token", "data directory", "has no valid token: write the first operator"),
    (
        "rm DATA/operator.token; mkdir DATA/operator.token",
        "data directory",
        "it is a folder, and a file is needed",
    ),
];

#[test]
fn files_of_the_wrong_kind_are_reported_and_not_served() {
    for (command, about, what) in FILES {
        let fixture = unused();
        let data = fixture.gateway.data();
        let script = format!(
            "set -e; cd {}; {}",
            fixture.gateway.scratch().display(),
            command.replace("DATA", "data")
        );
        let output = CommandOutput::run({
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &script]);
            shell
        });
        assert_eq!(output.code, 0, "{output:?}");
        let output = doctor(data, &[], &[]);
        finds(&output, about, what);
        // Without a data directory, what depends on it is reported once.
        let is_unusable = about == "data directory" && !data.is_dir();
        assert!(!is_unusable || output.stdout.matches("not checked: ").count() == 1, "{output:?}");
        let said = said(data, &[]);
        assert!(said.contains(what), "{command}: {said}");
    }
}

#[test]
fn full_disk_is_reported_once_for_all_its_folders() {
    let fixture = unused();
    let json = doctor(fixture.gateway.data(), &[], &[]).json();
    let disks = json["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "disk");
    assert_eq!(disks.count(), 1, "{json}");
}
