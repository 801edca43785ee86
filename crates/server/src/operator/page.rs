//! A page of a list, as operators read it, and the cursor that leads to the next one.

use rebuttal_protocol::Code;
use rebuttal_protocol::operator::answers::ListPage;

use crate::http::error::Refusal;
use crate::operator::request::QueryParameters;

/// A page of at most `limit` items out of what was found, of which one more was asked for: whether it came tells
/// whether there is another page. `cursor` names the last item of this one, and `view` tells an item.
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

/// Where to go on, if the query tells it.
pub(crate) fn cursor<T>(
    query: &QueryParameters,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let not_ours = || Refusal::new(Code::InvalidParameter, "cursor is not one of ours; start without it");
    query.get("cursor").map(|cursor| read(cursor).ok_or_else(not_ours)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_where_to_go_on_only_where_there_is_more() {
        let page = |found: &[u8]| {
            let ListPage { items, next_cursor, .. } = of(found.to_vec(), 2, u8::to_string, u32::from);
            (items, next_cursor)
        };
        assert_eq!(page(&[]), (vec![], None));
        assert_eq!(page(&[1, 2]), (vec![1, 2], None));
        assert_eq!(page(&[1, 2, 3]), (vec![1, 2], Some("2".to_owned())));
    }
}
