//! Files for the tests, and short forms of what is asked of them.

use std::path::{Path, PathBuf};

use rebuttal_protocol::{FileFormat, FileInspection, InvalidFile, Note};

/// Every sample file of `testdata/evidence` with the format of its name, sorted.
pub(crate) fn samples() -> Vec<(String, FileFormat, Vec<u8>)> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/evidence"))
}

/// The files of a folder of `tests/cases`, likewise.
pub(crate) fn cases(folder: &str) -> Vec<(String, FileFormat, Vec<u8>)> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(folder))
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    samples().into_iter().find(|(sample, ..)| sample == name).unwrap_or_else(|| panic!("no {name}")).2
}

pub(crate) fn case(folder: &str, name: &str) -> Vec<u8> {
    cases(folder).into_iter().find(|(case, ..)| case == name).unwrap_or_else(|| panic!("no {name}")).2
}

pub(crate) fn files(folder: &Path) -> Vec<(String, FileFormat, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let known = |path: PathBuf| {
        let format = format_of(&path)?;
        Some((path.file_name()?.to_str()?.to_owned(), format, std::fs::read(&path).unwrap()))
    };
    paths.into_iter().filter_map(known).collect()
}

pub(crate) fn format_of(path: &Path) -> Option<FileFormat> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    FileFormat::ALL.into_iter().find(|format| format.extension() == extension)
}

pub(crate) fn inspect(format: FileFormat, content: &[u8]) -> Result<FileInspection, InvalidFile> {
    rebuttal_documents::inspect(content, format)
}

/// What is noted about a file that is taken.
pub(crate) fn notes(format: FileFormat, content: &[u8]) -> Vec<Note> {
    inspect(format, content).unwrap_or_else(|refusal| panic!("{refusal}")).notes.into_iter().collect()
}

/// Why a file is refused: the variant's name.
pub(crate) fn refusal(format: FileFormat, content: &[u8]) -> &'static str {
    match inspect(format, content) {
        Ok(_) => "taken",
        Err(InvalidFile::OtherKind { .. }) => "OtherKind",
        Err(InvalidFile::Damaged { .. }) => "Damaged",
        Err(InvalidFile::Encrypted { .. }) => "Encrypted",
        Err(InvalidFile::Macros { .. }) => "Macros",
        Err(InvalidFile::ActiveContent { .. }) => "ActiveContent",
        Err(InvalidFile::Empty { .. }) => "Empty",
        Err(InvalidFile::TooLarge { .. } | InvalidFile::TooMuch { .. }) => "TooMuch",
        Err(InvalidFile::Infected { .. }) => "Infected",
    }
}
