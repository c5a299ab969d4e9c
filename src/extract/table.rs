//! The cell of a header: in rows (`th` beside `td`), in columns (`th` above `td`), in lists of terms (`dt` before `dd`).
//!
//! Headers are compared as readers read them: without blanks, case and the colon or mark behind them. A table that heads
//! its rows by a first `td` instead of a `th` is read too, where no true header fits.

use scraper::ElementRef;

use crate::html::text;

/// The cells of a header in an element, in its order.
pub(super) fn cells<'a>(element: ElementRef<'a>, header: &str) -> Vec<ElementRef<'a>> {
    let wanted = folded(header);
    let (mut found, mut weak) = (Vec::new(), Vec::new());
    let all = element.descendants().filter_map(ElementRef::wrap);
    for head in all.filter(|head| folded(&text::of(*head)) == wanted) {
        match head.value().name() {
            "th" => found.extend(of_header(head)),
            "dt" => found.extend(of_term(head)),
            "td" if previous(head).is_none() => weak.extend(beside(head)),
            _ => {}
        }
    }
    if found.is_empty() { weak } else { found }
}

fn folded(text: &str) -> String {
    text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '*'))
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A header with a cell beside it heads its row; one among headers alone heads its column.
fn of_header(head: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let row_cells = beside(head);
    if row_cells.is_empty() {
        below(head)
    } else {
        row_cells
    }
}

/// The data cells up to the next header of the row.
fn beside(head: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    following(head)
        .take_while(|cell| cell.value().name() == "td")
        .collect()
}

/// The data cells of the same column in the rows that follow, up to one with a header there.
fn below(head: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let Some(row) = head.parent().and_then(ElementRef::wrap) else {
        return Vec::new();
    };
    let column: usize = cells_of(row)
        .take_while(|cell| *cell != head)
        .map(span)
        .sum();
    let Some(table) = row
        .ancestors()
        .filter_map(ElementRef::wrap)
        .find(|ancestor| ancestor.value().name() == "table")
    else {
        return Vec::new();
    };
    let rows = table
        .descendants()
        .filter_map(ElementRef::wrap)
        .filter(|element| element.value().name() == "tr")
        .skip_while(|other| *other != row)
        .skip(1);
    rows.map_while(|row| at(row, column))
        .take_while(|cell| cell.value().name() == "td")
        .collect()
}

/// The cell of a row that lies over a column.
fn at(row: ElementRef<'_>, column: usize) -> Option<ElementRef<'_>> {
    let mut end = 0;
    cells_of(row).find(|cell| {
        end += span(*cell);
        end > column
    })
}

fn cells_of(row: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    row.child_elements()
        .filter(|cell| matches!(cell.value().name(), "td" | "th"))
}

fn span(cell: ElementRef<'_>) -> usize {
    let declared = cell
        .attr("colspan")
        .and_then(|span| span.trim().parse().ok());
    declared.unwrap_or(1).clamp(1, 1000)
}

/// The descriptions of a term; terms that follow each other share theirs.
fn of_term(term: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    following(term)
        .skip_while(|element| element.value().name() == "dt")
        .take_while(|element| element.value().name() == "dd")
        .collect()
}

fn following(element: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    element.next_siblings().filter_map(ElementRef::wrap)
}

fn previous(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    element.prev_siblings().find_map(ElementRef::wrap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tree;

    fn read(page: &str, header: &str) -> Vec<String> {
        let html = tree::parse(page).unwrap();
        cells(html.root_element(), header)
            .into_iter()
            .map(text::of)
            .collect()
    }

    #[test]
    fn the_cell_beside_a_header_is_read_up_to_the_next_header() {
        let page = "<table><tr><th>근무지 :</th><td>서울 <b>강남</b></td><th>경력</th><td>3년</td></tr></table>";
        assert_eq!(read(page, "근무지"), ["서울 강남"]);
        assert_eq!(read(page, "경력"), ["3년"]);
        assert!(read(page, "급여").is_empty());
    }

    #[test]
    fn the_cells_below_a_header_are_read_over_spanned_columns() {
        let page = "<table><thead><tr><th colspan=2>Who</th><th>Where</th></tr></thead>\
            <tbody><tr><td>a</td><td>b</td><td>Seoul</td></tr><tr><td colspan=2>c</td><td>Busan</td></tr></tbody></table>";
        assert_eq!(read(page, "where"), ["Seoul", "Busan"]);
    }

    #[test]
    fn terms_give_their_descriptions() {
        let page = "<dl><dt>Team</dt><dd>Data</dd><dt>Place</dt><dt>Office</dt><dd>Seoul</dd><dd>Busan</dd></dl>\
            <dl><div><dt>Pay</dt><dd>5,000만원</dd></div></dl>";
        assert_eq!(read(page, "Team"), ["Data"]);
        assert_eq!(read(page, "Place"), ["Seoul", "Busan"]);
        assert_eq!(read(page, "pay"), ["5,000만원"]);
    }

    #[test]
    fn a_first_cell_heads_its_row_where_no_header_does() {
        let page =
            "<table><tr><td>Place</td><td>Seoul</td></tr><tr><td>x</td><td>Place</td></tr></table>";
        assert_eq!(read(page, "Place"), ["Seoul"]);
    }
}
