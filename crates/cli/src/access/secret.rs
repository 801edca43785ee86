//! An app's secret and its source: errors name the source, and contain no part of the secret.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use rebuttal_client::AppSecret;
use rebuttal_client::protocol::Invalid;

use crate::profiles::ProfileName;
use crate::settings::{Secret, Sources};

/// An app's secret with its source.
#[derive(Debug)]
pub(crate) struct SourcedAppSecret {
    pub(crate) text: Secret,
    pub(crate) source: AppSecretSource,
}

/// Where a secret comes from.
#[derive(Debug)]
pub(crate) enum AppSecretSource {
    /// A flag or a variable.
    Given(Sources),
    File(PathBuf),
    /// This profile, in this file.
    Profile(ProfileName, PathBuf),
    /// Typed at a prompt.
    Prompt,
}

impl SourcedAppSecret {
    pub(crate) fn parse(&self) -> Result<AppSecret> {
        self.text.expose().parse().map_err(|error: Invalid| {
            let error = format!("{error}; {}", form_error(self.text.expose()));
            match &self.source {
                AppSecretSource::Given(sources) => {
                    sources.fault("app_secret", format!("the app's secret: {error}"))
                }
                AppSecretSource::File(path) => anyhow!("the app's secret in {}: {error}", path.display()),
                AppSecretSource::Profile(name, file) => {
                    anyhow!("the app's secret in the profile {name} ({}): {error}", file.display())
                }
                AppSecretSource::Prompt => anyhow!("the app's secret: {error}"),
            }
        })
    }
}

/// Why the text is not a secret.
fn form_error(text: &str) -> String {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.chars().count() {
        0 => "it is empty".to_owned(),
        _ if text.trim() != text => "white space or a line end surrounds it".to_owned(),
        _ if text.starts_with(['"', '\'']) => "it is in quotes".to_owned(),
        32 if is_hex(text) => "it is in upper case".to_owned(),
        32 => "not all of it are hex digits".to_owned(),
        1 => "it has 1 character".to_owned(),
        count => format!("it has {count} characters"),
    }
}
