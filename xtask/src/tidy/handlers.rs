//! What the server's handlers have in common: none can be reached without saying who asks.

use super::tree::Tree;

/// Where operations live, one file each.
const FOLDERS: [&str; 2] = ["crates/server/src/merchant/", "crates/server/src/operator/"];
/// Argument types that only handlers have. The upload handler has another state: its caller is authenticated by the
/// signature in the form (contract §3).
const HANDLER: &str = "State(gateway): State<";
/// The extractors that authenticate: a merchant's signature, an operator's token, an operator's token with a change.
/// The latter two do not compile without the permission that the operation needs.
const WHO: [&str; 4] = [": SignedRead<", ": SignedWrite<", ": Operator<", "change: AuthorizedBody<"];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = 0;
    for file in tree.sources().filter(|file| FOLDERS.iter().any(|folder| file.path.starts_with(folder))) {
        for handler in file.functions().iter().filter(|function| function.text.contains(HANDLER)) {
            seen += 1;
            let place = &handler.place;
            if !WHO.iter().any(|who| handler.text.contains(who)) {
                faults.push(format!(
                    "{place}: a handler that does not authenticate its caller; use one of {WHO:?}"
                ));
            }
        }
    }
    if seen == 0 {
        faults.push(format!("no handler matches `{HANDLER}`; update tidy"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn count(arguments: &str) -> usize {
        let text = format!("//! x\npub(crate) async fn act(\n    {HANDLER}G>,\n    {arguments}\n) {{\n}}\n");
        faults(&sample(&[("crates/server/src/operator/act.rs", &text)])).len()
    }

    #[test]
    fn handlers_know_who_calls() {
        assert_eq!(count("signed: SignedRead<Query>,"), 0);
        assert_eq!(count("_: Operator<CanRead>,"), 0);
        assert_eq!(count("query: Query,"), 1);
        assert_eq!(faults(&sample(&[])).len(), 1);
    }
}
