//! Pages of the operator API's lists, and the cursor of the next page.

use rebuttal_protocol::Code;
use rebuttal_protocol::operator::answers::ListPage;

use crate::http::error::Refusal;
use crate::operator::request::QueryParameters;

/// A page of at most `limit` items. `found` has one more if there is another page, whose cursor is `cursor` of this
/// page's last item. `view` converts an item for the answer.
pub(crate) fn of<F, T>(
    mut found: Vec<F>,
    limit: u32,
    cursor: impl Fn(&F) -> String,
    view: impl Fn(F) -> T,
) -> ListPage<T> {
    let limit = limit as usize;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(cursor);
    ListPage { items: found.into_iter().map(view).collect(), next_cursor, total: None, total_exact: None }
}

/// The cursor of the query, if it has one.
pub(crate) fn cursor<T>(
    query: &QueryParameters,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let invalid = || {
        let message = "cursor is not a nextCursor of this list; leave it out to get the first page";
        Refusal::new(Code::InvalidParameter, message)
    };
    query.get("cursor").map(|cursor| read(cursor).ok_or_else(invalid)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_before_the_last_has_a_next_cursor() {
        let page = |found: &[u8]| {
            let ListPage { items, next_cursor, .. } = of(found.to_vec(), 2, u8::to_string, u32::from);
            (items, next_cursor)
        };
        assert_eq!(page(&[]), (vec![], None));
        assert_eq!(page(&[1, 2]), (vec![1, 2], None));
        assert_eq!(page(&[1, 2, 3]), (vec![1, 2], Some("2".to_owned())));
    }
}
