//! What the server's handlers have in common: they are short, and none can be reached without saying who asks.

use super::tree::Tree;

const HANDLER_LIMIT: usize = 45;
/// Where operations live, one file each.
const FOLDERS: [&str; 2] = ["crates/server/src/merchant/", "crates/server/src/operator/"];
/// What only a handler takes as an argument. The one that takes uploads has another state: its caller is known by the
/// signature inside the form itself (contract §3).
const HANDLER: &str = "State(gateway): State<";
/// The extractors that authenticate: a merchant's signature, an operator's token, an operator's token with a change.
/// The latter two do not compile without the right that the operation needs.
const WHO: [&str; 4] = [": SignedRead<", ": SignedWrite<", ": Operator<", "change: AuthorizedBody<"];

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

/// The operator API's routes, and the document that lists for each which role may call it; a test calls every one
/// that the document lists with every role.
const ROUTES: &str = "crates/server/src/operator.rs";
const CONTRACT: &str = "docs/integrate/contract.md";
const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// Routes of operators that the contract does not list.
pub(crate) fn undocumented_faults(tree: &Tree) -> Vec<String> {
    match (tree.find(ROUTES), tree.find(CONTRACT)) {
        (Some(router), Some(contract)) => undocumented_routes(&router.text, &contract.text),
        _ => vec![format!("{ROUTES} or {CONTRACT} is not where tidy looks for it")],
    }
}

fn undocumented_routes(router: &str, contract: &str) -> Vec<String> {
    let mut undocumented = Vec::new();
    for route in router.split(".route(").skip(1) {
        let route = route.split(".fallback(").next().unwrap_or_default();
        let Some(path) = route.split('"').nth(1) else { continue };
        for method in METHODS.iter().filter(|method| route.contains(&format!("{method}("))) {
            let call = format!("{} ", method.to_uppercase());
            let documented = contract.split('`').filter_map(|quoted| quoted.strip_prefix(&call));
            if !documented.into_iter().any(|documented| is_of(documented, path)) {
                undocumented
                    .push(format!("{ROUTES}: {call}{path} is not documented in the table of {CONTRACT}"));
            }
        }
    }
    undocumented
}

/// Whether a documented path is of a route: parameters may be named otherwise, or be one of their values.
fn is_of(documented: &str, route: &str) -> bool {
    let alike = |(documented, route): (&str, &str)| documented == route || route.starts_with('{');
    let (documented, route): (Vec<_>, Vec<_>) = (documented.split('/').collect(), route.split('/').collect());
    documented.len() == route.len() && documented.into_iter().zip(route).all(alike)
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
    fn every_route_is_documented() {
        let router = "Router::new().route(\"/a\", post(x).get(y)).route(\"/a/{a_id}/{act}\", post(z)).fallback(get(n))";
        let documented = "| `POST /a`, `GET /a` | `POST /a/{aId}/go` |";
        assert_eq!(undocumented_routes(router, documented), [""; 0]);
        assert_eq!(undocumented_routes(router, "`POST /a` `POST /a/{aId}`").len(), 2);
    }

    #[test]
    fn handlers_are_short_and_know_who_calls() {
        assert_eq!(count("signed: SignedRead<Query>,", 10), 0);
        assert_eq!(count("_: Operator<CanRead>,", 10), 0);
        assert_eq!(count("query: Query,", 10), 1);
        assert_eq!(count("_: Operator<CanRead>,", 45), 1);
        assert_eq!(faults(&sample(&[])).len(), 1);
    }
}
