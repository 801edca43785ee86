//! A restore, done by the page's own commands: everything up to the backup is there again, byte for byte, and what was
//! used after it cannot be used a second time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rebuttal_testbed::clock::{now_ms, wait_for};
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::scene::ACCEPT;
use rebuttal_testbed::{Call, Item, Page, Scene, samples};
use serde_json::{Value, json};

use crate::ground::{bin, gateway};

const PAGE: &str = "docs/operate/backup-and-restore.md";
/// Long enough for a restore in between, short enough to wait for: the bound lies one window ahead.
const WINDOW: &str = "10";
const WINDOW_OVER: Duration = Duration::from_secs(30);

/// A place to restore at: the gateway's own data directory, with a key that was copied apart.
struct Place {
    data: PathBuf,
    backup: PathBuf,
    key: PathBuf,
    database_url: String,
}

impl Place {
    fn of(scene: &Scene, database_url: &str) -> Self {
        let key = scene.gateway.scratch().join("the-key-apart");
        std::fs::copy(scene.gateway.data().join("master.key"), &key).unwrap();
        Self {
            data: scene.gateway.data().to_owned(),
            backup: scene.gateway.scratch().join("backup"),
            key,
            database_url: database_url.to_owned(),
        }
    }

    /// Runs commands of the page; gives what they print.
    fn run(&self, name: &str) -> String {
        let output = Command::new("sh")
            .args(["-eu", "-c", &Page::open(PAGE).marked(&format!("run: {name}"))])
            .env("DATA", &self.data)
            .env("BACKUP", &self.backup)
            .env("KEY", &self.key)
            .env("DATABASE_URL", &self.database_url)
            .env("ENDED", (now_ms() / 1000).to_string())
            .env("WINDOW", WINDOW)
            .env("PATH", format!("{}:{}", bin().parent().unwrap().display(), std::env::var("PATH").unwrap()))
            .env("REBUTTAL_LISTEN", "127.0.0.1:0")
            .output()
            .unwrap();
        let [out, said] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(output.status.success(), "{name}: {out}{said}");
        out
    }

    fn destroy(&self) {
        std::fs::remove_dir_all(&self.data).unwrap();
    }
}

/// What there was before the backup, and what was done after it.
struct Past {
    url: String,
    contested: String,
    shown: Value,
    bytes: Vec<u8>,
    still_open: [String; 2],
    used: [Call; 2],
}

fn evidence(scene: &Scene, shown: &Value) -> Vec<u8> {
    let (no, id) = (&shown["disputeNo"], &shown["submissions"][0]["evidence"][0]["evidenceId"]);
    let path = format!("/disputes/{}/evidence/{}", no.as_str().unwrap(), id.as_str().unwrap());
    let response = scene.operator.fetch(&path);
    assert_eq!(response.status, 200, "{}", response.text());
    response.body
}

/// Contests, backs up while others go on contesting, and goes on after it.
fn live(scene: &Scene, back_up: impl FnOnce()) -> Past {
    let url = scene.upload(&samples::receipt(1));
    let contested = scene.dispute();
    let still_open = [scene.dispute(), scene.dispute()];
    scene.contest(&contested, &[Item::receipt(&url)]).is("OK");
    let shown = scene.show(&contested);
    let others: Vec<_> = (0..40).map(|_| scene.dispute()).collect();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| {
            for other in &others {
                scene.contest(other, &[Item::receipt(&url)]).is("OK");
            }
        });
        back_up();
        busy.join().unwrap();
    });
    let used = [0, 1].map(|index| scene.call(ACCEPT, &json!({ "disputeNo": still_open[index] })));
    for call in &used {
        call.send(scene.address()).is("OK");
    }
    let bytes = evidence(scene, &shown);
    Past { url, contested, shown, bytes, still_open, used }
}

/// Restored without the page's second step, the first of the used requests goes through again; with it, none does.
fn restored(scene: &mut Scene, past: &Past, raise_the_bound: impl FnOnce()) {
    scene.gateway.restart();
    assert_eq!(scene.status(&past.still_open[0]), "NEEDS_RESPONSE", "the backup is older");
    past.used[0].send(scene.address()).is("OK");
    scene.gateway.kill();

    raise_the_bound();
    scene.gateway.restart();
    let refused = past.used[1].send(scene.address()).expect("Common.Auth.StaleTimestamp");
    assert!(refused.message.contains("before what the gateway still remembers"), "{}", refused.message);
    assert_eq!(scene.status(&past.still_open[1]), "NEEDS_RESPONSE");

    assert_eq!(scene.show(&past.contested), past.shown);
    assert_eq!(evidence(scene, &past.shown), past.bytes);
    scene.query(&past.contested).is("OK");
    let contest = || scene.contest(&past.still_open[1], &[Item::receipt(&past.url)]).code;
    wait_for("the bound to pass", WINDOW_OVER, || (contest() == "OK").then_some(()));
}

fn folder(path: &Path, name: &str) -> bool {
    path.join(name).is_dir()
}

#[test]
fn a_restored_sqlite_is_whole_and_takes_no_used_request() {
    let mut scene = Scene::of(gateway().embedded().args(["--freshness-window-seconds", WINDOW]));
    let place = Place::of(&scene, "");
    let past = live(&scene, || drop(place.run("back up sqlite")));
    scene.gateway.kill();
    place.destroy();
    place.run("restore sqlite");
    assert!(folder(&place.data, "evidence/m"));
    assert_eq!(place.run("check sqlite"), "ok\n");
    let looked = place.run("check histories");
    assert!(looked.contains("43 disputes are what their"), "{looked}");
    restored(&mut scene, &past, || drop(place.run("raise the bound on sqlite")));
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn a_restored_postgresql_is_whole_and_takes_no_used_request() {
    let (lost, new) = (Database::shared(), Database::shared());
    let window = ["--freshness-window-seconds", WINDOW];
    let mut scene = Scene::of(gateway().database(&lost.url()).args(window));
    let place = Place::of(&scene, &lost.url());
    let past = live(&scene, || drop(place.run("back up postgres")));
    scene.gateway.kill();
    place.destroy();
    drop(lost);
    let place = Place { database_url: new.url(), ..place };
    place.run("restore postgres");
    assert_eq!(place.run("check postgres"), "");
    scene.gateway.use_database(&new.url());
    restored(&mut scene, &past, || drop(place.run("raise the bound on postgres")));
}

#[test]
fn a_file_that_is_not_what_was_contested_is_found_by_the_check() {
    let scene = Scene::of(gateway().embedded());
    let place = Place::of(&scene, "");
    std::fs::create_dir(&place.backup).unwrap();
    let url = scene.upload(&samples::receipt(1));
    scene.contest(&scene.dispute(), &[Item::receipt(&url)]).is("OK");
    assert_eq!(place.run("check sqlite"), "ok\n");
    let file = place.data.join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap());
    std::fs::write(file, "something else").unwrap();
    let found = std::panic::catch_unwind(|| place.run("check sqlite"));
    assert!(found.is_err(), "the check saw nothing");
}
