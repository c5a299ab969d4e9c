use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::page::Page;

/// Writes the page down.
pub(super) fn render(page: &Page) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // Whatever a template is called, a value in it is text.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template("style.css", include_str!("../templates/style.css"))?;
    environment.add_template("charts.html", include_str!("../templates/charts.html"))?;
    environment.add_template("report.html", include_str!("../templates/report.html"))?;
    environment.get_template("report.html")?.render(page)
}
