//! A job board on loopback that costs next to nothing: `bench-site [PORT]`, 0 for any; prints its address.
//!
//! `/{total}/jobs?page=N` lists 50 of `total` postings and links to the next page; `/{total}/jobs/N` is a posting of
//! 20 KB. `/{total}/rendered` is the same for browsers: a script fetches what is under `jobs` and shows it. A page is made from its number alone, so a site of a hundred thousand pages takes no more memory than one of
//! five. A thread serves a connection, with kept-alive connections and one write an answer.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

mod words;

const PER_PAGE: u32 = 50;
/// Size of a posting's page: that of a posting on a plain board, without its pictures, scripts and styles. It is met within 5 %.
const PAGE_BYTES: usize = 20 * 1024;
/// Largest request head that is read.
const HEAD_BYTES: usize = 16 * 1024;

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse());
    let port: u16 = port.map_err(io::Error::other)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}", listener.local_addr()?);
    for connection in listener.incoming() {
        let connection = connection?;
        std::thread::Builder::new()
            .stack_size(128 * 1024)
            .spawn(move || serve(connection))?;
    }
    Ok(())
}

/// Answers requests until the client goes; what breaks a connection is the client's matter.
fn serve(mut connection: TcpStream) {
    let _ = connection.set_nodelay(true);
    let mut read = vec![0; HEAD_BYTES];
    let mut held = 0;
    let (mut page, mut answer) = (String::new(), Vec::new());
    loop {
        let end = loop {
            if let Some(end) = read[..held].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match connection.read(&mut read[held..]) {
                Ok(0) | Err(_) => return,
                Ok(count) => held += count,
            }
        };
        let head = String::from_utf8_lossy(&read[..end]);
        let target = head.split(' ').nth(1).unwrap_or("/");
        page.clear();
        let status = if write_page(target, &mut page).is_some() {
            "200 OK"
        } else {
            page.push_str("not here");
            "404 Not Found"
        };
        answer.clear();
        let _ = write!(
            answer,
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        answer.extend_from_slice(page.as_bytes());
        if connection.write_all(&answer).is_err() {
            return;
        }
        read.copy_within(end..held, 0);
        held -= end;
    }
}

/// Writes the page behind a target; none where there is none.
fn write_page(target: &str, page: &mut String) -> Option<()> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut segments = path.strip_prefix('/')?.split('/');
    let total: u32 = segments.next()?.parse().ok()?;
    match segments.next()? {
        "jobs" => {}
        "rendered" => {
            page.push_str(words::RENDERED);
            return Some(());
        }
        _ => return None,
    }
    match segments.next() {
        Some(number) => {
            let number = number.parse().ok().filter(|number| *number < total)?;
            write_posting(total, number, page)
        }
        None => {
            let number = query.strip_prefix("page=").unwrap_or("1").parse().ok()?;
            write_list(total, number, page)
        }
    }
    .ok()
}

fn write_list(total: u32, number: u32, page: &mut String) -> std::fmt::Result {
    page.push_str(words::HEAD);
    page.push_str("<title>Open positions</title></head><body>");
    page.push_str(words::NAVIGATION);
    page.push_str("<main><h1>Open positions</h1><ul class=\"jobs\">\n");
    let first = number.saturating_sub(1).saturating_mul(PER_PAGE);
    let after = first.saturating_add(PER_PAGE).min(total);
    for posting in first..after {
        write!(
            page,
            "<li class=\"job\"><h2><a href=\"/{total}/jobs/{posting}\">{} {posting}</a></h2>\
             <p class=\"summary\">{} in {}</p></li>\n",
            words::pick(words::ROLES, posting),
            words::pick(words::COMPANIES, posting / 3),
            words::pick(words::PLACES, posting / 7),
        )?;
    }
    page.push_str("</ul>");
    if after < total {
        write!(
            page,
            "<nav class=\"pages\"><a class=\"next\" href=\"/{total}/jobs?page={}\">Next</a></nav>",
            number + 1
        )?;
    }
    page.push_str("</main>");
    page.push_str(words::FOOTER);
    Ok(())
}

fn write_posting(total: u32, number: u32, page: &mut String) -> std::fmt::Result {
    let role = words::pick(words::ROLES, number);
    let company = words::pick(words::COMPANIES, number / 3);
    let place = words::pick(words::PLACES, number / 7);
    let (month, day) = (number % 12 + 1, number % 28 + 1);
    page.push_str(words::HEAD);
    write!(
        page,
        "<title>{role} {number} | {company}</title></head><body class=\"posting\">"
    )?;
    page.push_str(words::NAVIGATION);
    write!(
        page,
        "<main><article class=\"job\" id=\"job-{number}\">\n<header><h1 class=\"title\">{role} {number}</h1>\n\
         <dl class=\"facts\"><dt>Company</dt><dd class=\"company\"><a href=\"https://example.com/c/{number}\">{company}</a></dd>\n\
         <dt>Location</dt><dd class=\"location\">{place}</dd>\n\
         <dt>Employment</dt><dd class=\"employment\">{}</dd>\n\
         <dt>Experience</dt><dd class=\"experience\">{}+ years</dd>\n\
         <dt>Posted</dt><dd><time class=\"posted\" datetime=\"2026-{month:02}-{day:02}T09:00:00Z\">{month}/{day}</time></dd>\n\
         <dt>Closes</dt><dd><time class=\"closes\" datetime=\"2027-{month:02}-{day:02}T09:00:00Z\">{month}/{day}</time></dd>\n\
         </dl></header>\n<section class=\"description\">\n",
        words::pick(words::EMPLOYMENT, number),
        number % 9 + 1,
    )?;
    let tail = words::related(total, number)? + "</main>" + words::FOOTER;
    let mut draw = words::Draw::new(number);
    while page.len() + tail.len() + words::LONGEST < PAGE_BYTES {
        write!(page, "<h3>{}</h3>\n<p>", draw.of(words::HEADINGS))?;
        for _ in 0..3 {
            write!(page, "{} ", draw.of(words::SENTENCES))?;
        }
        page.push_str("</p>\n<ul>\n");
        for _ in 0..3 {
            write!(
                page,
                "<li><strong>{}</strong> {}</li>\n",
                draw.of(words::SKILLS),
                draw.of(words::SENTENCES)
            )?;
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</section>\n</article>\n");
    page.push_str(&tail);
    Ok(())
}
