//! `rebuttal migrate` copies everything to PostgreSQL and S3, and the gateway continues there. Run by `cargo xtask
//! test`, which starts both.

use std::process::{Command, Output};

use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::{Bucket, Store};
use rebuttal_testbed::{Gateway, Item, TestGateway, samples};
use serde_json::Value;

use crate::common::{bin, gateway, sqlite_test_gateway};

struct Migration {
    fixture: TestGateway,
    database: Database,
    bucket: Bucket,
}

impl Migration {
    fn new() -> Self {
        Self {
            fixture: sqlite_test_gateway(),
            database: Database::shared(),
            bucket: Store::shared().bucket(),
        }
    }

    fn stop(&mut self) {
        self.fixture.gateway.terminate();
        assert!(self.fixture.gateway.wait().success());
    }

    fn moved(&self, more: &[&str]) -> Output {
        let mut command = Command::new(bin());
        command.args(["migrate", "--yes", "--json", "--data"]).arg(self.fixture.gateway.data());
        command.args(["--evidence-to", &self.bucket.evidence_url()]).args(more);
        command.env("REBUTTAL_MIGRATE_TO", self.database.url()).envs(self.bucket.store.credentials());
        command.output().unwrap()
    }

    /// The migrated gateway, at its old address.
    fn reopened(&self) -> Gateway {
        let data = self.fixture.gateway.data();
        let gateway = gateway().built_in().data(data).port(self.fixture.address().port());
        gateway.database(&self.database.url()).bucket(&self.bucket).start()
    }
}

/// A failure is printed on standard error, or with `--json` on standard output.
fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    out + &err
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn migrated_gateway_keeps_its_state() {
    let mut migration = Migration::new();
    let fixture = &migration.fixture;
    let [submitted, waiting] = [1, 2].map(|number| fixture.upload(&samples::receipt(number)));
    let (contested, open) = (fixture.dispute(), fixture.dispute());
    let contest = fixture.contest_call(&contested, &[Item::receipt(&submitted)]);
    contest.send(fixture.address()).is("OK");
    let before = fixture.show(&contested);

    let refused = migration.moved(&[]);
    assert!(
        said(&refused).contains("stop it, or wait until it has finished"),
        "while it is served: {}",
        said(&refused)
    );

    migration.stop();
    let moved = done(&migration.moved(&[]));
    assert_eq!(moved["files"]["files"], 2);
    let rows = |table: &str| {
        let tables = moved["tables"].as_array().unwrap();
        tables.iter().find(|row| row["name"] == table).map(|row| row["rows"].as_u64().unwrap())
    };
    assert_eq!((rows("disputes"), rows("submissions"), rows("uploads")), (Some(2), Some(1), Some(2)));

    let gateway = migration.reopened();
    let fixture = &migration.fixture;
    assert_eq!(fixture.show(&contested), before);
    contest.send(gateway.address()).is("Common.Auth.ReplayedNonce");
    fixture.contest(&contested, &[Item::receipt(&submitted)]).is("OK");
    fixture.contest(&open, &[Item::receipt(&waiting)]).is("OK");
    assert_eq!(
        fixture.operator.fetch(&format!("/disputes/{open}/evidence/1-1")).body,
        samples::receipt(2).bytes
    );
    drop(gateway);

    // The old data is locked, so that no gateway serves from both.
    let start = Command::new(bin())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(fixture.gateway.data())
        .output();
    let start = start.unwrap();
    assert!(!start.status.success() && said(&start).contains("set database_url"), "{}", said(&start));
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn old_folder_of_migrated_evidence_is_not_served() {
    let mut migration = Migration::new();
    let (dispute, url) = (migration.fixture.dispute(), migration.fixture.upload(&samples::receipt(1)));
    migration.stop();
    let move_evidence = || {
        let mut command = Command::new(bin());
        command.args(["migrate", "--yes", "--json", "--data"]).arg(migration.fixture.gateway.data());
        command.args(["--evidence-to", &migration.bucket.evidence_url()]);
        done(&command.envs(migration.bucket.store.credentials()).output().unwrap())
    };
    assert_eq!(move_evidence()["files"]["files"], 1);
    assert_eq!(move_evidence()["files"]["files"], 1, "again is a repetition");
    let start = Command::new(bin())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(migration.fixture.gateway.data())
        .output()
        .unwrap();
    let message = said(&start);
    assert!(!start.status.success() && message.contains("this database's evidence is in s3://"), "{message}");
    let doctor =
        Command::new(bin()).args(["doctor", "--data"]).arg(migration.fixture.gateway.data()).output();
    let stdout = String::from_utf8(doctor.unwrap().stdout).unwrap();
    assert!(stdout.contains("evidence is in s3://"), "{stdout}");
    // The database that is migrated later records the new location, too.
    let mut command = Command::new(bin());
    command.args(["migrate", "--yes", "--json", "--data"]).arg(migration.fixture.gateway.data());
    done(&command.env("REBUTTAL_MIGRATE_TO", migration.database.url()).output().unwrap());
    let gateway = migration.reopened();
    migration.fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    drop(gateway);
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn missing_or_altered_file_stops_the_migration() {
    let mut migration = Migration::new();
    let [lost, altered] = [1, 2].map(|number| migration.fixture.upload(&samples::receipt(number)));
    migration.stop();
    let evidence = migration.fixture.gateway.data().join("evidence");
    let path = |url: &str| evidence.join(url.strip_prefix("s3://uploaded/").unwrap());
    let whole = std::fs::read(path(&altered)).unwrap();
    std::fs::write(path(&altered), samples::receipt(3).bytes).unwrap();
    assert!(said(&migration.moved(&[])).contains("was altered in the folder"));
    std::fs::write(path(&altered), whole).unwrap();
    std::fs::remove_file(path(&lost)).unwrap();
    let refused = migration.moved(&[]);
    assert!(
        said(&refused).contains(&lost) && said(&refused).contains("--skip-missing"),
        "{}",
        said(&refused)
    );
    migration.fixture.gateway.restart();
    migration.stop();
    let moved = done(&migration.moved(&["--skip-missing"]));
    assert_eq!((&moved["files"]["files"], &moved["files"]["missing"][0]), (&1.into(), &lost.into()));
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn killed_migration_is_completed_by_a_rerun() {
    let mut migration = Migration::new();
    let dispute = migration.fixture.dispute();
    let url = migration.fixture.upload(&samples::receipt(1));
    migration.stop();
    done(&migration.moved(&[]));
    // The state before the last step: the old data is locked, the new data not yet released.
    let old = rusqlite::Connection::open(migration.fixture.gateway.data().join("rebuttal.db")).unwrap();
    let key: Vec<u8> =
        old.query_row("SELECT value FROM meta WHERE name = 'key_check'", [], |row| row.get(0)).unwrap();
    let last: i64 = old.query_row("SELECT max(entry_id) FROM outbox", [], |row| row.get(0)).unwrap();
    let marker =
        format!(r#"{{"source":"{}","table":"outbox","after":[{{"Number":{last}}}]}}"#, hex::encode(key));
    let _ =
        migration.database.query(&format!("INSERT INTO meta VALUES ('data_migration', '{marker}'::bytea)"));
    done(&migration.moved(&[]));
    let gateway = migration.reopened();
    migration.fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    drop(gateway);
    let again = migration.moved(&[]);
    assert!(said(&again).contains("migrated to"), "{}", said(&again));
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn empty_database_with_a_used_bucket_is_rejected() {
    let mut migration = Migration::new();
    let _ = migration.fixture.upload(&samples::receipt(1));
    migration.stop();
    done(&migration.moved(&[]));
    let other = tempfile::tempdir().unwrap();
    let mut start = Command::new(bin());
    start.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(other.path());
    start.arg("--master-key-file").arg(migration.fixture.gateway.data().join("master.key"));
    let empty = Database::shared();
    start.env("REBUTTAL_DATABASE_URL", empty.url());
    start
        .env("REBUTTAL_EVIDENCE_URL", migration.bucket.evidence_url())
        .envs(migration.bucket.store.credentials());
    let start = start.output().unwrap();
    assert!(!start.status.success() && said(&start).contains("the database is empty"), "{}", said(&start));
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn database_only_migration_needs_its_key_and_prints_settings() {
    let mut fixture = sqlite_test_gateway();
    let _ = fixture.dispute();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let (data, database) = (fixture.gateway.data().to_owned(), Database::shared());
    let moved = || {
        let mut command = Command::new(bin());
        command.args(["migrate", "--yes", "--data"]).arg(&data).env("REBUTTAL_MIGRATE_TO", database.url());
        command.output().unwrap()
    };
    let key = data.join("master.key");
    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    let refused = moved();
    assert!(!refused.status.success() && said(&refused).contains("another master key"), "{}", said(&refused));
    std::fs::write(&key, right).unwrap();
    let output = moved();
    let settings = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        settings.contains("database_url = \"postgres://") && output.status.success(),
        "{settings}{}",
        said(&output)
    );
    let again = sqlite_test_gateway();
    let data = again.gateway.data();
    let mut command = Command::new(bin());
    command.args(["migrate", "--yes", "--data"]).arg(data).env("REBUTTAL_MIGRATE_TO", database.url());
    assert!(said(&command.output().unwrap()).contains("or a running migration"));
}
