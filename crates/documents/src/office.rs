//! What both kinds of workbooks share: OLE containers, which hold old workbooks, macros, and embedded objects.

mod macros;
mod tidy;

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};
use std::path::Path;

use cfb::CompoundFile;
use memchr::memmem;
use rebuttal_protocol::{FileFormat, InvalidFile, Note};

/// Most bytes of all streams that are read, as a multiple of the file's: no two share a sector in a valid container.
const STREAMS_MAX_RATIO: usize = 2;
/// Most streams that are read; each embedded object has one.
const STREAMS_MAX: usize = 256;
/// Streams of a document that Office encrypted, or protected by rights management.
const ENCRYPTED_NAMES: [&str; 3] = ["encryptedpackage", "encryptioninfo", "\u{9}drmcontent"];
/// The stream of an embedded file that is no document.
const PACKAGE_NAME: &str = "\u{1}ole10native";
/// Extensions of files that run when they are opened.
const PROGRAM_EXTENSIONS: [&str; 26] = [
    "bat", "chm", "cmd", "com", "cpl", "dll", "exe", "hta", "inf", "iso", "jar", "js", "jse", "lnk", "msi",
    "pif", "ps1", "reg", "scr", "sct", "vb", "vbe", "vbs", "wsf", "wsh", "xll",
];
const DOS_HEADER: &[u8] = b"MZ\x90\0";

/// An OLE container.
pub(crate) struct Container {
    format: FileFormat,
    /// Repaired.
    content: Vec<u8>,
    file: CompoundFile<Cursor<Vec<u8>>>,
    streams: Vec<StreamEntry>,
    room_bytes: usize,
    room_streams: usize,
}

/// A stream of a container.
struct StreamEntry {
    /// As stored.
    path: std::path::PathBuf,
    /// The names of its storages and its own, in lower case, because they are case-insensitive.
    names: Vec<String>,
    bytes: u64,
}

impl Container {
    pub(crate) fn open(format: FileFormat, content: &[u8]) -> Result<Self, InvalidFile> {
        let broken = |_| InvalidFile::damaged(format, "its OLE container is broken");
        let content = tidy::tidy(content);
        let file = CompoundFile::open(Cursor::new(content.clone())).map_err(broken)?;
        let streams = file.walk().filter(cfb::Entry::is_stream).map(|entry| StreamEntry {
            path: entry.path().to_owned(),
            names: names_of(entry.path()),
            bytes: entry.len(),
        });
        let streams = streams.collect();
        let room_bytes = content.len().saturating_mul(STREAMS_MAX_RATIO);
        Ok(Self { format, content, file, streams, room_bytes, room_streams: STREAMS_MAX })
    }

    /// Whether Office wrapped an encrypted document in this container.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.streams.iter().any(|stream| ENCRYPTED_NAMES.contains(&stream.name()))
    }

    /// The content of every stream with one of these names, those in the root first, each with whether it is there.
    pub(crate) fn read_named(&mut self, names: &[&str]) -> Result<Vec<(bool, Vec<u8>)>, InvalidFile> {
        let named = self.streams.iter().filter(|stream| names.contains(&stream.name()));
        let mut named: Vec<_> = named.map(|stream| (stream.names.len() == 1, stream.path.clone())).collect();
        named.sort_by_key(|(in_root, _)| !in_root);
        named.into_iter().map(|(in_root, path)| Ok((in_root, self.read(&path)?))).collect()
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, InvalidFile> {
        let broken = || InvalidFile::damaged(self.format, "its OLE container is broken");
        let too_much =
            || InvalidFile::too_much(self.format, "more than 256 embedded objects, or overlapping ones");
        self.room_streams = self.room_streams.checked_sub(1).ok_or_else(too_much)?;
        let stream = self.file.open_stream(path).map_err(|_| broken())?;
        if stream.len() > self.content.len() as u64 {
            return Err(broken());
        }
        let mut content = Vec::new();
        stream.take(self.content.len() as u64).read_to_end(&mut content).map_err(|_| broken())?;
        self.room_bytes = self.room_bytes.checked_sub(content.len()).ok_or_else(too_much)?;
        Ok(content)
    }

    /// Refuses macros and embedded programs; notes what is embedded.
    pub(crate) fn check(&mut self, notes: &mut BTreeSet<Note>) -> Result<(), InvalidFile> {
        if let Some(has_code) = macros::has_code(self) {
            if has_code {
                return Err(InvalidFile::macros(self.format, "a VBA project"));
            }
            notes.insert(Note::EmptyMacros);
        }
        for (_, package) in self.read_named(&[PACKAGE_NAME])? {
            notes.insert(Note::EmbeddedFiles);
            // Its length, two bytes, then its label and its file name, each with a zero at its end.
            let mut names = package.get(6..).unwrap_or_default().split(|byte| *byte == 0).take(2);
            if names.any(is_program_name) || memmem::find(&package, DOS_HEADER).is_some() {
                return Err(InvalidFile::active_content(self.format, "an embedded program"));
            }
        }
        Ok(())
    }
}

impl StreamEntry {
    fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }
}

fn names_of(path: &Path) -> Vec<String> {
    let names = path.components().skip(1).map(|name| name.as_os_str().to_string_lossy().to_lowercase());
    names.collect()
}

/// Whether a file of this name, in ASCII or UTF-16, runs when it is opened.
pub(crate) fn is_program_name(name: &[u8]) -> bool {
    let name: Vec<u8> = name.iter().copied().filter(|byte| *byte != 0).collect();
    let name = String::from_utf8_lossy(&name).to_lowercase();
    let extension = name.trim_end().rsplit_once('.').map_or("", |(_, extension)| extension);
    PROGRAM_EXTENSIONS.contains(&extension)
}

/// Whether a formula names a topic of another program, as `cmd|'/c calc'!A1` does. Text and names of sheets are quoted.
pub(crate) fn is_dde(formula: &str) -> bool {
    let mut quote = None;
    formula.chars().any(|character| {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        quote.is_none() && character == '|'
    })
}
