// The bench's documents through esutil.BulkIndexer: `bench-bulkindexer SERVER ALIAS DOCUMENTS`.
//
// DOCUMENTS holds a document a line: id, version and source, with tabs between. Prints seconds and CPU seconds from the
// first document to the last answer.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"
)

func main() {
	server, alias, documents := os.Args[1], os.Args[2], os.Args[3]
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{server}})
	check(err)
	_, err = client.Info()
	check(err)
	file, err := os.Open(documents)
	check(err)
	defer file.Close()

	started, before := time.Now(), cpu()
	stats := index(client, alias, file)
	if stats.NumFailed > 0 {
		log.Fatalf("%d documents failed", stats.NumFailed)
	}
	fmt.Println(time.Since(started).Seconds(), (cpu() - before).Seconds())
}

func index(client *elasticsearch.Client, alias string, documents *os.File) esutil.BulkIndexerStats {
	ctx := context.Background()
	// Two workers, the default on the two cores that the figures are from; requests of 5 MB, the default too.
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{
		Client:       client,
		NumWorkers:   2,
		Index:        alias,
		RequireAlias: true,
		OnError:      func(_ context.Context, err error) { log.Fatal(err) },
	})
	check(err)
	lines := bufio.NewScanner(documents)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id, rest, _ := bytes.Cut(lines.Bytes(), []byte{'\t'})
		number, source, _ := bytes.Cut(rest, []byte{'\t'})
		version, err := strconv.ParseInt(string(number), 10, 64)
		check(err)
		check(indexer.Add(ctx, esutil.BulkIndexerItem{
			Action:      "index",
			DocumentID:  string(id),
			Version:     &version,
			VersionType: "external_gte",
			Body:        bytes.NewReader(bytes.Clone(source)),
		}))
	}
	check(lines.Err())
	check(indexer.Close(ctx))
	return indexer.Stats()
}

// What this process has used, in user and system time.
func cpu() time.Duration {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
