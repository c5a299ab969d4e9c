// The bench's crawl with Colly: `bench-colly BASE DATABASE`.
package main

import (
	"database/sql"
	"log"
	"os"
	"strings"

	"github.com/gocolly/colly/v2"
	_ "github.com/mattn/go-sqlite3"
)

type job struct {
	url, title, company, location, employment, experience, posted, closes, description string
}

func text(e *colly.HTMLElement, selector string) string {
	return strings.Join(strings.Fields(e.DOM.Find(selector).First().Text()), " ")
}

func main() {
	base, database := os.Args[1], os.Args[2]
	jobs := make(chan job, 64)
	done := make(chan struct{})
	go store(database, jobs, done)

	list := colly.NewCollector(colly.Async(true))
	detail := list.Clone()
	for _, collector := range []*colly.Collector{list, detail} {
		if err := collector.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: 16}); err != nil {
			log.Fatal(err)
		}
		collector.OnError(func(r *colly.Response, err error) { log.Println(r.Request.URL, err) })
	}
	list.OnHTML("li.job a", func(e *colly.HTMLElement) { _ = detail.Visit(e.Request.AbsoluteURL(e.Attr("href"))) })
	list.OnHTML("a.next", func(e *colly.HTMLElement) { _ = list.Visit(e.Request.AbsoluteURL(e.Attr("href"))) })
	detail.OnHTML("html", func(e *colly.HTMLElement) {
		jobs <- job{
			url:         e.Request.URL.String(),
			title:       text(e, "h1.title"),
			company:     text(e, "dd.company"),
			location:    text(e, "dd.location"),
			employment:  text(e, "dd.employment"),
			experience:  text(e, "dd.experience"),
			posted:      e.ChildAttr("time.posted", "datetime"),
			closes:      e.ChildAttr("time.closes", "datetime"),
			description: text(e, "section.description"),
		}
	})
	if err := list.Visit(base + "/jobs"); err != nil {
		log.Fatal(err)
	}
	list.Wait()
	detail.Wait()
	close(jobs)
	<-done
}

func store(database string, jobs <-chan job, done chan<- struct{}) {
	defer close(done)
	db, err := sql.Open("sqlite3", database+"?_journal_mode=WAL")
	check(err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE jobs (url PRIMARY KEY, title, company, location, employment, experience, posted, closes, description)")
	check(err)
	batch := make([]job, 0, 500)
	for j := range jobs {
		if batch = append(batch, j); len(batch) == cap(batch) {
			write(db, batch)
			batch = batch[:0]
		}
	}
	write(db, batch)
}

func write(db *sql.DB, batch []job) {
	tx, err := db.Begin()
	check(err)
	insert, err := tx.Prepare("INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?,?,?)")
	check(err)
	for _, j := range batch {
		_, err = insert.Exec(j.url, j.title, j.company, j.location, j.employment, j.experience, j.posted, j.closes, j.description)
		check(err)
	}
	check(tx.Commit())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
