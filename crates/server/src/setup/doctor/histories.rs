//! Verifies the hash chain of every dispute's history.

use rebuttal_store::{DisputeDetail, HistoryReport, Location, StoreError, verify_histories};

use super::contested::ContestedFiles;
use super::{Finding, counted, list_of};

const CHECK: &str = "histories";
/// Disputes whose histories are verified without a request for it, which takes a second or two.
const DEFAULT_MAX: u64 = 10_000;

/// Verifies the histories if there are at most [`DEFAULT_MAX`] or `all` is set, and checks the contested files of each.
/// `on_progress` is called with the number of verified disputes and their total.
pub(super) async fn examine(
    location: &Location,
    all: bool,
    mut contested: Option<ContestedFiles>,
    on_progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Vec<Finding> {
    let mut each = async |detail: &DisputeDetail| {
        if let Some(contested) = &mut contested {
            contested.check(detail).await;
        }
    };
    let verified = verify_histories(location, (!all).then_some(DEFAULT_MAX), on_progress, &mut each).await;
    let files = match contested.filter(|_| matches!(verified, Ok(Some(_)))) {
        Some(contested) => contested.finding().await,
        None => None,
    };
    std::iter::once(finding(verified)).chain(files).collect()
}

fn finding(verified: Result<Option<HistoryReport>, StoreError>) -> Finding {
    match verified {
        Ok(Some(HistoryReport { disputes, entries, damaged: 0, .. })) => Finding::ok(
            CHECK,
            format!(
                "the hash chains of {} with {} are intact",
                counted(disputes, "dispute", "disputes"),
                counted(entries, "entry", "entries")
            ),
        ),
        Ok(Some(histories)) => Finding::fault(CHECK, damaged(&histories)),
        Ok(None) => Finding::ok(
            CHECK,
            format!("not checked: there are more than {DEFAULT_MAX} disputes; --histories verifies them all"),
        ),
        Err(error) => Finding::fault(CHECK, format!("histories cannot be read: {error}")),
    }
}

fn damaged(histories: &HistoryReport) -> String {
    let HistoryReport { disputes, damaged, named, .. } = histories;
    let named: Vec<String> = named.iter().map(|(number, what)| format!("{number}: {what}")).collect();
    format!(
        "damaged histories: {damaged} of {disputes}. {}. The database was changed by something other than a gateway, or is \
         damaged: keep it as it is, and compare it with a backup",
        list_of(&named, *damaged)
    )
}
