package logtest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Combined writes at least size bytes of access records in the combined format to
// w: an ordinary day of the platform, without an attack. The same seed writes
// the same. One request in twenty searches, with what people type: Chinese,
// apostrophes, words that SQL has too.
func Combined(w io.Writer, size int64, seed uint64) error {
	b := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(seed, 2))
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	for written := int64(0); written < size; {
		at = at.Add(time.Duration(r.IntN(40)) * time.Millisecond)
		target := pages[r.IntN(len(pages))]
		if r.IntN(20) == 0 {
			target = searches[r.IntN(len(searches))]
		}
		status := 200
		switch r.IntN(50) {
		case 0:
			status = 404
		case 1, 2, 3:
			status = 304
		}
		n, _ := fmt.Fprintf(b, "10.%d.%d.%d - - [%s] \"GET %s HTTP/1.1\" %d %d \"https://bid.example.org%s\" \"%s\"\n",
			r.IntN(4), r.IntN(30), r.IntN(250), at.Format("02/Jan/2006:15:04:05 -0700"),
			fmt.Sprintf(target, r.IntN(100000)), status, 200+r.IntN(90000), pages[0], browsers[r.IntN(len(browsers))])
		written += int64(n)
	}
	return b.Flush()
}

// Each has one number.
var (
	pages = []string{
		"/?n=%d", "/index.html?v=%d", "/bid/list?page=%d", "/project/%d", "/static/js/app.%d.js", "/static/css/a.css?v=%d",
		"/api/v1/projects/%d/files", "/notice/%d.html", "/img/%d.png", "/api/v1/bids?project=%d&sort=time&size=20",
	}
	searches = []string{
		"/search?q=%%E6%%8B%%9B%%E6%%A0%%87%%E5%%85%%AC%%E5%%91%%8A&page=%d", "/search?q=%%D5%%D0%%B1%%EA&p=%d", "/search?q=%d%%E5%%8F%%B7+%%E6%%A1%%A5%%E6%%A2%%81",
		"/search?q=O'Brien+%d", "/search?q=select+a+bidder+%d", "/search?q=union+of+works+%d", "/search?q=C%%2B%%2B+%d", "/search?q=%%22lot+%d%%22",
		"/search?q=(north)+road+%d", "/search?q=a+%%26+b+%d", "/help?topic=drop+files+here&n=%d", "/search?q={%%22page%%22:%d}",
	}
	browsers = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
		"Mozilla/5.0 (Linux; Android 14; zh-CN) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50",
	}
)
