//! `[Content_Types].xml` and the `.rels` parts: which part is the workbook, and whether any part holds macros.
//!
//! Not an XML parser. Text that an XML parser could read differently (another encoding, a document type, a character
//! reference) is refused; no producer of workbooks writes it.

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
/// The path of a workbook whose type is declared for its extension instead of its name.
const USUAL_PART: &str = "/xl/workbook.xml";

/// Words, in lower case, in the content types of parts that hold macros.
const MACRO_WORDS: [(&str, &str); 3] = [
    ("macroenabled", "a macro-enabled content type"),
    ("macrosheet", "an Excel 4 macro sheet"),
    ("vbaproject", "a VBA project"),
];

const FOREIGN: &str = "its list of parts is not in the form that Office writes";

/// The list, its tags in lower case.
pub(super) struct ContentTypes(String);

impl ContentTypes {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = lower_case(bytes)?;
        if text.contains("&#") { Err(FOREIGN) } else { Ok(Self(text)) }
    }

    /// How many content types are declared.
    pub(super) fn declared(&self) -> usize {
        self.0.split('<').filter(|tag| attribute(tag, "contenttype").is_some()).count()
    }

    /// The kind of macros that the content types declare. A type for an extension that no part has is ignored, because
    /// SheetJS declares some. `has_extension` gets the extension in lower case.
    pub(super) fn macros(&self, has_extension: impl Fn(&str) -> bool) -> Option<&'static str> {
        let used = |tag: &str| attribute(tag, "extension").is_none_or(&has_extension);
        self.0.split('<').find_map(|tag| {
            let kind = attribute(tag, "contenttype")?;
            let (_, found) = MACRO_WORDS.into_iter().find(|(word, _)| kind.contains(word))?;
            used(tag).then_some(found)
        })
    }

    /// The name of the workbook's part, in lower case.
    pub(super) fn workbook_part(&self) -> Option<&str> {
        let is_workbook = |tag: &&str| attribute(tag, "contenttype") == Some(WORKBOOK);
        let tag = self.0.split('<').find(is_workbook)?;
        attribute(tag, "partname").or(Some(USUAL_PART))
    }
}

/// The kind of macros that a list of relationships refers to. Office uses the relationship's type, and ignores the
/// name and the content type of the part.
pub(super) fn related_macros(bytes: &[u8]) -> Result<Option<&'static str>, &'static str> {
    let text = lower_case(bytes)?;
    for kind in text.split('<').filter_map(|tag| attribute(tag, "type")) {
        // Targets may contain character references; a type that contains one is meant to be misread.
        if kind.contains('&') {
            return Err(FOREIGN);
        }
        if let Some((_, found)) = MACRO_WORDS.into_iter().find(|(word, _)| kind.contains(word)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A part's text in lower case, if every XML parser reads the same text.
fn lower_case(bytes: &[u8]) -> Result<String, &'static str> {
    let text = str::from_utf8(bytes).map_err(|_| "its list of parts is not UTF-8")?;
    if text.contains('\0') {
        return Err("its list of parts is not UTF-8");
    }
    let text = text.to_lowercase();
    let declared = text.split_once("?>").map_or("", |(declaration, _)| declaration);
    let foreign =
        declared.contains("encoding") && !declared.contains("utf-8") && !declared.contains("us-ascii");
    if foreign || text.contains("<!doctype") { Err(FOREIGN) } else { Ok(text) }
}

/// The value of an attribute of a tag, which begins with the tag's name.
fn attribute<'a>(tag: &'a str, wanted: &str) -> Option<&'a str> {
    let (_, mut rest) = tag.split_once(char::is_whitespace)?;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, behind) = value.get(1..)?.split_once(quote)?;
        if name.trim() == wanted {
            return Some(value);
        }
        rest = behind;
    }
}
