//! Entries of a list, and the groups that they stand in: jobs under the heading of their team, rows below the row that
//! names it, jobs of a department.
//!
//! What matches the pipeline's `group` and holds entries is the group of those. In HTML, what holds none is a heading: the
//! group of the entries behind it, until another group begins; one in a table ends with its table, behind which the
//! heading before the table counts again. The nearest counts. An entry is no group.

use std::collections::{HashMap, HashSet};

use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::config::{Pick, Within};

/// Where the rules of an entry are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<T> {
    pub(super) itself: T,
    pub(super) group: Option<T>,
}

impl<T: Copy> Entry<T> {
    /// An entry in no group, or a whole page.
    pub(super) const fn alone(itself: T) -> Self {
        Self {
            itself,
            group: None,
        }
    }

    /// Where a pick is asked; nowhere, if that is a group and there is none.
    pub(super) const fn place(&self, pick: &Pick) -> Option<T> {
        match pick.within {
            Within::Entry => Some(self.itself),
            Within::Group => self.group,
        }
    }

    pub(super) fn map<U>(self, mut kind: impl FnMut(T) -> U) -> Entry<U> {
        Entry {
            itself: kind(self.itself),
            group: self.group.map(kind),
        }
    }
}

/// The entries of a page, in its order.
pub(super) fn in_html<'a>(
    html: &'a Html,
    item: &Selector,
    group: Option<&Selector>,
) -> Vec<Entry<ElementRef<'a>>> {
    let items = html.select(item);
    let Some(group) = group else {
        return items.map(Entry::alone).collect();
    };
    let items: HashSet<_> = items.map(|element| element.id()).collect();
    let mut groups: HashSet<_> = html.select(group).map(|element| element.id()).collect();
    groups.retain(|id| !items.contains(id));
    let enclosing = |element: ElementRef<'a>| {
        let above = element.ancestors().filter_map(ElementRef::wrap);
        above.filter(|above| groups.contains(&above.id()))
    };
    let mut holders = HashSet::new();
    let mut entries = Vec::with_capacity(items.len());
    let mut headings = Headings::default();
    let elements = || html.root_element().descendent_elements();
    for element in elements().filter(|element| items.contains(&element.id())) {
        holders.extend(enclosing(element).map(|holder| holder.id()));
    }
    for element in elements() {
        if items.contains(&element.id()) {
            let heading = headings.over(element);
            let group = heading.or_else(|| enclosing(element).next());
            entries.push(Entry {
                itself: element,
                group,
            });
        } else if groups.contains(&element.id()) {
            if holders.contains(&element.id()) {
                headings = Headings::default();
            } else {
                headings.add(element);
            }
        }
    }
    entries
}

/// The headings that hold at a place of a page: at most one for the page, and one for each table around the place.
#[derive(Default)]
struct Headings<'a>(Vec<Heading<'a>>);

struct Heading<'a> {
    element: ElementRef<'a>,
    /// The table that it stands in.
    table: Option<ElementRef<'a>>,
}

impl<'a> Headings<'a> {
    fn add(&mut self, element: ElementRef<'a>) {
        self.leave(element);
        let table = tables(element).next();
        if self.0.last().is_some_and(|last| last.table == table) {
            self.0.pop();
        }
        self.0.push(Heading { element, table });
    }

    /// The heading of what stands behind all that was added.
    fn over(&mut self, element: ElementRef<'a>) -> Option<ElementRef<'a>> {
        self.leave(element);
        self.0.last().map(|heading| heading.element)
    }

    fn leave(&mut self, element: ElementRef<'a>) {
        while let Some(Heading {
            table: Some(table), ..
        }) = self.0.last()
            && !tables(element).any(|around| around == *table)
        {
            self.0.pop();
        }
    }
}

fn tables(element: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let above = element.ancestors().filter_map(ElementRef::wrap);
    above.filter(|above| above.value().name() == "table")
}

/// The entries of a document, in its order.
pub(super) fn in_json<'a>(
    document: &'a Value,
    item: &JsonPath,
    group: Option<&JsonPath>,
) -> Vec<Entry<&'a Value>> {
    let Some(group) = group else {
        return item.query(document).into_iter().map(Entry::alone).collect();
    };
    let groups: HashMap<String, &Value> = group
        .query_located(document)
        .into_iter()
        .map(|node| (node.location().to_json_pointer(), node.node()))
        .collect();
    let enclosing = |pointer: &str| {
        let mut pointer = pointer;
        while let Some((above, _)) = pointer.rsplit_once('/') {
            if let Some(group) = groups.get(above) {
                return Some(*group);
            }
            pointer = above;
        }
        None
    };
    item.query_located(document)
        .into_iter()
        .map(|node| Entry {
            itself: node.node(),
            group: enclosing(&node.location().to_json_pointer()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each entry's text, and that of its group.
    fn groups(page: &str, item: &str, group: &str) -> Vec<(String, Option<String>)> {
        let html = Html::parse_document(page);
        let (item, group) = (Selector::parse(item), Selector::parse(group));
        let text = |element: ElementRef<'_>| element.text().collect::<String>();
        in_html(&html, &item.unwrap(), Some(&group.unwrap()))
            .into_iter()
            .map(|entry| (text(entry.itself), entry.group.map(text)))
            .collect()
    }

    fn pairs(expected: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        expected
            .iter()
            .map(|(entry, group)| ((*entry).to_owned(), group.map(str::to_owned)))
            .collect()
    }

    #[test]
    fn a_heading_is_the_group_of_what_comes_after_it() {
        let page = "<ul><li>a</ul><div><h2>X</h2></div><ul><li>b<li>c</ul><h2>Y</h2><ul><li>d</ul>";
        let expected = [
            ("a", None),
            ("b", Some("X")),
            ("c", Some("X")),
            ("d", Some("Y")),
        ];
        assert_eq!(groups(page, "li", "h2"), pairs(&expected));
        let rows = "<table><tr class=t><td>X<tr><td>a<tr><td>b<tr class=t><td>Y<tr><td>c</table>";
        let expected = [("a", Some("X")), ("b", Some("X")), ("c", Some("Y"))];
        assert_eq!(groups(rows, "tr:not(.t)", "tr.t"), pairs(&expected));
    }

    #[test]
    fn a_heading_in_a_table_ends_with_it() {
        let page = "<table><tr class=t><td>X<tr><td>a</table><table><tr><td>b</table>\
            <h2 class=t>Y</h2><table><tr><td>c<tr class=t><td>Z<tr><td>d</table><table><tr><td>e</table>";
        let expected = [
            ("a", Some("X")),
            ("b", None),
            ("c", Some("Y")),
            ("d", Some("Z")),
            ("e", Some("Y")),
        ];
        assert_eq!(groups(page, "tr:not(.t)", ".t"), pairs(&expected));
    }

    #[test]
    fn what_holds_entries_is_the_group_of_those_alone() {
        let page = "<section>X<i>a</i></section><i>b</i><section>Y<div><i>c</i></div></section>";
        let expected = [("a", Some("Xa")), ("b", None), ("c", Some("Yc"))];
        assert_eq!(groups(page, "i", "section"), pairs(&expected));
    }

    #[test]
    fn of_several_the_nearest_counts() {
        let page = "<div>X<i>a</i><div>Y<i>b</i></div><i>c</i><h2>Z</h2><i>d</i></div>";
        let found = groups(page, "i", "div, h2");
        let inner: Vec<_> = found
            .iter()
            .map(|(_, group)| group.as_deref().map(|text| &text[..1]))
            .collect();
        assert_eq!(inner, [Some("X"), Some("Y"), Some("X"), Some("Z")]);
    }

    #[test]
    fn in_json_the_group_is_the_nearest_parent() {
        let document =
            json!({"a/b": [{"n": "X", "jobs": [1, 2]}, {"n": "Y", "jobs": [3]}], "jobs": [4]});
        let path = |text| JsonPath::parse(text).unwrap();
        let found = in_json(&document, &path("$..jobs[*]"), Some(&path("$['a/b'][*]")));
        let mut names: Vec<_> = found
            .iter()
            .map(|entry| (entry.itself.as_u64(), entry.group.map(|group| &group["n"])))
            .collect();
        names.sort_by_key(|(number, _)| *number);
        let expected = [
            (Some(1), Some(&json!("X"))),
            (Some(2), Some(&json!("X"))),
            (Some(3), Some(&json!("Y"))),
            (Some(4), None),
        ];
        assert_eq!(names, expected);
    }
}
