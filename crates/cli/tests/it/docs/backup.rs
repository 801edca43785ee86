//! A restore by the commands of the page: everything up to the backup is restored byte for byte, and requests used
//! after it cannot be used again. Merchants contest while the backup is taken.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rebuttal_testbed::clock::{LIMIT, now_ms, pause, wait_for};
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::{Bucket, Store};
use rebuttal_testbed::test_gateway::ACCEPT;
use rebuttal_testbed::{Item, Page, SignedCall, TestGateway, samples};
use serde_json::{Value, json};

use crate::common::{bin, gateway};

const PAGE: &str = "docs/operate/backup-and-restore.md";
/// Long enough for a restore in between, short enough to wait for: the bound is one window ahead.
const WINDOW: &str = "10";
/// Far longer than the page's commands take here: a copy that restarts with each commit would never end.
const COMMANDS_LIMIT: &str = "60";
/// Enough bytes that commits happen during the copy.
const WEIGHT_BYTES: usize = 64 << 20;
/// The pause between two commits of the constant load: far shorter than a copy takes.
const REST: Duration = Duration::from_millis(1);

/// Where a backup is restored: the gateway's data directory, with a key that was copied separately.
#[derive(Clone)]
struct RestoreTarget {
    data: PathBuf,
    backup: PathBuf,
    key: PathBuf,
    /// Where the gateway reads its key.
    master_key: PathBuf,
    database_url: String,
    /// The arguments of the gateway's commands besides the data directory.
    settings: Vec<(&'static str, String)>,
}

impl RestoreTarget {
    fn of(fixture: &TestGateway) -> Self {
        Self::with_key(fixture, fixture.gateway.data().join("master.key"))
    }

    fn with_key(fixture: &TestGateway, master_key: PathBuf) -> Self {
        let key = fixture.gateway.scratch().join("the-key-apart");
        std::fs::copy(&master_key, &key).unwrap();
        Self {
            data: fixture.gateway.data().to_owned(),
            backup: fixture.gateway.scratch().join("backup"),
            key,
            master_key,
            database_url: String::new(),
            settings: Vec::new(),
        }
    }

    fn use_database(&mut self, url: &str) {
        url.clone_into(&mut self.database_url);
        self.settings.retain(|(name, _)| *name != "REBUTTAL_DATABASE_URL");
        self.settings.push(("REBUTTAL_DATABASE_URL", url.to_owned()));
    }

    /// Runs commands of the page; returns whether they succeeded, and their output.
    fn attempt(&self, name: &str) -> (bool, String) {
        let output = Command::new("timeout")
            .args([COMMANDS_LIMIT, "sh", "-eu", "-c", &Page::open(PAGE).marked(&format!("run: {name}"))])
            .env("DATA", &self.data)
            .env("BACKUP", &self.backup)
            .env("KEY", &self.key)
            .env("MASTER_KEY_FILE", &self.master_key)
            .env("DATABASE_URL", &self.database_url)
            .env("ENDED", (now_ms() / 1000).to_string())
            .env("WINDOW", WINDOW)
            .env("PATH", format!("{}:{}", bin().parent().unwrap().display(), std::env::var("PATH").unwrap()))
            .env("REBUTTAL_LISTEN", "127.0.0.1:0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let [out, said] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        (output.status.success(), out + &said)
    }

    /// Runs commands of the page, which must succeed; returns their output.
    fn run(&self, name: &str) -> String {
        let (done, said) = self.attempt(name);
        assert!(done, "{name}: {said}");
        said
    }

    /// The output of `doctor` without line breaks.
    fn looked(&self) -> String {
        let (_, said) = self.attempt("check histories and evidence");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn destroy(&self) {
        std::fs::remove_dir_all(&self.data).unwrap();
    }
}

/// The state before the backup, and what was done after it.
struct BackedUpState {
    url: String,
    contested: String,
    shown: Value,
    bytes: Vec<u8>,
    still_open: [String; 2],
    used: [SignedCall; 2],
}

fn evidence(fixture: &TestGateway, shown: &Value) -> Vec<u8> {
    let (no, id) = (&shown["disputeNo"], &shown["submissions"][0]["evidence"][0]["evidenceId"]);
    let path = format!("/disputes/{}/evidence/{}", no.as_str().unwrap(), id.as_str().unwrap());
    let response = fixture.operator.fetch(&path);
    assert_eq!(response.status, 200, "{}", response.text());
    response.body
}

/// Makes a database as large as one that was used for some time.
fn weigh_down(fixture: &TestGateway) {
    let database = rusqlite::Connection::open(fixture.gateway.data().join("rebuttal.db")).unwrap();
    let row = "INSERT INTO meta VALUES ('weight' || ?1, randomblob(?2))";
    let rows = 16;
    for index in 0..rows {
        assert_eq!(database.execute(row, [index, WEIGHT_BYTES / rows]).unwrap(), 1);
    }
}

/// Commits as often as many merchants would. For SQLite only: PostgreSQL has no such file.
fn commit_until(copied: &AtomicBool, fixture: &TestGateway) {
    let Ok(database) = rusqlite::Connection::open_with_flags(
        fixture.gateway.data().join("rebuttal.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE,
    ) else {
        return;
    };
    database.busy_timeout(LIMIT).unwrap();
    // Without a sync, so that there are many commits.
    database.pragma_update(None, "synchronous", "OFF").unwrap();
    while !copied.load(Ordering::Relaxed) {
        let row = "INSERT OR REPLACE INTO meta VALUES ('weight', randomblob(8))";
        assert_eq!(database.execute(row, []).unwrap(), 1);
        pause(REST);
    }
}

/// Cleanup that always runs.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Contests before, during and after the backup; others contest throughout.
fn live(fixture: &TestGateway, back_up: impl FnOnce()) -> BackedUpState {
    let url = fixture.upload(&samples::receipt(1));
    let contested = fixture.dispute();
    let still_open = [fixture.dispute(), fixture.dispute()];
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    let shown = fixture.show(&contested);
    let (contests, copied) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _copied = OnDrop(|| copied.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            while !copied.load(Ordering::Relaxed) {
                fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
                contests.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| commit_until(&copied, fixture));
        wait_for("merchants to be busy", || (contests.load(Ordering::Relaxed) > 1).then_some(()));
        back_up();
    });
    let used = [0, 1].map(|index| fixture.call(ACCEPT, &json!({ "disputeNo": still_open[index] })));
    for call in &used {
        call.send(fixture.address()).is("OK");
    }
    let bytes = evidence(fixture, &shown);
    BackedUpState { url, contested, shown, bytes, still_open, used }
}

/// Restored without the page's second step, the first of the used requests goes through again; with it, none does.
fn restored(fixture: &mut TestGateway, backed_up: &BackedUpState, raise_the_bound: impl FnOnce()) {
    fixture.gateway.restart();
    assert_eq!(fixture.status(&backed_up.still_open[0]), "NEEDS_RESPONSE", "the backup is older");
    backed_up.used[0].send(fixture.address()).is("OK");
    fixture.gateway.kill();

    raise_the_bound();
    fixture.gateway.restart();
    let refused = backed_up.used[1].send(fixture.address()).expect("Common.Auth.StaleTimestamp");
    assert!(refused.message.contains("older than the nonces that the gateway keeps"), "{}", refused.message);
    assert_eq!(fixture.status(&backed_up.still_open[1]), "NEEDS_RESPONSE");

    assert_eq!(fixture.show(&backed_up.contested), backed_up.shown);
    assert_eq!(evidence(fixture, &backed_up.shown), backed_up.bytes);
    fixture.query(&backed_up.contested).is("OK");
    let contest = || fixture.contest(&backed_up.still_open[1], &[Item::receipt(&backed_up.url)]).code;
    wait_for("the bound to pass", || (contest() == "OK").then_some(()));
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn folder(path: &Path, name: &str) -> bool {
    path.join(name).is_dir()
}

#[test]
fn restored_sqlite_is_complete_and_refuses_used_requests() {
    let mut fixture =
        TestGateway::with_builder(gateway().built_in().args(["--freshness-window-seconds", WINDOW]));
    weigh_down(&fixture);
    let target = RestoreTarget::of(&fixture);
    let backed_up = live(&fixture, || drop(target.run("back up sqlite")));
    assert_eq!(mode(&target.backup.join("rebuttal.db")), 0o600);
    fixture.gateway.kill();
    target.destroy();
    target.run("restore sqlite");
    assert!(folder(&target.data, "evidence/m"));
    assert_eq!(target.run("check sqlite"), "ok\n");
    is_whole(&target.looked());
    restored(&mut fixture, &backed_up, || drop(target.run("raise the bound on sqlite")));
}

/// Deletes database and data directory of a test, and returns new ones that are restored from the backup.
fn move_on(
    fixture: &mut TestGateway,
    mut target: RestoreTarget,
    lost: Database,
    restore: &str,
) -> (RestoreTarget, Database) {
    fixture.gateway.kill();
    target.destroy();
    drop(lost);
    let new = Database::shared();
    target.use_database(&new.url());
    fixture.gateway.use_database(&new.url());
    target.run(restore);
    (target, new)
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn restored_postgresql_is_complete_and_refuses_used_requests() {
    let lost = Database::shared();
    let window = ["--freshness-window-seconds", WINDOW];
    let mut fixture = TestGateway::with_builder(gateway().database(&lost.url()).folder().args(window));
    let mut target = RestoreTarget::of(&fixture);
    target.use_database(&lost.url());
    let backed_up = live(&fixture, || drop(target.run("back up postgres and a folder")));
    let (target, _new) = move_on(&mut fixture, target, lost, "restore postgres and a folder");
    is_whole(&target.looked());
    restored(&mut fixture, &backed_up, || drop(target.run("raise the bound on postgres")));
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn restored_replica_finds_files_in_the_bucket_or_its_copy() {
    let (lost, bucket) = (Database::shared(), Store::shared().bucket());
    let elsewhere = tempfile::tempdir().unwrap();
    let key = elsewhere.path().join("etc/master.key");
    std::fs::create_dir(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "5a".repeat(32)).unwrap();
    let args = ["--freshness-window-seconds", WINDOW, "--master-key-file", key.to_str().unwrap()];
    let mut fixture = TestGateway::with_builder(gateway().database(&lost.url()).bucket(&bucket).args(args));
    let mut target = RestoreTarget::with_key(&fixture, key.clone());
    target.use_database(&lost.url());
    target.settings.extend(bucket.store.credentials());
    target.settings.push(("REBUTTAL_MASTER_KEY_FILE", key.display().to_string()));
    let backed_up = live(&fixture, || drop(target.run("back up postgres")));
    std::fs::remove_dir_all(key.parent().unwrap()).unwrap();
    let (target, _new) = move_on(&mut fixture, target, lost, "restore postgres");
    let at = |bucket: &Bucket| {
        let mut settings = target.settings.clone();
        settings.push(("REBUTTAL_EVIDENCE_URL", bucket.evidence_url()));
        RestoreTarget { settings, ..target.clone() }
    };
    is_whole(&at(&bucket).looked());
    restored(&mut fixture, &backed_up, || drop(target.run("raise the bound on postgres")));

    // A copy of the bucket without one file.
    fixture.gateway.kill();
    let copy = Store::shared().bucket();
    let mut copies = bucket.keys("by-hash/m/");
    let kept = copies.split_off(1);
    for key in kept.iter().map(String::as_str).chain(["gateway.mark"]) {
        copy.put(key, &bucket.read(key).unwrap());
    }
    assert!(
        at(&copy).looked().contains("✗ evidence this database's evidence is in"),
        "another place is refused"
    );
    target.run("take another bucket");
    let looked = at(&copy).looked();
    assert!(looked.contains("✗ evidence files") && looked.contains("is missing"), "{looked}");
    copy.put(&copies[0], &bucket.read(&copies[0]).unwrap());
    is_whole(&at(&copy).looked());
}

/// Checks that the doctor reports every history and every file as intact.
#[track_caller]
fn is_whole(looked: &str) {
    for what in ["✓ histories", "✓ evidence files", "with the recorded content"] {
        assert!(looked.contains(what), "{what}: {looked}");
    }
}

#[test]
fn altered_evidence_is_found_by_the_check() {
    let fixture = TestGateway::with_builder(gateway().built_in());
    let target = RestoreTarget::of(&fixture);
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    is_whole(&target.looked());
    let file = target.data.join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap());
    std::fs::write(file, "something else").unwrap();
    let (done, said) = target.attempt("check histories and evidence");
    assert!(!done && said.contains("✗ evidence files"), "{said}");
}
