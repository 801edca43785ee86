//! Why a file that somebody named cannot be read: in words that tell what to look at, where the system's own name an
//! error.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The reason, to stand behind the path.
pub fn read_error_reason(path: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => missing_file_reason(path),
        ErrorKind::PermissionDenied => {
            "this user may not read it, or not enter a folder above it: give it to this user, or run this as its own"
                .to_owned()
        }
        ErrorKind::IsADirectory => {
            "it is a folder, and a file is needed; container engines make one where the file to mount is missing"
                .to_owned()
        }
        ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn missing_file_reason(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let what = match (std::fs::read_link(path), folder) {
        (Ok(to), _) => format!("it is a link to {}, which is not there", to.display()),
        (_, Some(folder)) => format!("there is no folder {}", folder.display()),
        (_, None) => "there is no such file".to_owned(),
    };
    match std::env::current_dir() {
        Ok(here) if path.is_relative() => {
            format!("{what}; a path that does not begin with / begins in {}", here.display())
        }
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_missing_is_told_with_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let why = |path: &Path| read_error_reason(path, &fs::read_to_string(path).unwrap_err());
        let [file, link, deep] = ["file", "link", "no/such/file"].map(|name| folder.path().join(name));
        assert_eq!(why(&file), "there is no such file");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(why(&link), format!("it is a link to {}, which is not there", file.display()));
        assert_eq!(why(&deep), format!("there is no folder {}", deep.parent().unwrap().display()));
        let here = std::env::current_dir().unwrap();
        assert!(why(Path::new("nope")).ends_with(&format!("begins in {}", here.display())));
        assert!(why(folder.path()).starts_with("it is a folder"));
        fs::write(&file, [0xff]).unwrap();
        assert_eq!(why(&file), "it is no text in UTF-8");
    }
}
