//! Explains why a configured file cannot be read, where the text of the operating system's error is not enough.

use std::io::{Error, ErrorKind};
use std::path::Path;

/// The reason, phrased to follow the path and a colon.
pub fn read_error_reason(path: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => missing_file_reason(path),
        ErrorKind::PermissionDenied => {
            "permission denied for the file or a folder above it: change its owner, or run the program as its owner"
                .to_owned()
        }
        ErrorKind::IsADirectory => {
            "it is a folder, and a file is needed; container engines create a folder if the file to mount is missing"
                .to_owned()
        }
        ErrorKind::InvalidData => "it is not valid UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

fn missing_file_reason(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let what = match (std::fs::read_link(path), folder) {
        (Ok(to), _) => format!("it is a symbolic link to {}, which does not exist", to.display()),
        (_, Some(folder)) => format!("there is no folder {}", folder.display()),
        (_, None) => "there is no such file".to_owned(),
    };
    match std::env::current_dir() {
        Ok(here) if path.is_relative() => {
            format!("{what}; relative paths start in {}", here.display())
        }
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn read_error_reason_names_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let why = |path: &Path| read_error_reason(path, &fs::read_to_string(path).unwrap_err());
        let [file, link, deep] = ["file", "link", "no/such/file"].map(|name| folder.path().join(name));
        assert_eq!(why(&file), "there is no such file");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(why(&link), format!("it is a symbolic link to {}, which does not exist", file.display()));
        assert_eq!(why(&deep), format!("there is no folder {}", deep.parent().unwrap().display()));
        let here = std::env::current_dir().unwrap();
        assert!(why(Path::new("nope")).ends_with(&format!("start in {}", here.display())));
        assert!(why(folder.path()).starts_with("it is a folder"));
        fs::write(&file, [0xff]).unwrap();
        assert_eq!(why(&file), "it is not valid UTF-8 text");
    }
}
