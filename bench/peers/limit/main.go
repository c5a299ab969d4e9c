// What the server takes from two plain connections that send prepared bodies: `bench-limit SERVER ALIAS DOCUMENTS`.
//
// DOCUMENTS holds a document a line: id, version and source, with tabs between. All bodies are made before the clock
// starts, and of an answer only `errors` is asked for. Prints seconds and CPU seconds from the first body to the last
// answer.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const connections = 2

// bodyBytes is the size of a request: small enough that one connection is not idle for long when the other has the last.
const bodyBytes = 1_000_000

func main() {
	server, alias, documents := os.Args[1], os.Args[2], os.Args[3]
	bodies := make(chan []byte, 1<<16)
	prepare(alias, documents, bodies)
	url := strings.TrimSuffix(server, "/") + "/_bulk?filter_path=errors"

	started, before := time.Now(), cpu()
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}}
			for body := range bodies {
				send(client, url, body)
			}
		})
	}
	senders.Wait()
	fmt.Println(time.Since(started).Seconds(), (cpu() - before).Seconds())
}

// prepare puts all bodies into the channel, and closes it.
func prepare(alias, documents string, bodies chan<- []byte) {
	defer close(bodies)
	file, err := os.Open(documents)
	check(err)
	defer file.Close()
	var body bytes.Buffer
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		id, rest, _ := bytes.Cut(lines.Bytes(), []byte{'\t'})
		version, source, _ := bytes.Cut(rest, []byte{'\t'})
		fmt.Fprintf(&body,
			`{"index":{"_index":"%s","_id":"%s","version":%s,"version_type":"external_gte","require_alias":true}}`+"\n%s\n",
			alias, id, version, source)
		if body.Len() >= bodyBytes {
			bodies <- bytes.Clone(body.Bytes())
			body.Reset()
		}
	}
	check(lines.Err())
	if body.Len() > 0 {
		bodies <- body.Bytes()
	}
}

func send(client *http.Client, url string, body []byte) {
	response, err := client.Post(url, "application/x-ndjson", bytes.NewReader(body))
	check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode != http.StatusOK || string(answer) != `{"errors":false}` {
		log.Fatalf("%s: %s", response.Status, answer)
	}
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
