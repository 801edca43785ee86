//! Stored profiles: gateways, apps and secrets under names, in one file, which is refused where other users can read it
//! and replaced atomically.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use rebuttal_client::{AppId, Scheme};
use rebuttal_server::read_error_reason;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::gateway_url::GatewayUrl;
use crate::nearest::nearest;
use crate::settings::Secret;
use crate::toml_file;

/// Longest name of a profile.
const NAME_MAX: usize = 64;
/// The profile that is used where none is given.
const DEFAULT: &str = "default";

/// The variable with the file's path, if that is not the default.
const VARIABLE: &str = "REBUTTAL_PROFILES";
/// Permissions of group and others, which the file must not have.
const GROUP_AND_OTHERS: u32 = 0o077;
/// Permissions of group and others to write, which the file's folder must not have.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Only a file's owner may replace it in a folder with this bit, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// The name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        match (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text)),
            false => Err(format!("a profile's name must have 1 to {NAME_MAX} letters, digits, - or _")),
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The values of a profile. A missing one must be given as a flag or variable.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<GatewayUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheme: Option<Scheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<PathBuf>,
}

/// A profile, its name, and the file that contains it.
pub(crate) struct NamedProfile {
    pub(crate) name: ProfileName,
    pub(crate) profile: Profile,
    pub(crate) file: PathBuf,
}

/// Reads the profile of a name.
pub(crate) fn read(name: &ProfileName) -> Result<NamedProfile> {
    let profiles = Profiles::read()?;
    let error = unknown_profile(name, &profiles);
    if let Some(named) = profiles.take(name.clone()) {
        return Ok(named);
    }
    match error.ends_with('?') {
        true => bail!(error),
        false => bail!("{error}; add it with `rebuttal profile add {name}`"),
    }
}

/// The error that there is no profile of a name, with the most similar name.
pub(crate) fn unknown_profile(ProfileName(name): &ProfileName, profiles: &Profiles) -> String {
    let meant = nearest(name, profiles.by_name.keys().map(|ProfileName(name)| name.as_str()));
    let meant = meant.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
    format!("there is no profile {name:?} in {}{meant}", profiles.path.display())
}

/// Reads the default profile, if there is one.
pub(crate) fn read_default() -> Result<Option<NamedProfile>> {
    Ok(Profiles::read()?.take(ProfileName(DEFAULT.to_owned())))
}

/// Reads all profiles.
pub(crate) fn read_all() -> Result<impl Iterator<Item = (ProfileName, Profile)>> {
    Ok(Profiles::read()?.by_name.into_iter())
}

/// All profiles, and their file.
pub(crate) struct Profiles {
    pub(crate) path: PathBuf,
    pub(crate) by_name: BTreeMap<ProfileName, Profile>,
}

impl Profiles {
    /// Reads the file; without one there are no profiles.
    pub(crate) fn read() -> Result<Self> {
        let path = profiles_path()?;
        let path = match path.is_symlink() {
            // Checked and replaced where it is stored; the link stays.
            true => std::fs::canonicalize(&path).map_err(|error| {
                anyhow::anyhow!("{}: {}", unreadable(&path), read_error_reason(&path, &error))
            })?,
            false => path,
        };
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path, by_name: BTreeMap::new() });
            }
            Err(error) => return Err(error).with_context(|| unreadable(&path)),
        };
        let shown = path.display();
        ensure!(
            metadata.is_file(),
            "{shown} must be the profiles file, but is not a regular file; move or remove it"
        );
        let folder = folder_of(&path);
        let mode = std::fs::metadata(folder).with_context(|| unreadable(&path))?.permissions().mode();
        ensure!(
            mode & WRITABLE_BY_OTHERS == 0 || mode & STICKY != 0,
            "other users can write to {folder}, and so replace {shown}, which has the gateways' addresses and the \
             secrets; run `chmod go-w {folder}`, and check the profiles with `rebuttal profile list`",
            folder = folder.display()
        );
        ensure!(
            metadata.permissions().mode() & GROUP_AND_OTHERS == 0,
            "{shown} contains secrets, and other users can read it; run `chmod 600 {shown}`, and rotate the secrets \
             if they have been read"
        );
        let text = std::fs::read_to_string(&path).map(Zeroizing::new).with_context(|| unreadable(&path))?;
        let by_name = toml_file::parse(&path, &text).map_err(|fault| {
            anyhow::anyhow!("{fault}; fix this line, or move the file away and add the profiles again")
        })?;
        Ok(Self { path, by_name })
    }

    /// Takes one profile by its name.
    pub(crate) fn take(mut self, name: ProfileName) -> Option<NamedProfile> {
        let profile = self.by_name.remove(&name)?;
        Some(NamedProfile { name, profile, file: self.path })
    }

    /// Replaces the file.
    pub(crate) fn write(&self) -> Result<()> {
        let folder = folder_of(&self.path);
        let refused = || format!("cannot write {}", self.path.display());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(refused)?;
        // Created with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(refused)?;
        let text = Zeroizing::new(toml::to_string(&self.by_name)?);
        file.write_all(text.as_bytes()).with_context(refused)?;
        file.as_file().sync_all().with_context(refused)?;
        file.persist(&self.path).with_context(refused)?;
        Ok(())
    }
}

/// The folder of a file; `.` for a file name alone.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unreadable(path: &Path) -> String {
    format!("cannot read the profiles in {}", path.display())
}

fn profiles_path() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable(VARIABLE) {
        return Ok(path);
    }
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let config =
        config.with_context(|| format!("HOME is not set; set {VARIABLE} to the path of the profiles"))?;
    Ok(config.join("rebuttal/profiles.toml"))
}
