//! Precedence, faults and hints of the settings.

use std::io::Write as _;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::*;
use crate::Cli;

fn from_flags(flags: &[&str]) -> Settings {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve")).no_binary_name(true);
    // The developer's variables must have no effect.
    let command = command.mut_args(|argument| argument.env(Resettable::Reset));
    Settings::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap()
}

impl Settings {
    fn over(self, file: Option<&Path>) -> Result<Self> {
        self.merged_over(Self::read_file(file)?)
    }

    fn config(self) -> Result<Config> {
        Ok(self.resolved(&Sources::default(), None)?.1)
    }
}

fn with_file(flags: &[&str], toml: &str) -> Result<Settings> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(toml.as_bytes()).unwrap();
    from_flags(flags).over(Some(file.path()))
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = "listen = \"127.0.0.1:1\"\ndata = \"from-file\"\npublic_url = [\"https://a.example\"]\n";
    let settings = with_file(&["--listen", "127.0.0.1:2"], file).unwrap();
    let config = settings.config().unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.data_dir, Path::new("from-file"));
    assert_eq!(config.public_urls.len(), 1);
    assert_eq!(config.connections_max, rebuttal_server::CONNECTIONS_MAX);

    let flags = ["--public-url", "https://b.example", "--public-url", "https://c.example"];
    let config = with_file(&flags, file).unwrap().config().unwrap();
    assert_eq!(config.public_urls.iter().map(|url| url.as_str()).collect::<Vec<_>>(), [flags[1], flags[3]]);
}

#[test]
fn every_key_of_the_file_is_a_flag_and_a_variable() {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    for argument in command.get_arguments() {
        let key = argument.get_id().as_str();
        assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
        assert_eq!(
            argument.get_env().unwrap().to_str(),
            Some(format!("REBUTTAL_{}", key.to_uppercase()).as_str())
        );
        assert!(argument.get_help().is_some(), "{key} is not documented");
    }
}

#[test]
fn a_key_that_is_not_known_is_refused_with_the_nearest() {
    let error = with_file(&[], "pubic_url = []\n").unwrap_err().to_string();
    assert!(error.ends_with("there is no setting \"pubic_url\"; did you mean \"public_url\"?"), "{error}");
    let error = with_file(&[], "colour = 1\n").unwrap_err().to_string();
    assert!(error.contains("`rebuttal config default`"), "{error}");
}

#[test]
fn an_invalid_value_is_reported_with_its_line_and_key() {
    for (wrong, message) in [
        ("max_connections = \"many\"", "it must be a whole number, without quotes"),
        ("max_connections = 0", "it must be a whole number from 1 to 4294967295"),
        ("max_connections = 5000000000", "it must be a whole number from 1 to 4294967295"),
        ("freshness_window_seconds = -1", "it must be a whole number of seconds"),
        ("idle_timeout_seconds = 9", "it must be a whole number from 10 to 3600"),
        ("idle_timeout_seconds = 3601", "it must be a whole number from 10 to 3600"),
        ("drain_seconds = 301", "it must be a whole number from 0 to 300"),
        ("start_wait_seconds = 3601", "it must be a whole number from 0 to 3600"),
        ("listen = \":8080\"", "it must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080"),
        (
            "listen = \"localhost:8080\"",
            "it must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080; a host name is not accepted: \
             localhost is 127.0.0.1",
        ),
        (
            "listen = \"::1:8080\"",
            "it must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080; write an IPv6 address in \
             brackets, as in [::1]:8080",
        ),
        ("listen = 8080", "it must be a string in quotes"),
        ("public_url = \"https://a.example\"", "it must be a list of strings, such as [\"…\", \"…\"]"),
        ("public_url = [1]", "it must be a list of strings, such as [\"…\", \"…\"]"),
        ("log_format = \"xml\"", "it must be \"text\" or \"json\""),
    ] {
        let error = with_file(&[], &format!("data = \"x\"\n{wrong}\n")).unwrap_err();
        let message = format!(", line 2: {wrong}: {message}");
        assert!(format!("{error:#}").ends_with(&message), "{error:#}");
    }
}

#[test]
fn an_invalid_secret_is_reported_without_its_value() {
    let error = with_file(&[], "operator_token = 123456789012345678\n").unwrap_err();
    assert!(
        error.to_string().ends_with(", line 1: operator_token: it must be a string in quotes"),
        "{error:#}"
    );
}

#[test]
fn invalid_values_are_reported_with_their_key() {
    for (flags, key) in [
        (["--public-url", "pay.example"].as_slice(), "public_url"),
        (["--trusted-proxies", "10.0.0.0/40"].as_slice(), "trusted_proxies"),
        (["--upload-allowed-origins", "*"].as_slice(), "upload_allowed_origins"),
        (["--freshness-window-seconds", "0"].as_slice(), "freshness_window_seconds"),
        (["--operator-token", "short"].as_slice(), "operator_token"),
        (["--tls-key", "key.pem"].as_slice(), "tls_certificate"),
    ] {
        let error = format!("{:#}", from_flags(flags).config().unwrap_err());
        assert!(error.starts_with(key), "{error}");
    }
}

#[test]
fn evidence_is_in_the_data_folder_by_default() {
    let location = |flags: &[&str]| from_flags(flags).config().map(|config| config.evidence);
    assert!(
        matches!(location(&["--data", "d"]).unwrap(), EvidenceLocation::Folder(folder) if folder == Path::new("d/evidence"))
    );
    let folder = location(&["--evidence-url", "file:///srv/evidence"]).unwrap();
    assert!(matches!(folder, EvidenceLocation::Folder(folder) if folder == Path::new("/srv/evidence")));
    let url = "s3://evidence?endpoint=http://10.0.0.1:8333&region=eu-central-1";
    let bucket =
        location(&["--evidence-url", url, "--evidence-public-url", "https://files.example.com"]).unwrap();
    assert!(matches!(&bucket, EvidenceLocation::Bucket { public: Some(_), .. }), "{bucket:?}");
    for (flags, message) in [
        (
            ["--evidence-url", "s3://evidence?endpont=x"].as_slice(),
            "known parameters are endpoint, region, path_style",
        ),
        (&["--evidence-public-url", "https://files.example.com"], "needs an evidence_url of s3://"),
        (
            &["--evidence-url", url, "--evidence-public-url", "files.example.com"],
            "evidence_public_url: needs",
        ),
    ] {
        let error = format!("{:#}", location(flags).unwrap_err());
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn the_operators_token_is_never_printed() {
    let settings = from_flags(&["--operator-token", "correct-horse-battery"]);
    assert!(!format!("{settings:?}").contains("horse"));
    assert!(!format!("{:?}", settings.config().unwrap()).contains("horse"));
}

#[test]
fn variables_that_no_command_reads_are_warned_of() {
    let names = ["REBUTTAL_LISTN", "REBUTTAL_APP_SECRET", "REBUTTAL_DATA", "PATH", "REBUTTAL_XYZZY"];
    let unknown = variables::unknown_among(&Cli::command(), names.iter().map(|name| (*name).to_owned()));
    assert_eq!(
        unknown.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "the variable REBUTTAL_LISTN is unknown and has no effect; did you mean REBUTTAL_LISTEN?",
            "the variable REBUTTAL_XYZZY is unknown and has no effect"
        ]
    );
}

#[test]
fn a_flag_wins_over_the_other_of_its_pair_in_the_file() {
    let file = "operator_token = \"short\"\n";
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "correct-horse-battery").unwrap();
    let flags = ["--operator-token-file", token.path().to_str().unwrap()];
    assert!(with_file(&flags, file).unwrap().config().unwrap().operator_token.is_some());
    let both = from_flags(&[flags.as_slice(), &["--operator-token", "correct-horse-battery"]].concat());
    assert!(both.config().is_err());
}

#[test]
fn single_address_is_a_trusted_proxy() {
    let config = from_flags(&["--trusted-proxies", "10.0.0.1,::1"]).config().unwrap();
    let networks: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.1/32", "::1/128"]);
}

/// The default file with some of its settings uncommented.
fn uncommented(chosen: impl Fn(&default_file::DocumentedSetting) -> bool) -> String {
    let chosen = DEFAULT_FILE.settings.iter().filter(|setting| chosen(setting));
    let line = |setting: &default_file::DocumentedSetting| {
        let commented = format!("#{} = {}", setting.key, setting.written);
        assert!(DEFAULT_FILE.text.lines().any(|line| line.starts_with(&commented)), "{commented}");
        commented.trim_start_matches('#').to_owned() + "\n"
    };
    chosen.map(line).collect()
}

#[test]
fn the_default_file_has_every_setting_and_no_other() {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    let mut known: Vec<_> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let mut documented: Vec<_> = DEFAULT_FILE.settings.iter().map(|setting| setting.key.to_owned()).collect();
    known.sort();
    documented.sort();
    assert_eq!(documented, known);
    for setting in &DEFAULT_FILE.settings {
        assert!(!setting.meaning.is_empty() && !setting.section.is_empty(), "{setting:?}");
    }
}

#[test]
fn the_default_file_as_it_is_sets_nothing() {
    assert_eq!(with_file(&[], DEFAULT_FILE.text).unwrap(), Settings::default());
}

#[test]
fn each_default_of_the_file_is_that_of_the_code() {
    let nothing = format!("{:?}", Settings::default().config().unwrap());
    let defaults = with_file(&[], &uncommented(|setting| !setting.is_example)).unwrap();
    assert_eq!(defaults.log_format, Some(LogFormat::Text));
    assert_eq!(defaults.log_filter.as_deref(), Some(LOG_FILTER));
    assert_eq!(format!("{:?}", defaults.config().unwrap()), nothing);
    // An example that equals the default would be shown as the default.
    let needed = [("tls_key", "tls_certificate"), ("evidence_public_url", "evidence_url")];
    for example in DEFAULT_FILE.settings.iter().filter(|setting| setting.is_example) {
        let goes_with =
            |key: &str| needed.iter().any(|pair| [*pair, (pair.1, pair.0)].contains(&(example.key, key)));
        let file = uncommented(|setting| setting.key == example.key || goes_with(setting.key));
        let config = with_file(&[], &file).unwrap().config();
        let is_file_that_is_not_there = example.written.starts_with("\"/run/");
        match config {
            Ok(config) => assert_ne!(format!("{config:?}"), nothing, "{file}"),
            Err(error) => assert!(is_file_that_is_not_there, "{file}: {error:#}"),
        }
    }
}

#[test]
fn the_help_states_the_defaults_of_the_file() {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    for setting in DEFAULT_FILE.settings.iter().filter(|setting| !setting.is_example) {
        let argument = command.get_arguments().find(|argument| argument.get_id() == setting.key).unwrap();
        let help = argument.get_help().unwrap().to_string();
        let default = setting.default().unwrap();
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        let hints = [format!("[default: {default}]"), format!("[default: ./{default}]")];
        assert!(
            hints.iter().any(|hint| help.contains(hint)),
            "{}: {default} is not in {help:?}",
            setting.key
        );
    }
}

#[test]
fn a_database_url_may_be_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(file.path(), "postgres://u:Geheim7@h/d\n").unwrap();
    let config = from_flags(&["--database-url-file", path]).config().unwrap();
    assert!(matches!(config.database, Some(rebuttal_server::Location::Postgres(_))));
    let config = with_file(&["--database-url-file", path], "database_url = \"sqlite:other.db\"\n").unwrap();
    assert!(matches!(config.config().unwrap().database, Some(rebuttal_server::Location::Postgres(_))));
    std::fs::write(file.path(), "mysql://u:Geheim7@h/d").unwrap();
    let error = format!("{:#}", from_flags(&["--database-url-file", path]).config().unwrap_err());
    assert!(error.starts_with("database_url_file: ") && !error.contains("Geheim7"), "{error}");
}
