//! The histories: that every dispute is what its chain of hashes proves.

use rebuttal_store::{DisputeDetail, HistoryReport, Location, StoreError, verify_histories};

use super::contested::Contested;
use super::{Finding, named_of};

const ABOUT: &str = "histories";
/// Disputes whose histories are verified unasked: a second or two.
const UNASKED_MAX: u64 = 10_000;

/// Verifies all of them if they are few, or if `all` asks for it, and looks on the way for the files that were
/// contested with. `tell` learns how many are done, and of how many.
pub(super) async fn examine(
    location: &Location,
    all: bool,
    mut contested: Option<Contested>,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Vec<Finding> {
    let mut each = async |detail: &DisputeDetail| {
        if let Some(contested) = &mut contested {
            contested.look(detail).await;
        }
    };
    let verified = verify_histories(location, (!all).then_some(UNASKED_MAX), tell, &mut each).await;
    let files = match contested.filter(|_| matches!(verified, Ok(Some(_)))) {
        Some(contested) => contested.told().await,
        None => None,
    };
    std::iter::once(told(verified)).chain(files).collect()
}

fn told(verified: Result<Option<HistoryReport>, StoreError>) -> Finding {
    match verified {
        Ok(Some(initialize)) if initialize.damaged == 0 => {
            let HistoryReport { disputes, entries, .. } = initialize;
            Finding::well(ABOUT, format!("{disputes} disputes are what their {entries} entries prove"))
        }
        Ok(Some(initialize)) => Finding::fault(ABOUT, flawed(&initialize)),
        Ok(None) => Finding::well(
            ABOUT,
            format!(
                "not looked at, for there are more than {UNASKED_MAX} disputes; --histories verifies them all"
            ),
        ),
        Err(error) => Finding::fault(ABOUT, format!("they could not be read: {error}")),
    }
}

fn flawed(initialize: &HistoryReport) -> String {
    let named: Vec<String> =
        initialize.named.iter().map(|(number, what)| format!("{number}: {what}")).collect();
    format!(
        "of {} disputes, {} are not as they were written. {}. Something else than a gateway has written into the \
         database, or it is damaged: keep it as it is, and compare it with a backup",
        initialize.disputes,
        initialize.damaged,
        named_of(&named, initialize.damaged)
    )
}
