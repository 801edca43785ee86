//! `[Content_Types].xml`: which part is the workbook, and whether any part is of a kind that holds macros.
//!
//! Not an XML parser. What could make one read something else than stands here, another encoding, a document type
//! or a character reference, is refused; no producer of workbooks writes it.

use memchr::memmem;

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
/// Where a workbook lies whose type is declared for its extension instead of its name.
const USUAL_PART: &str = "/xl/workbook.xml";

/// Words, in lower case, in the content types of parts that hold macros.
const MACRO_WORDS: [(&str, &str); 3] = [
    ("macroenabled", "a macro-enabled content type"),
    ("macrosheet", "an Excel 4 macro sheet"),
    ("vbaproject", "a VBA project"),
];

/// The list, its tags in lower case.
pub(super) struct ContentTypes(String);

impl ContentTypes {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = str::from_utf8(bytes).map_err(|_| "its list of parts is not UTF-8")?;
        if text.contains('\0') {
            return Err("its list of parts is not UTF-8");
        }
        let text = text.to_lowercase();
        let declared = text.split_once("?>").map_or("", |(declaration, _)| declaration);
        let foreign =
            declared.contains("encoding") && !declared.contains("utf-8") && !declared.contains("us-ascii");
        if foreign || text.contains("<!doctype") || text.contains("&#") {
            return Err("its list of parts is not written as Office writes it");
        }
        Ok(Self(text))
    }

    /// What kind of macros some part is declared to hold.
    pub(super) fn macros(&self) -> Option<&'static str> {
        let holds = |word: &str| self.values("contenttype").any(|value| value.contains(word));
        MACRO_WORDS.into_iter().find_map(|(word, found)| holds(word).then_some(found))
    }

    /// The name of the workbook's part, in lower case.
    pub(super) fn workbook_part(&self) -> Option<&str> {
        let is_workbook = |tag: &&str| values(tag, "contenttype").any(|value| value == WORKBOOK);
        let tag = self.0.split('<').find(is_workbook)?;
        values(tag, "partname").next().or(Some(USUAL_PART))
    }

    fn values<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.0, attribute)
    }
}

/// The values of every attribute of this name.
fn values<'a>(text: &'a str, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    memmem::find_iter(text.as_bytes(), attribute)
        .filter_map(move |at| quoted(text.get(at + attribute.len()..)?))
}

/// The text between the quotes that follow an equals sign.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    text.get(1..)?.split_once(quote).map(|(value, _)| value)
}
