//! Which module of a crate may import which: no cycles between the modules at a crate's root, and in the server only
//! the imports of a table. Read from paths that begin with `crate::` or reach the root by `super::`.

use std::collections::BTreeMap;

use super::tree::{File, Tree};

/// The crates without import cycles between modules. To add one, write its name here and break the cycles that `cargo
/// xtask tidy` then reports.
const WITHOUT_IMPORT_CYCLES: [&str; 7] =
    ["cli", "client", "disputes", "evidence", "protocol", "server", "store"];

/// Modules of the server that may import only these others. A module without a line, such as `setup`, may import any.
const SERVER_IMPORTS: [(&str, &[&str]); 11] = [
    ("clock", &[]),
    ("io_hints", &[]),
    ("metrics", &["clock"]),
    ("workers", &[]),
    ("http", &["clock", "io_hints"]),
    ("auth", &["clock", "http", "io_hints"]),
    ("gateway", &["auth", "clock", "http", "workers"]),
    ("merchant", &["auth", "clock", "gateway", "http"]),
    ("operator", &["auth", "clock", "gateway", "http"]),
    ("jobs", &["auth", "clock", "gateway", "http", "metrics"]),
    ("openapi", &["auth", "gateway", "http", "merchant", "operator"]),
];

/// The imports of a crate: from which module, to which, and the first line with the import.
type Imports<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for krate in WITHOUT_IMPORT_CYCLES {
        let imports = imports(tree, krate);
        faults.extend(import_cycles(krate, &imports));
        if krate == "server" {
            faults.extend(forbidden_imports(&imports, &SERVER_IMPORTS));
        }
    }
    faults
}

fn forbidden_imports(imports: &Imports<'_>, allowed: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    for (module, may_import) in allowed {
        let Some(imported) = imports.get(module) else {
            faults.push(format!("server: no module `{module}`, for which tidy/modules.rs has a line"));
            continue;
        };
        let others = imported.iter().filter(|(other, _)| !may_import.contains(other));
        faults.extend(others.map(|(other, line)| format!("{line}: `{module}` must not import `{other}`")));
    }
    faults
}

/// The cycles, one for each module that is not part of a reported one.
fn import_cycles(krate: &str, imports: &Imports<'_>) -> Vec<String> {
    let mut reported = Vec::new();
    let mut faults = Vec::new();
    for module in imports.keys() {
        let Some(cycle) = shortest_cycle(module, imports) else { continue };
        if cycle.iter().any(|module| reported.contains(module)) {
            continue;
        }
        let next = cycle.iter().skip(1).chain(cycle.first());
        let steps = cycle.iter().zip(next).filter_map(|(from, to)| imports.get(from)?.get(to));
        let lines = steps.map(String::as_str).collect::<Vec<_>>().join(", ");
        faults.push(format!("{krate}: modules import each other: {} ({lines})", cycle.join(" → ")));
        reported.extend(cycle);
    }
    faults
}

/// The shortest cycle through a module, by breadth-first search.
fn shortest_cycle<'a>(start: &'a str, imports: &Imports<'a>) -> Option<Vec<&'a str>> {
    let mut paths = vec![vec![start]];
    let mut seen = Vec::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in path.last().and_then(|last| imports.get(last))?.keys() {
                if *next == start {
                    return Some(path);
                }
                if !seen.contains(next) {
                    seen.push(*next);
                    longer.push(path.iter().copied().chain([*next]).collect());
                }
            }
        }
        paths = longer;
    }
    None
}

/// Every module at the root of a crate, with its imports of the others.
fn imports<'a>(tree: &'a Tree, krate: &str) -> Imports<'a> {
    let files: Vec<_> = tree
        .sources()
        .filter_map(|file| Some((file, file.path.strip_prefix("crates/")?.strip_prefix(krate)?)))
        .filter_map(|(file, path)| Some((file, path.strip_prefix("/src/")?)))
        .collect();
    let is_root = |path: &str| ["lib.rs", "main.rs"].contains(&path);
    let module_of = |path: &'a str| path.trim_end_matches(".rs").split('/').next().unwrap_or_default();
    let mut imports: Imports<'a> = files
        .iter()
        .filter(|(_, path)| !is_root(path))
        .map(|(_, path)| (module_of(path), BTreeMap::new()))
        .collect();
    let modules: Vec<&'a str> = imports.keys().copied().collect();
    // A re-export of the root counts as an import of its module.
    let mut reexports = BTreeMap::new();
    for (file, _) in files.iter().filter(|(_, path)| is_root(path)) {
        for module in &modules {
            for (_, name) in names_after(file, &format!("use {module}::")) {
                reexports.insert(name, *module);
            }
        }
    }
    for (file, path) in files.iter().filter(|(_, path)| !is_root(path)) {
        let module = module_of(path);
        let to_root = format!("super::{}", "super::".repeat(path.matches('/').count()));
        let through_super =
            names_after(file, &to_root).into_iter().filter(|(_, name)| modules.contains(&name.as_str()));
        for (line, name) in names_after(file, "crate::").into_iter().chain(through_super) {
            let to = modules.iter().find(|module| **module == name).or_else(|| reexports.get(&name));
            if let Some(to) = to.filter(|to| **to != module) {
                let line = format!("{}:{line}", file.path);
                imports.entry(module).or_default().entry(to).or_insert(line);
            }
        }
    }
    imports
}

/// The names that follow a prefix of a path, each with its line: one, or those at the top of a group in braces.
fn names_after(file: &File, prefix: &str) -> Vec<(usize, String)> {
    let lines: Vec<_> = file.code().collect();
    let mut names = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        for (at, _) in line.match_indices(prefix) {
            let before = line.get(..at).unwrap_or_default();
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let here = line.get(at + prefix.len()..).unwrap_or_default();
            if !here.starts_with('{') {
                names.push((*number, identifier(here)));
                continue;
            }
            let rest = lines.iter().skip(index + 1).map(|(_, line)| *line);
            let group: Vec<_> = std::iter::once(here).chain(rest).collect();
            names.extend(top_of_group(&group.join("\n")).map(|name| (*number, name)));
        }
    }
    names.retain(|(_, name)| !name.is_empty());
    names
}

/// Of `{a, b::{c, d}, e::f}; …` the names `a`, `b`, and `e`.
fn top_of_group(text: &str) -> impl Iterator<Item = String> {
    let mut depth = 0_usize;
    let mut tops = vec![String::new()];
    for character in text.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => tops.push(String::new()),
            _ => {
                if let Some(top) = tops.last_mut().filter(|_| depth == 1) {
                    top.push(character);
                }
            }
        }
    }
    tops.into_iter().map(|top| identifier(top.trim()))
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
        import_cycles("server", &imports(&sample(files), "server"))
    }

    #[test]
    fn modules_have_no_import_cycles() {
        let down = [
            ("crates/server/src/a.rs", "use crate::b::B;"),
            ("crates/server/src/b/c.rs", "use crate::b::D;"),
        ];
        assert_eq!(cycles_of(&down), Vec::<String>::new());
        for back in [
            "use crate::{\n    x,\n    a::{A, C},\n};",
            "use super::super::a;",
            "let a = crate::a::A;",
            "use crate::A;",
        ] {
            let root = ("crates/server/src/lib.rs", "pub use a::{A};");
            let cycle = [root, down[0], ("crates/server/src/b/c.rs", back)];
            let wanted = "server: modules import each other: a → b (crates/server/src/a.rs:1, crates/server/src/b/c.rs:1)";
            assert_eq!(cycles_of(&cycle), [wanted], "{back}");
        }
        for unrelated in ["// crate::a", "#[cfg(test)]\nuse crate::a;", "use x::crate::a;", "use super::a;"] {
            assert_eq!(
                cycles_of(&[down[0], ("crates/server/src/b/c.rs", unrelated)]).len(),
                0,
                "{unrelated}"
            );
        }
    }

    #[test]
    fn modules_import_only_what_their_line_allows() {
        let tree =
            sample(&[("crates/server/src/a.rs", "\nuse crate::{b, c};"), ("crates/server/src/b.rs", "")]);
        assert_eq!(forbidden_imports(&imports(&tree, "server"), &[("a", &["b", "c"])]).len(), 0);
        let tree_with_c = sample(&[
            ("crates/server/src/a.rs", "\nuse crate::{b, c};"),
            ("crates/server/src/b.rs", ""),
            ("crates/server/src/c.rs", ""),
        ]);
        let faults = forbidden_imports(&imports(&tree_with_c, "server"), &[("a", &["b"])]);
        assert_eq!(faults, ["crates/server/src/a.rs:2: `a` must not import `c`"]);
        assert_eq!(forbidden_imports(&imports(&tree, "server"), &[("gone", &[])]).len(), 1);
    }
}
