//! Whether a VBA project has a line of code. Excel writes projects without any, with an empty module for each sheet.

use calamine::vba::VbaProject;

use super::Container;

/// Storages of VBA projects.
const STORAGES: [&str; 4] = ["_vba_project_cur", "_vba_project", "vba", "macros"];
/// The stream that lists a project's modules.
const LIST: &str = "dir";
/// Streams of a project that are not modules, and the beginning of others' names.
const OTHER_STREAMS: [&str; 4] = [LIST, "_vba_project", "project", "projectwm"];
const CACHE_PREFIX: &str = "__srp_";
/// Longest stream of a module without code: attributes, and about a kilobyte of compiled form. A longer one has had its
/// source removed, while its compiled form still runs.
const EMPTY_MODULE_MAX_BYTES: u64 = 2_048;

/// Whether a container's VBA project has code; `None` if there is no project.
pub(super) fn has_code(container: &Container) -> Option<bool> {
    let is_part = |names: &[String]| names.iter().any(|name| STORAGES.contains(&name.as_str()));
    let parts: Vec<_> = container.streams.iter().filter(|stream| is_part(&stream.names)).collect();
    if parts.is_empty() {
        return None;
    }
    let is_module = |name: &str| !OTHER_STREAMS.contains(&name) && !name.starts_with(CACHE_PREFIX);
    let is_long = parts.iter().any(|part| is_module(part.name()) && part.bytes > EMPTY_MODULE_MAX_BYTES);
    // The reader finds one project, by its list.
    let lists = container.streams.iter().filter(|stream| stream.name() == LIST).count();
    if is_long || lists != 1 {
        return Some(true);
    }
    let mut content = container.content.as_slice();
    let project = VbaProject::new(&mut content, container.content.len());
    let modules = |project: &VbaProject| {
        let mut sources = project.get_module_names().into_iter().map(|name| project.get_module_raw(name));
        sources.any(|source| source.map_or(true, is_code))
    };
    Some(project.map_or(true, |project| modules(&project)))
}

fn is_code(source: &[u8]) -> bool {
    let source = String::from_utf8_lossy(source).to_lowercase();
    let is_idle = |line: &str| {
        let declares = ["attribute ", "option ", "'", "rem "];
        line.is_empty() || declares.iter().any(|prefix| line.starts_with(prefix))
    };
    !source.lines().map(str::trim).all(is_idle)
}
