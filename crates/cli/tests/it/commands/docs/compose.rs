//! The Compose setup, as far as it can be tested without containers: the files it refers to exist, its settings are
//! valid, and the commands of its page create the secrets that it mounts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rebuttal_testbed::{Page, page};
use serde_json::{Map, Value};

use super::yaml;
use crate::common::{CommandOutput, rebuttal, without_rebuttal_env};

const COMPOSE: &str = "packaging/compose/compose.yaml";
const CONTAINER: &str = "packaging/Containerfile";
fn compose() -> Value {
    yaml(&page::file(COMPOSE)).unwrap()
}

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().unwrap()
}

/// What a service names in a list, or by the keys of a map.
fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        Value::Object(names) => names.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `${NAME:-default}` and `${NAME:?why}`, as far as the file uses them.
fn filled_in(text: &str, variables: &BTreeMap<&str, &str>) -> String {
    let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
    let (name, after) = rest.split_once('}').unwrap();
    let (name, default) = name.split_once(":-").unwrap_or((name.split(":?").next().unwrap(), ""));
    let value = variables.get(name).copied().unwrap_or(default);
    assert!(!value.is_empty(), "{name} is set nowhere");
    format!("{before}{value}{}", filled_in(after, variables))
}

/// Runs the commands of the page, without root and containers.
fn rehearse(folder: &Path) {
    let commands = Page::open("docs/operate/install.md").marked("run: rehearsal");
    fs::create_dir_all(folder.join("packaging/compose")).unwrap();
    let mut shell = without_rebuttal_env(Path::new("sh"));
    shell.args(["-euc", &format!("sudo() {{ :; }}\npodman() {{ :; }}\n{commands}")]).current_dir(folder);
    let output = CommandOutput::run(shell);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
}

#[test]
#[ignore = "needs openssl, which cargo xtask test installs"]
fn generated_secrets_are_accepted_by_the_gateways() {
    let (folder, compose) = (tempfile::tempdir().unwrap(), compose());
    rehearse(folder.path());
    let there = folder.path().join("packaging/compose");
    let secret = |name: &str| there.join(compose["secrets"][name]["file"].as_str().unwrap());
    let environment = fs::read_to_string(there.join(".env")).unwrap();
    let made = environment.lines().filter_map(|line| line.split_once('=')).collect();

    let container = page::file(CONTAINER).replace("\\\n", " ");
    let of_the_image = container.split_whitespace().filter_map(|word| word.split_once('='));
    let of_the_image = of_the_image.filter(|(name, _)| name.starts_with("REBUTTAL_"));
    let mut check = rebuttal(&["config", "check"]);
    check.envs(of_the_image);
    let gateway = &services(&compose)["gateway-1"];
    for (name, value) in gateway["environment"].as_object().unwrap() {
        let value = match value.as_str().unwrap().strip_prefix("/run/secrets/") {
            Some(mounted) => {
                assert!(names(&gateway["secrets"]).contains(&mounted), "{mounted} is not mounted");
                secret(mounted).display().to_string()
            }
            None => filled_in(value.as_str().unwrap(), &made),
        };
        check.env(name, value);
    }
    let output = CommandOutput::run(check);
    assert_eq!(
        (output.code, output.stdout.as_str(), output.stderr.as_str()),
        (0, "✓ No problems found.\n", "")
    );

    let password = fs::read_to_string(secret("database.password")).unwrap();
    let url = fs::read_to_string(secret("database.url")).unwrap();
    assert!(url.contains(&format!(":{}@db/", password.trim())), "the database has another password");
    for name in names(&compose["secrets"]) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(secret(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is everybody's");
    }
    let everything = page::file(COMPOSE);
    assert!(!everything.contains("PASSWORD:"), "a password is in the environment");
}
