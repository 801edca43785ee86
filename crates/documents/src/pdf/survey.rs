//! A look at a PDF before it is opened: what its dictionaries declare, whether a trailer ever said that it is
//! encrypted, and whether opening it is work within bounds. It reads each dictionary once and follows no reference.

use flate2::{Decompress, FlushDecompress, Status};
use hayro_syntax::object::{Array, Dict, FromBytes as _, MaybeRef, Name, Object};
use memchr::memmem;
use rebuttal_protocol::InvalidFile;

use super::FORMAT;

/// Most bytes of dictionaries, strings, arrays, and streams of unknown length, overlaps counted: 16 times the largest
/// file. A reader that repairs a file reads each once or twice.
const READ_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Most dictionaries and objects without an end, each of which a reader follows to the end of the file.
const UNENDED_MAX: usize = 256;
/// Most bytes of objects in compressed streams, once inflated.
const OBJECTS_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Most objects in compressed streams.
const OBJECTS_MAX: usize = 200_000;
/// Most bytes of cross-reference streams, once inflated; an object takes about seven.
const REFERENCES_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longest stream of objects that is packed otherwise than producers do, so that its inflated size is not measured.
const UNUSUAL_MAX_BYTES: usize = 64 * 1024;

const TOO_LONG: InvalidFile = InvalidFile::too_much(FORMAT, "too many broken or overlapping objects");

/// What the dictionaries of a document declare.
pub(crate) struct Survey {
    /// Whether any trailer declares encryption.
    pub(super) is_encrypted: bool,
    /// The length that a linearized document declares.
    pub(super) length_of_linearized: Option<usize>,
    read_bytes: usize,
    unended: usize,
    object_bytes: usize,
    objects: usize,
    reference_bytes: usize,
}

impl Survey {
    pub(crate) fn of(document: &[u8]) -> Result<Self, InvalidFile> {
        let mut survey = Self {
            is_encrypted: false,
            length_of_linearized: None,
            read_bytes: 0,
            unended: 0,
            object_bytes: 0,
            objects: 0,
            reference_bytes: 0,
        };
        survey.dictionaries(document)?;
        survey.other_objects(document)?;
        Ok(survey)
    }

    fn read(&mut self, bytes: usize) -> Result<(), InvalidFile> {
        self.read_bytes = self.read_bytes.saturating_add(bytes);
        if self.read_bytes > READ_MAX_BYTES { Err(TOO_LONG) } else { Ok(()) }
    }

    fn unended(&mut self) -> Result<(), InvalidFile> {
        self.unended += 1;
        if self.unended > UNENDED_MAX { Err(TOO_LONG) } else { Ok(()) }
    }

    /// Every dictionary that a reader may come across when it repairs the document.
    fn dictionaries(&mut self, document: &[u8]) -> Result<(), InvalidFile> {
        let mut end = 0;
        for at in memmem::find_iter(document, b"<<") {
            let (before, from_here) = document.split_at(at);
            if at < end || !begins_token(before) {
                continue;
            }
            let Some(dictionary) = Dict::from_bytes(from_here) else {
                self.unended()?;
                continue;
            };
            end = at + dictionary.data().len();
            self.read(dictionary.data().len())?;
            let is_trailer = before.trim_ascii_end().ends_with(b"trailer");
            self.dictionary(&dictionary, is_trailer, document.get(end..).unwrap_or_default())?;
        }
        Ok(())
    }

    fn dictionary(
        &mut self,
        dictionary: &Dict<'_>,
        is_trailer: bool,
        rest: &[u8],
    ) -> Result<(), InvalidFile> {
        let kind = dictionary.get::<Name<'_>>("Type");
        let kind = kind.as_deref().unwrap_or_default();
        if is_trailer || kind == b"XRef" {
            let value = dictionary.get_raw::<Object<'_>>("Encrypt");
            self.is_encrypted |= !matches!(value, None | Some(MaybeRef::NotRef(Object::Null(_))));
        }
        if dictionary.contains_key("Linearized") {
            self.length_of_linearized = self.length_of_linearized.or_else(|| dictionary.get("L"));
        }
        let Some(content) = stream_content(rest) else { return Ok(()) };
        let length = dictionary.get::<usize>("Length").filter(|length| ends_stream(content, *length));
        if length.is_none() {
            let length = memmem::find(content, b"endstream");
            self.read(length.unwrap_or(content.len()))?;
            if length.is_none() {
                self.unended()?;
            }
        }
        match kind {
            b"ObjStm" => {
                self.objects = self.objects.saturating_add(dictionary.get("N").unwrap_or_default());
                self.object_bytes += inflated_size(dictionary, content, OBJECTS_MAX_BYTES)?;
            }
            b"XRef" => self.reference_bytes += inflated_size(dictionary, content, REFERENCES_MAX_BYTES)?,
            _ => {}
        }
        if self.objects > OBJECTS_MAX
            || self.object_bytes > OBJECTS_MAX_BYTES
            || self.reference_bytes > REFERENCES_MAX_BYTES
        {
            return Err(InvalidFile::too_much(FORMAT, "more than 32 MB or 200,000 compressed objects"));
        }
        Ok(())
    }

    /// Objects that are strings and arrays, which may run over others.
    fn other_objects(&mut self, document: &[u8]) -> Result<(), InvalidFile> {
        for at in memmem::find_iter(document, b"obj") {
            let value = document.get(at + 3..).unwrap_or_default().trim_ascii_start();
            let is_long = matches!(value, [b'(' | b'[', ..] | [b'<', 0..=b';' | b'='.., ..]);
            if !is_long || document.get(..at).is_some_and(|before| before.ends_with(b"end")) {
                continue;
            }
            match Object::from_bytes(value) {
                Some(Object::String(string)) => self.read(string.as_bytes().len())?,
                Some(Object::Array(array)) => self.read(array.data().len())?,
                Some(_) => {}
                None => self.unended()?,
            }
        }
        Ok(())
    }
}

/// Whether readers look for an object behind this.
fn begins_token(before: &[u8]) -> bool {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    before.last().is_none_or(is_space)
        || [&b"obj"[..], b"trailer", b">>"].iter().any(|end| before.ends_with(end))
}

/// The bytes behind the word that begins a stream, if there is one.
fn stream_content(behind_dictionary: &[u8]) -> Option<&[u8]> {
    let content = behind_dictionary.trim_ascii_start().strip_prefix(b"stream")?;
    Some(content.strip_prefix(b"\r\n").or(content.strip_prefix(b"\n")).unwrap_or(content))
}

fn ends_stream(content: &[u8], length: usize) -> bool {
    content.get(length..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"endstream"))
}

/// How long a stream is for its reader, counted up to a limit.
fn inflated_size(dictionary: &Dict<'_>, content: &[u8], limit: usize) -> Result<usize, InvalidFile> {
    let length = dictionary.get::<usize>("Length").filter(|length| ends_stream(content, *length));
    let length = length.or_else(|| memmem::find(content, b"endstream")).unwrap_or(content.len());
    let content = content.get(..length).unwrap_or(content);
    let mut filters: Vec<_> = dictionary.get::<Name<'_>>("Filter").into_iter().collect();
    filters.extend(dictionary.get::<Array<'_>>("Filter").iter().flat_map(|array| array.iter::<Name<'_>>()));
    match filters.iter().map(AsRef::as_ref).collect::<Vec<_>>().as_slice() {
        [] => Ok(content.len()),
        [b"FlateDecode" | b"Fl"] => Ok(inflate(content, limit)),
        _ if content.len() <= UNUSUAL_MAX_BYTES => Ok(content.len()),
        _ => Err(InvalidFile::too_much(FORMAT, "objects that are compressed in an unusual way")),
    }
}

/// The size of inflated data, counted up to a limit and as far as the data can be inflated.
fn inflate(compressed: &[u8], limit: usize) -> usize {
    let mut state = Decompress::new(true);
    let mut block = vec![0; 32 * 1024];
    let mut rest = compressed;
    let mut size = 0;
    while size <= limit {
        let (read_before, written_before) = (state.total_in(), state.total_out());
        let status = state.decompress(rest, &mut block, FlushDecompress::None);
        let advance = |total: u64, before: u64| usize::try_from(total - before).unwrap_or_default();
        let read = advance(state.total_in(), read_before);
        let written = advance(state.total_out(), written_before);
        rest = rest.get(read..).unwrap_or_default();
        size += written;
        if !matches!(status, Ok(Status::Ok | Status::BufError)) || (read == 0 && written == 0) {
            break;
        }
    }
    size
}
