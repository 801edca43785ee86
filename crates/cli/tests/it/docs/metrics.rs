//! Every metric is documented, and every metric that alerts and dashboard query exists.

use std::collections::{BTreeMap, BTreeSet};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Item, TestGateway, samples};
use serde_json::{Value, json};

use super::document;
use crate::common::{gateway, scrape, value};

const PAGE: &str = "docs/operate/monitoring.md";
const LIST: &str = "docs/reference/metrics.md";
const ALERTS: &str = "packaging/prometheus/rebuttal.rules.yml";
/// Run by promtool, so not by this test.
const ALERTS_TESTS: &str = "packaging/prometheus/rebuttal.rules.test.yml";
const DASHBOARD: &str = "packaging/grafana/rebuttal.json";

fn metered() -> TestGateway {
    // Uploads are counted only by a gateway that receives them itself.
    TestGateway::with_builder(gateway().folder().args(["--metrics-listen", "127.0.0.1:0"]))
}

/// Type and meaning of every family.
fn families(scraped: &str) -> BTreeMap<String, (String, String)> {
    let lines = |word: &'static str| {
        let words = scraped.lines().filter_map(move |line| line.strip_prefix(word)?.split_once(' '));
        words.map(|(name, rest)| (name.to_owned(), rest.to_owned()))
    };
    let mut meanings: BTreeMap<_, _> = lines("# HELP ").collect();
    let metric = |(name, kind): (String, String)| {
        let meaning = meanings.remove(&name).unwrap_or_else(|| panic!("{name} has no meaning"));
        (name, (kind, meaning))
    };
    lines("# TYPE ").map(metric).collect()
}

/// The page's rows: `name` | type | meaning.
fn rows(page: &str) -> BTreeMap<String, (String, String)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let (kind, meaning) = (cells.next()?.to_owned(), cells.next()?.trim_end_matches(" |").to_owned());
        ["counter", "gauge", "histogram"].contains(&kind.as_str()).then_some((name, (kind, meaning)))
    };
    page.lines().filter_map(row).collect()
}

/// Words of a text that are names of metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("rebuttal_") || word.starts_with("process_")).collect()
}

#[test]
fn documented_metrics_match_exported_metrics() {
    let fixture = metered();
    let families = families(&scrape(&fixture.gateway));
    assert_eq!(families, rows(&document(LIST)), "left: what the gateway exports; right: {LIST}");
    let page = document(PAGE);
    let in_prose = named(&page).into_iter().filter(|name| !families.contains_key(*name));
    let unknown: Vec<_> = in_prose.filter(|name| !is_sample(&families, name)).collect();
    assert!(unknown.is_empty(), "{PAGE} names {unknown:?}");
}

/// Whether a name is that of a family or of a histogram's part.
fn is_sample(families: &BTreeMap<String, (String, String)>, name: &str) -> bool {
    let part = |ending: &str| {
        let family = name.strip_suffix(ending)?;
        families.get(family).filter(|(kind, _)| kind == "histogram")
    };
    families.get(name).is_some_and(|(kind, _)| kind != "histogram")
        || ["_bucket", "_sum", "_count"].iter().any(|ending| part(ending).is_some())
}

#[test]
fn alerts_and_dashboard_use_existing_metrics() {
    let fixture = metered();
    let families = families(&scrape(&fixture.gateway));
    let dashboard: Value = serde_json::from_str(&document(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked: String = targets.map(|target| target["expr"].as_str().unwrap().to_owned() + "\n").collect();
    // Only the expressions of the rules; the metrics in their texts are checked as well.
    for (path, text) in [(ALERTS, document(ALERTS)), (DASHBOARD, asked)] {
        let asked = named(&text);
        assert!(asked.len() > 10, "{path} asks for {asked:?}");
        let missing: Vec<_> = asked.into_iter().filter(|name| !is_sample(&families, name)).collect();
        assert!(missing.is_empty(), "{path} asks for {missing:?}");
    }
}

#[test]
fn each_alert_links_to_its_runbook() {
    let (alerts, page) = (document(ALERTS), document(PAGE));
    let names: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10, "{names:?}");
    let all_fire = format!("value: {} }}", names.len());
    assert!(document(ALERTS_TESTS).contains(&all_fire), "{ALERTS_TESTS} expects another number of alerts");
    for name in names {
        let heading = format!("\n### {name}\n");
        assert!(page.contains(&heading), "{PAGE} has no heading {name}");
        let link = format!("docs/operate/monitoring.md#{}", name.to_lowercase());
        assert!(alerts.contains(&link), "{ALERTS} has no link {link}");
    }
}

#[test]
fn events_are_counted() {
    let fixture = metered();
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    fixture.query(&dispute).is("OK");
    fixture.query("nobody-has-it").is("Dispute.NotFound");
    fixture
        .contest_call(&dispute, &[])
        .badly_signed()
        .send(fixture.address())
        .is("Common.Auth.InvalidSignature");
    let requests = |scraped: &str, call: &str, code: &str| {
        value(scraped, &format!("rebuttal_http_requests_total{{call=\"{call}\",code=\"{code}\"}}"))
    };
    let scraped = scrape(&fixture.gateway);
    for (call, code, count) in [
        ("contest", "OK", 1.0),
        ("contest", "Common.Auth.InvalidSignature", 1.0),
        ("contest", "Common.System.Error", 0.0),
        ("query", "OK", 1.0),
        ("query", "Dispute.NotFound", 1.0),
        ("upload", "OK", 1.0),
    ] {
        assert_eq!(requests(&scraped, call, code), Some(count), "{call} {code}\n{scraped}");
    }
    assert_eq!(value(&scraped, "rebuttal_http_request_seconds_count{call=\"contest\"}"), Some(2.0));
    assert!(value(&scraped, "rebuttal_commit_requests_total{outcome=\"done\"}") >= Some(4.0), "{scraped}");
    assert!(value(&scraped, "process_open_fds") > Some(5.0), "{scraped}");
    assert!(value(&scraped, "process_resident_memory_bytes") > Some(1e6), "{scraped}");
    assert!(value(&scraped, "rebuttal_connections{listener=\"merchants\"}") >= Some(1.0), "{scraped}");
}

#[test]
fn waiting_work_is_measured() {
    let fixture = metered();
    let _url = fixture.upload(&samples::receipt(1));
    let scraped = wait_for("the sweeper to look", || {
        let scraped = scrape(&fixture.gateway);
        (value(&scraped, "rebuttal_unreferenced_upload_age_seconds") > Some(0.0)).then_some(scraped)
    });
    for name in ["rebuttal_database_up", "rebuttal_evidence_up"] {
        assert_eq!(value(&scraped, name), Some(1.0), "{scraped}");
    }
    assert_eq!(value(&scraped, "rebuttal_expiry_overdue_seconds"), Some(0.0));
    let (free, size) = ("rebuttal_data_free_bytes", "rebuttal_data_size_bytes");
    assert!(value(&scraped, free) > Some(0.0) && value(&scraped, free) < value(&scraped, size), "{scraped}");
    assert_eq!(value(&scraped, "rebuttal_commit_lanes_failing"), Some(0.0), "{scraped}");
    let (deadline, _) = rebuttal_testbed::operator::in_ms(500);
    let dispute = fixture.dispute_with(&json!({ "deadline": deadline }));
    wait_for("the deadline to expire", || (fixture.status(&dispute) == "EXPIRED").then_some(()));
    assert_eq!(value(&scrape(&fixture.gateway), "rebuttal_expired_disputes_total"), Some(1.0));
}

#[test]
fn missing_evidence_folder_is_measured() {
    let fixture = metered();
    let evidence = fixture.gateway.data().join("evidence");
    std::fs::rename(&evidence, fixture.gateway.scratch().join("away")).unwrap();
    let up = |wanted: f64| {
        wait_for("the evidence store to be looked at", || {
            (value(&scrape(&fixture.gateway), "rebuttal_evidence_up") == Some(wanted)).then_some(())
        });
    };
    up(0.0);
    std::fs::rename(fixture.gateway.scratch().join("away"), &evidence).unwrap();
    up(1.0);
}
