//! Data corruption and a faulty environment: a full disk, missing rows, secrets that cannot be decrypted, altered
//! responses. `doctor` reports each, and `serve` suggests nothing that would make it worse.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::{Gateway, Item, TestGateway, samples};

use crate::commands::doctor::{doctor, finds, message, serve, stopped};
use crate::common::{CommandOutput, bin, without_rebuttal_env};

fn run_sql(data: &Path, sql: &str) {
    rusqlite::Connection::open(data.join("rebuttal.db")).unwrap().execute_batch(sql).unwrap();
}

/// The output of a start, without line breaks.
fn said(data: &Path) -> String {
    serve(data, &[]).stderr.replace("\n  ", " ")
}

/// A command with a copy of a data directory on a full disk.
fn on_full_disk(data: &Path, command: &str) -> CommandOutput {
    let folder = tempfile::tempdir().unwrap();
    let script = "set -e; mount -t tmpfs -o size=4m tmpfs \"$1\"; mkdir -m 700 \"$1/data\"; cp -a \"$2/.\" \"$1/data\"; \
                  rm -f \"$1/data\"/*-shm; dd if=/dev/zero of=\"$1/fill\" bs=4k 2>/dev/null || true; \
                  exec \"$0\" $3 --listen 127.0.0.1:0 --data \"$1/data\"";
    let mut unshared = without_rebuttal_env(Path::new("unshare"));
    unshared.args(["-rm", "sh", "-c", script]).arg(bin()).args([folder.path(), data]).arg(command);
    CommandOutput::run(unshared)
}

/// Whether this user may mount a disk, which some containers do not allow.
fn may_mount() -> bool {
    let script = "mount -t tmpfs tmpfs \"$0\"";
    let folder = tempfile::tempdir().unwrap();
    let mut unshared = without_rebuttal_env(Path::new("unshare"));
    unshared.args(["-rm", "sh", "-c", script]).arg(folder.path());
    CommandOutput::run(unshared).code == 0
}

#[test]
#[ignore = "needs user namespaces, to mount a disk that it fills: cargo xtask test runs it"]
fn full_disk_is_reported_whatever_the_database_error() {
    if !may_mount() {
        eprintln!("no disk can be mounted here, so none was filled");
        return;
    }
    let fixture = stopped();
    let data = fixture.gateway.data();
    let output = on_full_disk(data, "doctor --json");
    finds(&output, "disk", "is full, with 0 kB left: free space on it");
    finds(&output, "database", "is full");
    let output = on_full_disk(data, "serve");
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.replace("\n  ", " ").contains("is full, with 0 kB left: free space on it"),
        "{output:?}"
    );
}

#[test]
fn skipped_check_is_reported_with_its_reason() {
    let fixture = stopped();
    let nowhere = [("REBUTTAL_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing".to_owned())];
    let output = doctor(fixture.gateway.data(), &[], &nowhere);
    for about in ["master key", "clock", "histories", "evidence"] {
        assert!(
            message(&output, about, "warning").contains("the database could not be checked"),
            "{output:?}"
        );
    }
    assert!(output.stdout.contains("MB are free on the disk of"), "no finding of the disk: {output:?}");
}

#[test]
fn damaged_database_page_is_reported_as_damage() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let file = data.join("rebuttal.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xa5);
    fs::write(&file, bytes).unwrap();
    let what = "the database file is damaged, or is not a gateway's database";
    finds(&doctor(data, &[], &[]), "database", what);
    let said = said(data);
    assert!(said.contains(what) && said.contains("restore the database from a backup"), "{said}");
    assert!(!said.contains("a value that this version cannot read"), "{said}");
}

#[test]
fn missing_key_check_is_not_an_empty_database() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    run_sql(data, "DELETE FROM meta WHERE name = 'key_check'");
    let what = "the schema is incomplete: the row key_check of the table meta is missing";
    let output = doctor(data, &[], &[]);
    finds(&output, "database", what);
    let key = message(&output, "master key", "warning");
    assert!(key.contains("the database's faults must be repaired first"), "{output:?}");
    let said = said(data);
    assert!(said.contains(what) && said.contains("restore it whole from a backup"), "{said}");
    assert!(!said.contains("empty") && !said.contains("anew"), "{said}");
}

#[test]
fn undecryptable_secrets_are_reported_with_their_apps() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let sound = message(&doctor(data, &[], &[]), "master key", "ok");
    assert!(sound.contains("decrypts its app secrets; checked: 1"), "{sound}");
    run_sql(data, "UPDATE secrets SET sealed = zeroblob(length(sealed))");
    let output = doctor(data, &[], &[]);
    finds(&output, "master key", "secrets that the master key does not decrypt: 1 of 1");
    finds(&output, "master key", &fixture.signer.app_id);
}

#[test]
fn unknown_operator_token_is_a_warning() {
    let mut fixture = stopped();
    let data = fixture.gateway.data().to_owned();
    assert_eq!(message(&doctor(&data, &[], &[]), "operator token", "warning"), "");
    fs::write(data.join("operator.token"), "another-token-of-somebody\n").unwrap();
    let output = doctor(&data, &[], &[]);
    assert!(message(&output, "operator token", "warning").contains("the next start makes it"), "{output:?}");
    fixture.gateway.restart();
    assert_eq!(message(&doctor(&data, &[], &[]), "operator token", "warning"), "", "it is the first one now");
}

#[test]
fn empty_ownership_marker_is_a_warning_and_names_the_loss() {
    let mut fixture = stopped();
    let evidence = fixture.gateway.data().join("evidence");
    fs::remove_dir_all(&evidence).unwrap();
    fs::create_dir(&evidence).unwrap();
    fs::write(evidence.join("gateway.mark"), "").unwrap();
    let output = doctor(fixture.gateway.data(), &[], &[]);
    let word = message(&output, "evidence", "warning");
    assert!(word.contains("the next start claims it. Uploaded files"), "{output:?}");
    fixture.gateway.restart();
    let said = fixture.gateway.stderr();
    assert!(
        said.contains("are missing for this gateway") && !said.contains("no upload was recorded before"),
        "{said}"
    );
}

#[test]
fn nonce_bound_of_a_restore_is_not_lowered() {
    let fixture = stopped();
    let data = fixture.gateway.data();
    let raised = now_ms() + 300_000;
    run_sql(data, &format!("UPDATE meta SET value = CAST('{raised}' AS BLOB) WHERE name = 'nonce_bound'"));
    let output = doctor(data, &[], &[]);
    finds(&output, "clock", "If nonce_bound was raised after a restore, this is intended: wait until");
    assert!(!message(&output, "clock", "fault").contains("set nonce_bound"), "{output:?}");
}

#[test]
fn overwritten_database_file_is_reported_with_restore_advice() {
    for from in [0, 1] {
        let fixture = stopped();
        let data = fixture.gateway.data();
        let file = data.join("rebuttal.db");
        let mut bytes = fs::read(&file).unwrap();
        bytes[from * 4096..].fill(0x5a);
        fs::write(&file, bytes).unwrap();
        let output = doctor(data, &[], &[]);
        for what in ["keep", "restore the database from a backup", "backup-and-restore.md"] {
            finds(&output, "database", what);
        }
        assert!(said(data).contains("restore"), "{}", said(data));
    }
}

#[test]
fn missing_or_truncated_contested_files_are_reported() {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let (dispute_no, url) = (fixture.dispute(), fixture.upload(&samples::receipt(1)));
    let _ = fixture.contest(&dispute_no, &[Item::receipt(&url)]).ok();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let data = fixture.gateway.data();
    let sound = message(&doctor(data, &["--histories"], &[]), "evidence files", "ok");
    assert!(
        sound.contains("1 file of contested disputes checked")
            && sound.contains("their content was not read"),
        "{sound}"
    );
    let m = data.join("evidence/m");
    let find = CommandOutput::run({
        let mut find = without_rebuttal_env(Path::new("find"));
        find.arg(&m).args(["-type", "f"]);
        find
    });
    let file = find.stdout.trim();
    let whole = fs::metadata(file).unwrap().len();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(whole - 1).unwrap();
    let what = format!("has {} bytes instead of {whole}", whole - 1);
    finds(&doctor(data, &["--histories"], &[]), "evidence files", &what);
    fs::remove_file(file).unwrap();
    let output = doctor(data, &["--histories"], &[]);
    finds(
        &output,
        "evidence files",
        "is missing. They were deleted or changed by something other than a gateway",
    );
    finds(&output, "evidence files", &dispute_no);
}

/// Passes requests on one by one, and answers without the Authorization header or with another body.
fn meddle(listener: TcpListener, gateway: SocketAddr, meddled: fn(&str) -> String) {
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut block = [0; 4096];
            // A request of `doctor` has a few hundred bytes, and a body that ends in a brace.
            while request.last() != Some(&b'}') {
                let read = client.read(&mut block).unwrap();
                assert_ne!(read, 0);
                request.extend(&block[..read]);
            }
            let request =
                String::from_utf8(request).unwrap().replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let mut upstream = TcpStream::connect(gateway).unwrap();
            upstream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            upstream.read_to_string(&mut answer).unwrap();
            client.write_all(meddled(&answer).as_bytes()).unwrap();
        }
    });
}

#[test]
fn altering_proxy_is_distinguished_from_another_gateway() {
    let unsigned: fn(&str) -> String = |answer| {
        let lines = answer.split("\r\n").filter(|line| !line.to_lowercase().starts_with("authorization:"));
        lines.collect::<Vec<_>>().join("\r\n")
    };
    let altered: fn(&str) -> String =
        |answer| answer.replacen("{\"", "{ \"", 1).replacen("\"}", "\"", 1) + "}";
    for meddled in [unsigned, altered] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fixture =
            TestGateway::with_builder(Gateway::builder(bin()).built_in().args(["--public-url", &url]));
        meddle(listener, fixture.address(), meddled);
        let output = doctor(fixture.gateway.data(), &["--public-url", &url], &[]);
        finds(&output, "public URL", "a proxy removed the Authorization header of its answer");
        assert!(!message(&output, "public URL", "fault").contains("operator"), "{output:?}");
    }
}
