//! A type name is defined once in the workspace: whoever searches for it finds one definition.

use std::collections::BTreeMap;

use super::tree::Tree;

/// Shares no code with what it tests, and so has types of the same names.
const TESTBED: &str = "testbed";
const KINDS: [&str; 5] = ["struct", "enum", "union", "trait", "type"];

/// The names of public and crate-visible types that are defined more than once. Names that macros define are not seen.
pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut definitions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in tree.sources().filter(|file| !file.is_of(TESTBED)) {
        for name in file.code().filter_map(|(_, line)| defined_type(line)) {
            definitions.entry(name).or_default().push(&file.path);
        }
    }
    definitions.retain(|_, files| files.len() > 1);
    let fault = |(name, files): (_, Vec<_>)| {
        format!("the type name {name} is defined in {}; name each for what it is", files.join(" and "))
    };
    definitions.into_iter().map(fault).collect()
}

fn defined_type(line: &str) -> Option<&str> {
    let mut words = line.trim_start().split(' ');
    words.next().filter(|word| *word == "pub" || word.starts_with("pub("))?;
    words.next().filter(|word| KINDS.contains(word))?;
    // A macro's `$name` is empty here.
    let name = words.next()?.split(|character: char| !character.is_alphanumeric()).next();
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    #[test]
    fn a_visible_type_name_is_defined_once() {
        let both =
            |first, second| faults(&sample(&[("crates/a/src/a.rs", first), ("crates/b/src/b.rs", second)]));
        assert_eq!(both("pub struct A<T> {", "    pub(super) enum A {").len(), 1);
        for (first, second) in [
            ("pub struct A;", "enum A {"),
            ("pub struct A;", "// pub struct A;"),
            ("pub enum $a {", "pub enum $b {"),
        ] {
            assert_eq!(both(first, second), Vec::<String>::new());
        }
        assert!(
            faults(&sample(&[
                ("crates/a/src/a.rs", "pub struct A;"),
                ("crates/testbed/src/a.rs", "pub struct A;")
            ]))
            .is_empty()
        );
    }
}
