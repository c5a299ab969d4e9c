use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::page::Page;

/// Writes the page down.
pub(super) fn render(page: &Page) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // Whatever a template is called, a value in it is text.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A block on its own line leaves no line.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.add_template("style.css", include_str!("../templates/style.css"))?;
    environment.add_template("charts.html", include_str!("../templates/charts.html"))?;
    environment.add_template("report.html", include_str!("../templates/report.html"))?;
    environment.get_template("report.html")?.render(Serde(page))
}
