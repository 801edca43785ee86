//! What the server's handlers have in common: they are short, and none can be reached without saying who asks.

use super::tree::Tree;

const HANDLER_LIMIT: usize = 45;
/// Where operations live, one file each.
const FOLDERS: [&str; 2] = ["crates/server/src/api/", "crates/server/src/operator/"];
/// What only a handler takes as an argument. The one that takes uploads has another state: its caller is known by the
/// signature inside the form itself (contract §3).
const HANDLER: &str = "State(gateway): State<";
/// The extractors that authenticate: a merchant's signature, an operator's token, an operator's token with a change.
const WHO: [&str; 3] = ["Signed<", "_: Operator", "change: Change"];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = 0;
    for file in tree.sources().filter(|file| FOLDERS.iter().any(|folder| file.path.starts_with(folder))) {
        for handler in file.functions().iter().filter(|function| function.text.contains(HANDLER)) {
            seen += 1;
            let place = &handler.place;
            if handler.lines > HANDLER_LIMIT {
                faults.push(format!(
                    "{place}: a handler of {} lines, of {HANDLER_LIMIT} at most",
                    handler.lines
                ));
            }
            if !WHO.iter().any(|who| handler.text.contains(who)) {
                faults.push(format!("{place}: a handler that does not ask who calls; {WHO:?} do"));
            }
        }
    }
    if seen == 0 {
        faults.push(format!("no handler is recognised by `{HANDLER}`; tidy must learn the new form"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn count(arguments: &str, lines: usize) -> usize {
        let body = "    work();\n".repeat(lines);
        let text =
            format!("//! x\npub(crate) async fn act(\n    {HANDLER}G>,\n    {arguments}\n) {{\n{body}}}\n");
        faults(&sample(&[("crates/server/src/operator/act.rs", &text)])).len()
    }

    #[test]
    fn handlers_are_short_and_know_who_calls() {
        assert_eq!(count("signed: Signed<Query>,", 10), 0);
        assert_eq!(count("_: Operator,", 10), 0);
        assert_eq!(count("query: Query,", 10), 1);
        assert_eq!(count("_: Operator,", 45), 1);
        assert_eq!(faults(&sample(&[])).len(), 1);
    }
}
