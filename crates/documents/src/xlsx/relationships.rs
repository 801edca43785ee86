//! `[Content_Types].xml` and the `.rels` parts: what each part is, and where it leads.

use rebuttal_protocol::{InvalidFile, Note};
use std::collections::{BTreeSet, HashMap, HashSet};

use quick_xml::events::Event;

use super::FORMAT;
use super::xml::{attribute, for_each};

/// Most content types that are declared: one for each of 4,096 parts, and as many for extensions.
const CONTENT_TYPES_MAX: usize = 8_192;
/// The beginnings of the content types of workbooks, in lower case; templates and those with macros included.
const WORKBOOKS: [&str; 4] = [
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main",
    "application/vnd.ms-excel.sheet.macroenabled.main",
    "application/vnd.ms-excel.template.macroenabled.main",
];
/// The path of a workbook whose type is declared for its extension instead of its name.
const USUAL_WORKBOOK: &str = "xl/workbook.xml";
const LIST_EXTENSION: &str = ".rels";

/// The declared type of each part, in lower case, as names are.
#[derive(Default)]
pub(super) struct ContentTypes {
    by_name: HashMap<String, String>,
    by_extension: HashMap<String, String>,
    declared: usize,
}

impl ContentTypes {
    pub(super) fn read(&mut self, content: &[u8]) -> Result<(), InvalidFile> {
        for_each(content, |event| {
            let (Event::Start(tag) | Event::Empty(tag)) = event else { return Ok(()) };
            let [kind, name, extension] =
                ["ContentType", "PartName", "Extension"].map(|name| attribute(tag, name));
            let kind = kind.unwrap_or_default().to_lowercase();
            if let Some(name) = name {
                self.by_name.insert(name.to_lowercase().trim_start_matches('/').to_owned(), kind);
            } else if let Some(extension) = extension {
                self.by_extension.insert(extension.to_lowercase(), kind);
            }
            self.declared += 1;
            if self.declared > CONTENT_TYPES_MAX {
                return Err(InvalidFile::too_much(FORMAT, "more than 8,192 content types"));
            }
            Ok(())
        })
    }

    /// The type of a part; empty if none is declared.
    pub(super) fn of(&self, name: &str) -> &str {
        let extension = name.rsplit('.').next().unwrap_or_default();
        self.by_name.get(name).or_else(|| self.by_extension.get(extension)).map_or("", String::as_str)
    }

    /// The name of the workbook's part among those that are there.
    pub(super) fn workbook(&self, names: &HashSet<String>) -> Option<String> {
        let is_workbook = |kind: &str| WORKBOOKS.iter().any(|workbook| kind.starts_with(workbook));
        let mut declared =
            self.by_name.iter().filter(|(_, kind)| is_workbook(kind)).map(|(name, _)| name.as_str());
        let usual = Some(USUAL_WORKBOOK).filter(|name| is_workbook(self.of(name)));
        usual.or(declared.next()).filter(|name| names.contains(*name)).map(str::to_owned)
    }
}

/// Where parts lead.
#[derive(Default)]
pub(super) struct Relationships {
    /// By the part and the identifier.
    targets: HashMap<(String, String), String>,
    vba: HashSet<String>,
    macro_sheets: HashSet<String>,
    is_linked: bool,
    is_embedded: bool,
}

/// Whether a part lists relationships.
pub(super) fn is_list(name: &str) -> bool {
    name.ends_with(LIST_EXTENSION)
}

impl Relationships {
    pub(super) fn read(&mut self, list: &str, content: &[u8]) -> Result<(), InvalidFile> {
        let source = list.replace("_rels/", "");
        let source = source.trim_end_matches(LIST_EXTENSION);
        for_each(content, |event| {
            let (Event::Start(tag) | Event::Empty(tag)) = event else { return Ok(()) };
            let [id, kind, target, mode] =
                ["Id", "Type", "Target", "TargetMode"].map(|name| attribute(tag, name));
            let (kind, target) = (kind.unwrap_or_default().to_lowercase(), target.unwrap_or_default());
            if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("external")) {
                self.is_linked = true;
                return Ok(());
            }
            let target = resolve(source, &target.to_lowercase());
            if kind.contains("vbaproject") {
                self.vba.insert(target.clone());
            }
            if kind.contains("macrosheet") {
                self.macro_sheets.insert(target.clone());
            }
            self.is_embedded |= ["/oleobject", "/package", "/control"].iter().any(|end| kind.ends_with(end));
            if let Some(id) = id {
                self.targets.insert((source.to_owned(), id), target);
            }
            Ok(())
        })
    }

    /// The name of the part that a part's relationship leads to.
    pub(super) fn target(&self, source: &str, id: &str) -> Option<String> {
        self.targets.get(&(source.to_owned(), id.to_owned())).cloned()
    }

    pub(super) fn is_vba(&self, name: &str) -> bool {
        self.vba.contains(name)
    }

    pub(super) fn is_macro_sheet(&self, name: &str) -> bool {
        self.macro_sheets.contains(name)
    }

    pub(super) fn notes(&self) -> BTreeSet<Note> {
        let linked = self.is_linked.then_some(Note::ExternalLinks);
        linked.into_iter().chain(self.is_embedded.then_some(Note::EmbeddedFiles)).collect()
    }
}

/// The name of the part that a target means, seen from the part that names it.
fn resolve(source: &str, target: &str) -> String {
    let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut path: Vec<_> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in target.split(['/', '\\']) {
        match step {
            ".." => drop(path.pop()),
            "." | "" => {}
            _ => path.push(step),
        }
    }
    path.into_iter().filter(|step| !step.is_empty()).collect::<Vec<_>>().join("/")
}
