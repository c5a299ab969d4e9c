"""The bench's crawl with Scrapy: `python board.py BASE DATABASE`."""

import sqlite3
import sys

import scrapy
from scrapy.crawler import CrawlerProcess

FIELDS = (
    "url", "title", "company", "location", "employment", "experience", "posted", "closes", "description",
)


class SqlitePipeline:
    def __init__(self, database):
        self.database = database

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler.settings["DATABASE"])

    def open_spider(self, spider):
        self.connection = sqlite3.connect(self.database)
        self.connection.execute(f"CREATE TABLE jobs ({', '.join(FIELDS)}, PRIMARY KEY (url))")
        self.rows = 0

    def process_item(self, item, spider):
        places = ", ".join("?" * len(FIELDS))
        self.connection.execute(f"INSERT OR REPLACE INTO jobs VALUES ({places})", [item[name] for name in FIELDS])
        self.rows += 1
        if self.rows % 500 == 0:
            self.connection.commit()
        return item

    def close_spider(self, spider):
        self.connection.commit()
        self.connection.close()


class Board(scrapy.Spider):
    name = "board"

    def parse(self, response):
        yield from response.follow_all(css="li.job a", callback=self.parse_posting)
        yield from response.follow_all(css="a.next")

    def parse_posting(self, response):
        def text(selector):
            return " ".join(" ".join(response.css(f"{selector} ::text, {selector}::text").getall()).split())

        yield {
            "url": response.url,
            "title": text("h1.title"),
            "company": text("dd.company"),
            "location": text("dd.location"),
            "employment": text("dd.employment"),
            "experience": text("dd.experience"),
            "posted": response.css("time.posted::attr(datetime)").get(),
            "closes": response.css("time.closes::attr(datetime)").get(),
            "description": text("section.description"),
        }


if __name__ == "__main__":
    base, database = sys.argv[1:]
    process = CrawlerProcess(
        {
            "DATABASE": database,
            "ITEM_PIPELINES": {SqlitePipeline: 300},
            "CONCURRENT_REQUESTS": 16,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
            "DOWNLOAD_DELAY": 0,
            "LOG_LEVEL": "ERROR",
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    process.crawl(Board, start_urls=[f"{base}/jobs"])
    process.start()
