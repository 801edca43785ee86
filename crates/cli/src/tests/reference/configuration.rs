//! The settings, by the commented default file.

use std::fmt::Write as _;

use crate::settings::DEFAULT_FILE;

use super::hold;

#[test]
fn the_page_of_settings_is_fresh() {
    let mut body = "\
Every setting of `rebuttal serve` is a key of the TOML file in `--config` or `REBUTTAL_CONFIG`, an environment variable, and a
flag. A flag takes precedence over its variable, the variable over the file, and the file over the default. No setting is
required. `rebuttal config default` prints this page as a file; `rebuttal config check` reports errors in a file and the
variables; `rebuttal config show` prints the effective values and their sources. A change needs a restart.

In a variable, the items of a list are separated by commas. Credentials for S3 are read from the `AWS_…` variables, as
[evidence-on-s3.md](../operate/evidence-on-s3.md) describes.
"
    .to_owned();
    let mut section = "";
    for setting in &DEFAULT_FILE.settings {
        if setting.section != section {
            section = setting.section;
            let _ = write!(body, "\n## {section}\n");
        }
        let key = setting.key;
        let (variable, flag) = (key.to_uppercase(), key.replace('_', "-"));
        let value = match setting.is_example {
            true => format!("No default; for example `{}`", setting.written),
            false => format!("Default: `{}`", setting.written),
        };
        let _ = write!(
            body,
            "\n### {key}\n\n{}\n\n{value}. Variable `REBUTTAL_{variable}`, flag `--{flag}`.\n",
            setting.meaning
        );
    }
    hold("configuration.md", "`crates/cli/src/settings/default.toml`", "Configuration", &body);
}
