//! The file of the profiles: refused where others can read it, and replaced atomically.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use zeroize::Zeroizing;

use super::{NamedProfile, Profile, ProfileName};
use crate::toml_file;

/// The variable with the file's path, if that is not the default.
const VARIABLE: &str = "REBUTTAL_PROFILES";
/// Permissions of group and others, which the file must not have.
const GROUP_AND_OTHERS: u32 = 0o077;

/// All profiles, and their file.
pub(super) struct Profiles {
    pub(super) path: PathBuf,
    pub(super) by_name: BTreeMap<ProfileName, Profile>,
}

impl Profiles {
    /// Reads the file; without one there are no profiles.
    pub(super) fn read() -> Result<Self> {
        let path = profiles_path()?;
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
            "{shown} is to be the file of the profiles, and is none; move it out of the way"
        );
        ensure!(
            metadata.permissions().mode() & GROUP_AND_OTHERS == 0,
            "{shown} holds secrets, and others may read it; run `chmod 600 {shown}`, and rotate the secrets if they \
             have been read"
        );
        let text = std::fs::read_to_string(&path).map(Zeroizing::new).with_context(|| unreadable(&path))?;
        let by_name = toml_file::parse(&path, &text)
            .map_err(|fault| anyhow::anyhow!("{fault}; mend it, or remove the profile and add it again"))?;
        Ok(Self { path, by_name })
    }

    /// Takes one profile by its name.
    pub(super) fn take(mut self, name: ProfileName) -> Option<NamedProfile> {
        let profile = self.by_name.remove(&name)?;
        Some(NamedProfile { name, profile, file: self.path })
    }

    /// Replaces the file.
    pub(super) fn write(&self) -> Result<()> {
        let folder =
            self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let refused = || format!("cannot write {}", self.path.display());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(refused)?;
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(refused)?;
        let text = Zeroizing::new(toml::to_string(&self.by_name)?);
        file.write_all(text.as_bytes()).with_context(refused)?;
        file.as_file().sync_all().with_context(refused)?;
        file.persist(&self.path).with_context(refused)?;
        Ok(())
    }
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
        config.with_context(|| format!("HOME is not set; {VARIABLE} must tell where the profiles lie"))?;
    Ok(config.join("rebuttal/profiles.toml"))
}
