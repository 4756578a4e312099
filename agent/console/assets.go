package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// Files of the console; VENDOR names those that others wrote.
//
//go:embed static
var static embed.FS

// Messages are the sentences of the console.
//
//go:embed messages/*.yaml
var Messages embed.FS

// assetPrefix is where files live: /static/<hash>/<name>. The hash makes a
// changed file another URL, so that browsers may keep what they have for ever.
const assetPrefix = "/static/"

type assets struct {
	urls map[string]string // name → URL
	body map[string][]byte // URL → content
}

func loadAssets() (assets, error) {
	a := assets{urls: map[string]string{}, body: map[string][]byte{}}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		return a, fmt.Errorf("read assets: %w", err)
	}
	for _, e := range entries {
		b, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			return a, fmt.Errorf("read assets: %w", err)
		}
		sum := sha256.Sum256(b)
		url := assetPrefix + hex.EncodeToString(sum[:6]) + "/" + e.Name()
		a.urls[e.Name()], a.body[url] = url, b
	}
	return a, nil
}

// url returns the URL of a file; a name there is not is a mistake in a page.
func (a assets) url(name string) (string, error) {
	if u, ok := a.urls[name]; ok {
		return u, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	b, ok := a.body[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", contentType(r.URL.Path))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// contentType does not ask the machine, whose tables differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}
