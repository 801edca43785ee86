//! The upload's body: a `multipart/form-data` form read as it arrives, fields first, the file last (contract §3).
//!
//! Only a bounded head and one chunk of the body are in memory. [`policy`](crate::policy) checks the fields,
//! [`folder`](crate::folder) the size of the file.

mod meter;
mod parameters;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use multer::{Field, Multipart};
use rebuttal_protocol::Scene;

use crate::{BodyError, EvidenceError, InvalidUpload};
use meter::Meter;
use parameters::parameter;

/// Most fields before the file; an issued form has eight.
pub const FIELDS_MAX: usize = 32;
/// Most bytes of a field's name.
pub const FIELD_NAME_MAX_BYTES: usize = 64;
/// Most bytes of a field's value; a policy has about 1,000, a session token up to about 2,000.
pub const FIELD_VALUE_MAX_BYTES: usize = 8 * 1024;
/// Most bytes before the file's content: all fields with their part headers.
pub const FORM_HEAD_MAX_BYTES: u64 = 32 * 1024;
/// Most bytes after the file's content: the closing boundary and what some clients send after it.
pub const FORM_TAIL_MAX_BYTES: u64 = 4 * 1024;

/// The media type of a form, in either case.
const FORM: &str = "multipart/form-data";
/// The name of the file's part, in either case.
const FILE: &str = "file";

/// An upload form while it is read.
pub struct FormReader {
    multipart: Multipart<'static>,
    meter: Meter,
    file: File,
    broken: bool,
}

/// How much of the form was read.
enum File {
    /// The fields are being read.
    Ahead,
    /// The file is being read.
    Arriving(Box<Field<'static>>),
    /// The file was read.
    Over,
}

impl FormReader {
    /// Starts to read a body whose `Content-Type` header is `content_type`.
    ///
    /// # Errors
    /// [`InvalidUpload::NotAForm`] if that is not `multipart/form-data` with a boundary.
    pub fn new<S>(content_type: &str, body: S) -> Result<Self, InvalidUpload>
    where
        S: Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    {
        let media_type = content_type.split(';').next().unwrap_or_default();
        let boundary = parameter(content_type, "boundary")
            .filter(|boundary| !boundary.is_empty() && media_type.trim().eq_ignore_ascii_case(FORM))
            .ok_or(InvalidUpload::NotAForm)?;
        let meter = Meter::new(Box::pin(body), FORM_HEAD_MAX_BYTES);
        Ok(Self {
            multipart: Multipart::new(meter.clone(), boundary),
            meter,
            file: File::Ahead,
            broken: false,
        })
    }

    /// Reads the text fields before the file. Names are as sent; none occurs twice, in either case.
    pub async fn fields(&mut self) -> Result<Vec<(String, String)>, EvidenceError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            let next = self.meter.drive(self.multipart.next_field()).await;
            let mut part = next.map_err(|error| self.fault(error))?.ok_or(InvalidUpload::FileMissing)?;
            let name = name_of(&part).ok_or(InvalidUpload::Malformed("a part has no name"))?;
            if name.eq_ignore_ascii_case(FILE) {
                self.meter.allow_file();
                self.file = File::Arriving(Box::new(part));
                return Ok(fields);
            }
            if name.len() > FIELD_NAME_MAX_BYTES {
                let shown = name.chars().take(FIELD_NAME_MAX_BYTES).collect();
                return Err(InvalidUpload::FieldTooLong(shown).into());
            }
            if fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
                return Err(InvalidUpload::FieldRepeated(name).into());
            }
            if fields.len() == FIELDS_MAX {
                return Err(InvalidUpload::TooManyFields.into());
            }
            let value = self.value(&name, &mut part).await?;
            fields.push((name, value));
        }
    }

    async fn value(&mut self, name: &str, part: &mut Field<'static>) -> Result<String, EvidenceError> {
        let mut value = Vec::new();
        while let Some(chunk) = self.meter.drive(part.chunk()).await.map_err(|error| self.fault(error))? {
            if value.len() + chunk.len() > FIELD_VALUE_MAX_BYTES {
                return Err(InvalidUpload::FieldTooLong(name.to_owned()).into());
            }
            value.extend_from_slice(&chunk);
        }
        String::from_utf8(value).map_err(|_| InvalidUpload::Malformed("a field is not UTF-8").into())
    }

    /// The file's content as it arrives. It ends without an error only when the whole form was read and nothing
    /// follows the file; until then the caller must not keep the file.
    pub fn file(&mut self) -> impl Stream<Item = Result<Bytes, EvidenceError>> + Send {
        stream::try_unfold(self, |form| async move { Ok(form.chunk().await?.map(|chunk| (chunk, form))) })
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, EvidenceError> {
        let File::Arriving(file) = &mut self.file else {
            return Ok(None);
        };
        let chunk = self.meter.drive(file.chunk()).await;
        if let Some(chunk) = chunk.map_err(|error| self.fault(error))? {
            return Ok(Some(chunk));
        }
        self.file = File::Over;
        let next = self.meter.drive(self.multipart.next_field()).await;
        match next.map_err(|error| self.fault(error))? {
            None => Ok(None),
            Some(_) => Err(InvalidUpload::FileNotLast.into()),
        }
    }

    /// What to answer instead of a refusal of the fields: [`InvalidUpload::FileNotLast`] where fields were missing only
    /// because they are after the file.
    pub async fn explain(mut self, refusal: InvalidUpload) -> InvalidUpload {
        let misplaced =
            matches!(refusal, InvalidUpload::FieldMissing(_)) && self.something_follows_the_file().await;
        if misplaced { InvalidUpload::FileNotLast } else { refusal }
    }

    async fn something_follows_the_file(&mut self) -> bool {
        while !self.broken {
            match self.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(error) => return matches!(error, EvidenceError::Refused(InvalidUpload::FileNotLast)),
            }
        }
        false
    }

    fn fault(&mut self, error: multer::Error) -> EvidenceError {
        self.broken = true;
        match error {
            multer::Error::StreamReadFailed(_) if self.meter.is_over() => match self.file {
                File::Ahead => InvalidUpload::TooManyFields.into(),
                File::Arriving(_) => InvalidUpload::TooLarge(Scene::max_bytes_of_any()).into(),
                File::Over => InvalidUpload::FileNotLast.into(),
            },
            multer::Error::StreamReadFailed(source) => EvidenceError::Body(source),
            multer::Error::IncompleteFieldData { .. }
            | multer::Error::IncompleteHeaders
            | multer::Error::IncompleteStream => {
                InvalidUpload::Malformed("it ends before its last boundary").into()
            }
            _ => InvalidUpload::Malformed("a part's headers cannot be read").into(),
        }
    }
}

fn name_of(part: &Field<'_>) -> Option<String> {
    let disposition = String::from_utf8_lossy(part.headers().get("content-disposition")?.as_bytes());
    parameter(&disposition, "name").map(str::to_owned)
}

#[cfg(test)]
mod tests;
