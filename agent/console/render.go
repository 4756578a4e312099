package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"xunjian/agent/access"
	"xunjian/alerting/text"
)

//go:embed templates/*.html
var templates embed.FS

// pages are all pages in one language: each has the layout and the shared
// parts beside its own file. A page is parsed when it is first asked for: most
// agents are never looked at in both languages, and parsed pages are the largest
// thing that an idle agent would hold.
type pages struct {
	*words
	byName map[string]func() (*template.Template, error)
}

// The files that every page may use.
const (
	layoutFile = "templates/layout.html"
	partsFile  = "templates/parts.html"
)

func (c *Console) loadPages() (map[string]pages, error) {
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	out := map[string]pages{}
	for _, lang := range []string{text.ZH, text.EN} {
		p := pages{&words{say: c.opt.Catalog.For(lang), zone: c.opt.Zone}, map[string]func() (*template.Template, error){}}
		for _, file := range files {
			if file == layoutFile || file == partsFile {
				continue
			}
			p.byName[strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
				return template.New("layout.html").Funcs(c.funcs(p.words)).ParseFS(templates, layoutFile, partsFile, file)
			})
		}
		out[lang] = p
	}
	return out, nil
}

// funcs are what pages can say.
func (c *Console) funcs(w *words) template.FuncMap {
	return template.FuncMap{
		"t":       w.Ta,
		"asset":   c.assets.url,
		"lang":    w.say.Lang,
		"zone":    w.zone.String,
		"dur":     func(d time.Duration) string { return w.say.Duration(d.Truncate(time.Second)) },
		"bytes":   figure(text.Bytes),
		"num":     figure(text.Number),
		"percent": figure(text.Percent),
		"cut":     cut,
		"args":    args,
	}
}

// took says a short time: below a second in milliseconds.
func (w *words) took(d time.Duration) string {
	if d < time.Second {
		return w.say.Duration(d)
	}
	return w.say.Duration(d.Truncate(time.Second))
}

// figure takes whatever number a page has.
func figure(say func(float64) string) func(any) string {
	return func(v any) string {
		switch n := v.(type) {
		case float64:
			return say(n)
		case int:
			return say(float64(n))
		case int64:
			return say(float64(n))
		case uint64:
			return say(float64(n))
		}
		return say(math.NaN())
	}
}

// args hands several things to a part of a page, as name and value in turn.
func args(pairs ...any) (map[string]any, error) {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("args: want name and value in turn")
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// view is what the layout gets; Page is the page's own.
type view struct {
	Title string
	Nav   string // of the page in the navigation
	Path  string // to come back to
	Host  string
	Who   access.Principal
	May   map[string]bool // by role
	Flash string
	Ills  []string
	Page  any
}

// show answers with a page.
func (r *request) show(name, title string, page any) error {
	return r.render(http.StatusOK, name, title, page)
}

// showLive answers with a page, or only with the parts of it that refresh
// themselves.
func (r *request) showLive(name, title string, page any) error {
	if r.live() {
		return r.execute(http.StatusOK, name, "fresh", r.view(title, page))
	}
	return r.show(name, title, page)
}

// render answers with a page, whole or not at all.
func (r *request) render(status int, name, title string, page any) error {
	return r.execute(status, name, "layout.html", r.view(title, page))
}

func (r *request) view(title string, page any) view {
	v := view{
		Title: title, Nav: section(r.URL.Path), Path: r.URL.RequestURI(),
		Host: r.c.opt.About().Host, Who: r.who, Page: page,
		Flash: r.takeFlash(), May: map[string]bool{},
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		v.Path = v.Nav // the form itself cannot be gone back to
	}
	if r.who.Name != "" {
		v.Ills = r.ills()
	}
	for _, role := range access.Roles {
		v.May[string(role)] = r.who.Role.Allows(role)
	}
	return v
}

// section is the page of the navigation that a path belongs to: the first word
// of it, but for one that has two in a word.
func section(path string) string {
	if path == linesPath {
		return linesPath
	}
	return "/" + firstWord(path)
}

func firstWord(p string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return word
}

func (r *request) execute(status int, name, block string, v view) error {
	parsed := r.c.pages[r.say.Lang()].byName[name]
	if parsed == nil {
		return fmt.Errorf("no page %q", name)
	}
	t, err := parsed()
	if err != nil {
		return fmt.Errorf("read page %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, block, v); err != nil {
		return fmt.Errorf("make page %s: %w", name, err)
	}
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", r.say.Lang())
	h.Add("Vary", "Accept-Language, Cookie, HX-Request")
	r.w.WriteHeader(status)
	if _, err := r.w.Write(disarm(b.Bytes())); err != nil {
		r.c.opt.Logger.Debug("send page", "page", name, "err", err)
	}
	return nil
}

// turners are the characters that make text read in another order than it
// stands.
const turners = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

// disarm replaces what turns text around: no page of ours has it, so it came
// from outside.
func disarm(page []byte) []byte {
	page = bytes.ToValidUTF8(page, []byte("\uFFFD"))
	if !bytes.ContainsAny(page, turners) {
		return page
	}
	return bytes.Map(func(c rune) rune {
		if strings.ContainsRune(turners, c) {
			return '\uFFFD'
		}
		return c
	}, page)
}
