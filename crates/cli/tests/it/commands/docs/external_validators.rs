//! Files in `packaging` and `docs` that other programs read, checked by those programs: Prometheus, systemd, HAProxy.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use rebuttal_testbed::{Page, page};
use serde_json::Value;

use super::yaml;
use crate::common::CommandOutput;

const ALERTS: &str = "packaging/prometheus";
const DASHBOARD: &str = "packaging/grafana/rebuttal.json";

/// Panics unless a program reports no error; returns its output.
#[track_caller]
fn finds_nothing(program: &str, words: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(words).current_dir(folder).env("PATH", format!("{path}:/usr/sbin")).env("LC_ALL", "C");
    let output = CommandOutput::run(command);
    assert_eq!(output.code, 0, "{program} {words:?}: {output:?}");
    format!("{}{}", output.stdout, output.stderr)
}

#[test]
#[ignore = "needs promtool, which cargo xtask test installs"]
fn alerts_fire_only_under_their_conditions() {
    let folder = page::root().join(ALERTS);
    finds_nothing("promtool", &["check", "rules", "rebuttal.rules.yml"], &folder);
    let said = finds_nothing("promtool", &["test", "rules", "rebuttal.rules.test.yml"], &folder);
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
#[ignore = "needs promtool, which cargo xtask test installs"]
fn prometheus_parses_the_dashboard_queries() {
    let dashboard: Value = serde_json::from_str(&page::file(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut rules = "groups:\n- name: g\n  rules:\n".to_owned();
    for (index, target) in targets.enumerate() {
        // As Grafana fills it in.
        let asked = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        let asked = serde_json::to_string(&asked).unwrap();
        writeln!(rules, "  - {{ record: r{index}, expr: {asked} }}").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("asked.yml"), rules).unwrap();
    let said = finds_nothing("promtool", &["check", "rules", "asked.yml"], folder.path());
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
#[ignore = "needs promtool, which cargo xtask test installs"]
fn prometheus_accepts_the_documented_scrape_config() {
    let blocks = Page::open("docs/operate/monitoring.md").blocks();
    let scrape = blocks.iter().find(|block| block.language == "yaml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prometheus.yml"), &scrape.text).unwrap();
    finds_nothing("promtool", &["check", "config", "prometheus.yml"], folder.path());
    let job = &yaml(&scrape.text).unwrap()["scrape_configs"][0]["job_name"];
    assert!(page::file("packaging/prometheus/rebuttal.rules.yml").contains(&format!("job={job}")), "{job}");
}

#[test]
#[ignore = "needs systemd-analyze, which cargo xtask test installs"]
fn systemd_accepts_the_unit_and_its_drop_in() {
    let folder = tempfile::tempdir().unwrap();
    let there = |name: &str| folder.path().join(name);
    fs::create_dir(there("rebuttal.service.d")).unwrap();
    for name in ["rebuttal.service", "rebuttal.service.d/shared.conf"] {
        let unit = page::file(&format!("packaging/systemd/{name}"));
        // The unit refers to the binary, which is not installed here.
        fs::write(there(name), unit.replace("/usr/local/bin/rebuttal", "/bin/true")).unwrap();
    }
    let unit = there("rebuttal.service");
    // An unknown line is only a warning.
    assert_eq!(
        finds_nothing("systemd-analyze", &["verify", "--man=no", unit.to_str().unwrap()], folder.path()),
        ""
    );
}

#[test]
#[ignore = "needs HAProxy, which cargo xtask test installs"]
fn haproxy_accepts_the_proxy_configuration() {
    let file = page::root().canonicalize().unwrap().join("packaging/compose/haproxy.cfg");
    let folder = tempfile::tempdir().unwrap();
    let said = finds_nothing("haproxy", &["-c", "-f", file.to_str().unwrap()], folder.path());
    let unknown =
        said.lines().filter(|line| line.contains("[WARNING]") && !line.contains("could not resolve"));
    assert_eq!(
        unknown.collect::<Vec<_>>(),
        <[&str; 0]>::default(),
        "but for the gateways, which are not here"
    );
}

/// The page's Kubernetes settings: the probes use the image's ports, and the grace period covers a shutdown.
#[test]
fn probes_use_the_ports_of_the_image() {
    let blocks = Page::open("docs/operate/install.md").blocks();
    let pod = yaml(&blocks.iter().find(|block| block.language == "yaml").unwrap().text).unwrap();
    let image = page::file("packaging/Containerfile");
    let api: Value = serde_json::from_str(&page::file("docs/reference/openapi.json")).unwrap();
    for probe in ["livenessProbe", "readinessProbe"] {
        let asked = &pod[probe]["httpGet"];
        assert!(image.contains(&format!("REBUTTAL_LISTEN=0.0.0.0:{} ", asked["port"])), "{asked}");
        assert!(api["paths"][asked["path"].as_str().unwrap()]["get"].is_object(), "{asked}");
    }
    let [variable] = pod["env"].as_array().unwrap().as_slice() else { panic!("{pod}") };
    let drains: u64 = variable["value"].as_str().unwrap().parse().unwrap();
    assert_eq!(variable["name"], "REBUTTAL_DRAIN_SECONDS");
    let compose = yaml(&page::file("packaging/compose/compose.yaml")).unwrap();
    let gateway = &compose["services"]["gateway-1"];
    let seconds = |value: &Value| value.as_str().unwrap().trim_end_matches('s').parse::<u64>().unwrap();
    let stop =
        seconds(&gateway["stop_grace_period"]) - seconds(&gateway["environment"]["REBUTTAL_DRAIN_SECONDS"]);
    assert_eq!(pod["terminationGracePeriodSeconds"], drains + stop);
}
