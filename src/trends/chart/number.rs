//! How numbers are written.

/// A whole number with its thousands apart: `12,345`.
pub(in crate::trends) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share from 0 to 1, with a decimal where it is small: `8.1%`, `12%`.
pub(in crate::trends) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}

/// A reading to a tenth, with a true minus sign: `−0.4`.
pub(in crate::trends) fn degrees(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_prefix('-') {
        Some("0.0") => "0.0".to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// A position to two decimals, without the zeros that say nothing: a chart holds hundreds of them.
pub(in crate::trends) fn position(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let texts = [0, 999, 1_000, 1_234_567, -4_200].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567", "−4,200"]);
    }

    #[test]
    fn small_shares_keep_a_decimal() {
        let texts = [0.0, 0.004, 0.0994, 0.0996, 0.5, 1.0].map(percent);
        assert_eq!(texts, ["0%", "0.4%", "9.9%", "10%", "50%", "100%"]);
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!([-0.04, -3.25, 20.0].map(degrees), ["0.0", "−3.2", "20.0"]);
        assert_eq!([-0.001, 12.5, 100.0].map(position), ["0", "12.5", "100"]);
    }
}
