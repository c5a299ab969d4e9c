//! Records from fields, kind by kind.

use super::fields::Fields;
use super::{Context, job, number, salary, text, url, weather};
use crate::record::{
    Body, ContentHash, Field, Item, Job, Kind, Post, Record, RecordId, Salary, Term, Values,
};

pub(super) fn build(item: &Item, id: RecordId, context: &Context<'_>) -> Result<Record, String> {
    let fields = Fields::of(item, context);
    let (body, terms) = match (context.pipeline.kind, &item.values) {
        (Kind::Weather, Values::Weather(reading)) => {
            weather::check(reading).map_err(|error| error.to_string())?;
            (Body::Weather(reading.clone()), Vec::new())
        }
        (Kind::Job, Values::Fields(_)) => {
            let job = job_of(item, &fields, context)?;
            let terms = terms(context, &[Some(&job.title), job.description.as_ref()]);
            (Body::Job(Box::new(job)), terms)
        }
        (Kind::Post, Values::Fields(_)) => {
            let post = post_of(item, &fields, context)?;
            let tags = post.tags.join("\n");
            // A feed that carries the text repeats it in the summary.
            let summary = post.summary.as_ref().filter(|_| post.text.is_none());
            let terms = terms(
                context,
                &[Some(&post.title), summary, post.text.as_ref(), Some(&tags)],
            );
            (Body::Post(Box::new(post)), terms)
        }
        (kind, _) => return Err(format!("the format does not give records of kind `{kind}`")),
    };
    let uncounted = fields.uncounted();
    Ok(Record {
        id,
        pipeline: context.pipeline.id.clone(),
        url: url::canonical(&item.entry.url).into(),
        content_hash: ContentHash::of(&body, &uncounted),
        uncounted,
        terms,
        body,
        seen_at: context.fetched_at,
    })
}

fn title(fields: &Fields<'_>) -> Result<String, String> {
    fields
        .line(Field::Title)
        .ok_or_else(|| "it has no title".to_owned())
}

fn job_of(item: &Item, fields: &Fields<'_>, context: &Context<'_>) -> Result<Job, String> {
    let experience = experience(fields);
    Ok(Job {
        board: context.pipeline.scope.clone(),
        external_id: item.entry.external_id.clone(),
        title: title(fields)?,
        company: fields
            .line(Field::Company)
            .map(|name| context.dictionaries.companies.canonical(&name)),
        category: fields.line(Field::Category),
        location: fields.line(Field::Location),
        remote: fields
            .line(Field::Remote)
            .and_then(|text| job::remote(&text)),
        employment_type: job::employment_types(
            fields
                .texts(Field::EmploymentType)
                .iter()
                .map(String::as_str),
        ),
        experience_min: experience.min,
        experience_max: experience.max,
        salary: salary_of(fields),
        posted_at: fields.instant(Field::PostedAt)?,
        valid_through: fields.deadline(Field::ValidThrough)?,
        description: fields.lines(Field::Description),
        noindex: item.noindex,
    })
}

/// Bounds, currency and unit that stand in fields of their own win over those in words.
fn salary_of(fields: &Fields<'_>) -> Option<Salary> {
    let said = |field| salary::parse(&fields.line(field)?);
    let (least, most) = (said(Field::SalaryMin), said(Field::SalaryMax));
    let own = least.as_ref().or(most.as_ref()).cloned();
    let mut salary = match own {
        Some(own) => Salary {
            min: least.and_then(|least| least.min),
            max: most.and_then(|most| most.max),
            ..own
        },
        None => said(Field::Salary)?,
    };
    let named = fields.line(Field::SalaryCurrency);
    let currency = named.and_then(|name| salary::currency(&name));
    salary.currency = currency.or(salary.currency);
    let unit = fields.line(Field::SalaryUnit);
    salary.unit = unit.and_then(|unit| salary::unit(&unit)).or(salary.unit);
    Some(salary)
}

/// Bounds that stand in fields of their own win over those in words.
fn experience(fields: &Fields<'_>) -> job::Experience {
    let text = fields
        .line(Field::Experience)
        .and_then(|text| job::experience(&text))
        .unwrap_or_default();
    let years = |field| {
        number::parse(&fields.line(field)?)
            .ok()
            .and_then(job::years_limit)
    };
    job::Experience {
        min: years(Field::ExperienceMin).or(text.min),
        max: years(Field::ExperienceMax).or(text.max),
    }
}

fn post_of(item: &Item, fields: &Fields<'_>, context: &Context<'_>) -> Result<Post, String> {
    let mut tags = fields.texts(Field::Tags);
    for tag in &mut tags {
        *tag = text::one_line(tag);
    }
    tags.retain(|tag| !tag.is_empty());
    Ok(Post {
        title: title(fields)?,
        author: fields.line(Field::Author),
        source: context.pipeline.scope.clone(),
        published_at: fields.instant(Field::PublishedAt)?,
        summary: fields.lines(Field::Summary),
        text: fields.lines(Field::Text),
        language: fields
            .line(Field::Language)
            .map(|tag| tag.to_ascii_lowercase()),
        tags,
        noindex: item.noindex,
    })
}

/// The technologies that some texts name, each once, by name.
fn terms(context: &Context<'_>, texts: &[Option<&String>]) -> Vec<Term> {
    let mut terms = Vec::new();
    for text in texts.iter().copied().flatten() {
        terms.extend(context.dictionaries.terms().terms(text));
    }
    terms.sort();
    terms.dedup();
    terms
}
