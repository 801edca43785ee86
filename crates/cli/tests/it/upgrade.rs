//! The upgrade of a database from the layout of version 3, whose tables have one row for each dispute's entry in the
//! order of disputes, to the present one: nothing is lost, and it can be killed at any place.

use std::process::Stdio;
use std::time::Duration;

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::operator::in_days;
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::{Item, TestGateway, samples};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::common::{CommandOutput, gateway, rebuttal, scaled, sqlite_test_gateway};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/migrations");

/// The migrations up to version 3.
fn version_3(database: &str) -> String {
    let read = |name: &str| std::fs::read_to_string(format!("{MIGRATIONS}/{database}/{name}.sql")).unwrap();
    ["V1__initial", "V2__token_roles", "V3__shown_secrets"].map(read).concat()
}

/// Copies of a dispute that was contested, more than a page of the migration. Their hashes are not theirs.
fn copies_of(dispute: &str) -> String {
    let copies = scaled(50_000);
    let columns = "merchant_id, status, stage, deadline, sequence, head, submission_number, submission_stage, \
                   submission_fingerprint, opening, payment_no, merchant_trade_no, payment_amount, dispute_amount, \
                   currency, dispute_reason, reason_code, rrn, created_at";
    let of = |table: &str, columns: &str| {
        format!(
            "INSERT INTO {table} (dispute_no, {columns}) SELECT 'copy-' || n, {columns} FROM {table}, copies \
             WHERE dispute_no = '{dispute}';"
        )
    };
    let tables = [
        of("disputes", columns),
        of("history", "sequence, at, event, actor, detail, hash"),
        of("submissions", "number, stage, submitted_at, fingerprint"),
        of("evidence", "submission, position, type, name, url, sha256, size, media_type"),
    ];
    format!(
        "CREATE TABLE copies (n INTEGER); \
         INSERT INTO copies WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {copies}) \
         SELECT n FROM n; {} DROP TABLE copies;",
        tables.concat()
    )
}

/// Disputes in every state, by number.
fn disputes(fixture: &TestGateway) -> Vec<String> {
    let [one, two, _] = [1, 2, 3].map(|number| fixture.upload(&samples::receipt(number)));
    let act = |dispute: &str, action: &str, body: &Value| drop(fixture.operator.does(dispute, action, body));
    let contested = || {
        let dispute = fixture.dispute();
        fixture.contest(&dispute, &[Item::receipt(&one), Item::receipt(&two)]).ok();
        dispute
    };
    let [requested, advanced, won] = [contested(), contested(), contested()];
    act(&requested, "requestEvidence", &json!({ "deadline": in_days(2), "note": "the signed receipt" }));
    fixture.contest(&requested, &[Item::receipt(&two)]).ok();
    act(&advanced, "advance", &json!({ "type": "PRE_ARBITRATION", "deadline": in_days(3) }));
    act(&won, "resolve", &json!({ "outcome": "WON" }));
    let accepted = fixture.dispute();
    fixture.accept(&accepted).ok();
    vec![contested(), requested, advanced, won, accepted, fixture.dispute()]
}

/// Kills ten starts at different places of the migration, and lets the last one finish.
fn migrate(fixture: &mut TestGateway, env: &[(&str, &str)]) {
    let data = fixture.gateway.data().to_owned();
    for kill in 1..=10 {
        let mut serve = rebuttal(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        serve.envs(env.iter().copied()).stderr(Stdio::null());
        let mut gateway = serve.spawn().unwrap();
        pause(Duration::from_millis(40 * kill));
        gateway.kill().unwrap();
        gateway.wait().unwrap();
    }
    fixture.gateway.restart();
}

/// The copies whose history is one chain and which are in the queue once, where they belong.
const WHOLE: &str = "\
    WITH chains AS (SELECT one.dispute_id, count(*) AS entries, count(two.entry_id) AS links FROM history AS one \
        LEFT JOIN history AS two ON one.previous = two.entry_id AND one.dispute_id = two.dispute_id \
        AND one.sequence = two.sequence + 1 GROUP BY one.dispute_id) \
    SELECT count(*) FROM disputes JOIN chains USING (dispute_id) JOIN dispute_queue AS queue USING (dispute_id) \
    WHERE dispute_no LIKE 'copy-%' AND entries = sequence AND links = sequence - 1 AND position = last_entry \
        AND queue.status = disputes.status";

fn every_copy_is_whole(count: impl Fn(&str) -> String) {
    assert_eq!(count(WHOLE), scaled(50_000).to_string());
    assert_eq!(count("SELECT count(*) FROM dispute_queue"), count("SELECT count(*) FROM disputes"));
}

const DELETE_COPIES: &str = "\
    DELETE FROM submissions WHERE entry_id IN (SELECT entry_id FROM history JOIN disputes USING (dispute_id) \
        WHERE dispute_no LIKE 'copy-%'); \
    DELETE FROM history WHERE dispute_id IN (SELECT dispute_id FROM disputes WHERE dispute_no LIKE 'copy-%'); \
    DELETE FROM dispute_queue WHERE dispute_id IN (SELECT dispute_id FROM disputes WHERE dispute_no LIKE 'copy-%'); \
    DELETE FROM disputes WHERE dispute_no LIKE 'copy-%'";

/// `doctor` with the histories.
fn doctor(fixture: &TestGateway, env: &[(&str, &str)]) -> String {
    let mut doctor = rebuttal(&["doctor", "--json", "--histories", "--data"]);
    doctor.arg(fixture.gateway.data()).envs(env.iter().copied());
    CommandOutput::run(doctor).stdout
}

const BEHIND: &str = "without migration 4 (append_only), 5 (indexes), 6 (old_tables), 7 (inspections): the next start of \
                      this version applies it. Take a backup before";

/// A gateway of another installation does not migrate this database: older gateways could not serve it afterwards.
fn refuses_another_key(fixture: &TestGateway, env: &[(&str, &str)]) {
    let key = fixture.gateway.scratch().join("another.key");
    std::fs::write(&key, "0123456789abcdef".repeat(4)).unwrap();
    let mut serve = rebuttal(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    serve.arg(fixture.gateway.data()).arg("--master-key-file").arg(&key).envs(env.iter().copied());
    let refused = CommandOutput::run(serve);
    assert!(refused.code == 1 && refused.stderr.contains("another master key"), "{refused:?}");
    let found = doctor(fixture, env);
    assert!(found.contains(BEHIND), "{found}");
}

/// The dispute without what version 3 did not store of its files.
fn as_of_version_3(mut dispute: Value) -> Value {
    let submissions = dispute["submissions"].as_array_mut().unwrap().iter_mut();
    for item in submissions.flat_map(|submission| submission["evidence"].as_array_mut().unwrap()) {
        for member in ["width", "height", "notes"] {
            assert!(item.as_object_mut().unwrap().remove(member).is_some(), "{member}");
        }
    }
    dispute
}

/// The disputes are as they were, their histories are intact, and life goes on.
fn is_whole(fixture: &TestGateway, env: &[(&str, &str)], disputes: &[String], before: &[Value]) {
    for (dispute, before) in disputes.iter().zip(before) {
        assert_eq!(&fixture.show(dispute), before, "{dispute}");
    }
    let found = doctor(fixture, env);
    let intact = format!("the hash chains of {} disputes", disputes.len());
    assert!(
        found.contains(&intact) && found.contains("are intact") && !found.contains("migration"),
        "{found}"
    );
    let url = fixture.upload(&samples::receipt(4));
    fixture.contest(&disputes[disputes.len() - 1], &[Item::receipt(&url)]).ok();
}

#[test]
fn a_file_is_migrated_whatever_kills_it() {
    let mut fixture = sqlite_test_gateway();
    let disputes = disputes(&fixture);
    let before: Vec<Value> = disputes.iter().map(|dispute| as_of_version_3(fixture.show(dispute))).collect();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let path = fixture.gateway.data().join("rebuttal.db");
    let now = path.with_extension("now");
    std::fs::rename(&path, &now).unwrap();
    let old = Connection::open(&path).unwrap();
    let attach = format!("ATTACH '{}' AS now;", now.display());
    let (copies, undo) = (copies_of(&disputes[0]), include_str!("upgrade/sqlite.sql"));
    let script = [&version_3("sqlite"), &attach, "BEGIN;", undo, &copies, "COMMIT;"].concat();
    old.execute_batch(&format!("PRAGMA journal_mode = WAL; {script}")).unwrap();
    drop(old);

    refuses_another_key(&fixture, &[]);
    migrate(&mut fixture, &[]);
    let migrated = Connection::open(&path).unwrap();
    every_copy_is_whole(|sql| migrated.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().to_string());
    migrated.execute_batch(DELETE_COPIES).unwrap();
    is_whole(&fixture, &[], &disputes, &before);
}

/// What an older gateway does to a dispute, in one transaction.
const OLDER_GATEWAY: &str = "BEGIN; \
    UPDATE disputes SET sequence = sequence + 1 WHERE dispute_no = 'copy-1'; \
    INSERT INTO history SELECT dispute_no, sequence, 1, 'EXTENDED', 'gateway', '{}', head FROM disputes \
        WHERE dispute_no = 'copy-1'; \
    COMMIT";

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn a_server_is_migrated_while_older_gateways_serve() {
    let database = Database::shared();
    let url = database.url();
    let env = [("REBUTTAL_DATABASE_URL", url.as_str())];
    let mut fixture = TestGateway::with_builder(gateway().built_in().folder().database(&url));
    let disputes = disputes(&fixture);
    let before: Vec<Value> = disputes.iter().map(|dispute| as_of_version_3(fixture.show(dispute))).collect();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let (copies, undo) = (copies_of(&disputes[0]), include_str!("upgrade/postgres.sql"));
    database.query("ALTER SCHEMA public RENAME TO now; CREATE SCHEMA public");
    database.query(&[&version_3("postgres"), undo, &copies].concat());

    refuses_another_key(&fixture, &env);
    let changes = std::thread::scope(|scope| {
        // From the moment on in which the new tables are served, an older gateway is refused.
        let changes = || (0..2_000).take_while(|_| database.try_query(OLDER_GATEWAY).is_ok()).count();
        let older = scope.spawn(changes);
        migrate(&mut fixture, &env);
        older.join().unwrap()
    });
    assert!(changes > 0, "no older gateway changed anything");
    let made = "SELECT sequence FROM disputes WHERE dispute_no = 'copy-1'";
    assert_eq!(database.query(made), (2 + changes).to_string(), "a change of an older gateway is lost");
    every_copy_is_whole(|sql| database.query(sql));
    database.query(DELETE_COPIES);
    is_whole(&fixture, &env, &disputes, &before);
}
