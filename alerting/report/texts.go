package report

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"xunjian/alerting/incident"
	"xunjian/alerting/text"
	"xunjian/alerting/yamlfile"
)

//go:embed texts/*.txt
var builtin embed.FS

//go:embed messages/*.yaml
var messages embed.FS

// maxText bounds a text file, and what it may grow to when it is made up.
const maxText = 1 << 20

// Texts are the texts of every kind of document in both languages. It is
// read-only after Load and safe for concurrent use.
type Texts struct {
	files   map[string]*source // by file name
	catalog *text.Catalog
	zone    *time.Location
}

// source is one text file, parsed.
type source struct {
	name string
	tmpl *template.Template
}

// FileName returns the name of the text file of a kind in a language:
// post-notices.zh-CN.txt.
func FileName(k Kind, lang string) string { return string(k) + "." + lang + ".txt" }

// Builtin returns a text file as shipped, for an operator to start from.
func Builtin(k Kind, lang string) ([]byte, error) {
	return builtin.ReadFile("texts/" + FileName(k, lang))
}

// Load reads the texts as shipped and puts the operator's own in their place:
// the files in the root of own that are named like those in texts/. own may be
// nil. It fails on a file whose name means no document and on every mistake in
// a text, all at once, each with file and line; files that do not end in .txt
// are left alone. at is the zone in which times are said; nil is UTC.
func Load(at *time.Location, own fs.FS) (*Texts, error) {
	at = zone(at)
	catalog, err := text.Load(at, messages, incident.Messages)
	if err != nil {
		return nil, err
	}
	t := &Texts{files: map[string]*source{}, catalog: catalog, zone: at}
	for _, k := range Kinds() {
		for _, lang := range []string{text.ZH, text.EN} {
			b, err := Builtin(k, lang)
			if err != nil {
				return nil, fmt.Errorf("read a text as shipped: %w", err)
			}
			if err := t.add(FileName(k, lang), b); err != nil {
				return nil, err
			}
		}
	}
	if err := t.replace(own); err != nil {
		return nil, err
	}
	return t, nil
}

// replace puts the operator's texts in place of ours.
func (t *Texts) replace(own fs.FS) error {
	if own == nil {
		return nil
	}
	entries, err := fs.ReadDir(own, ".")
	if err != nil {
		return fmt.Errorf("read the folder of texts: %w", err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || path.Ext(name) != ".txt" {
			continue
		}
		if t.files[name] == nil {
			errs = append(errs, t.unknown(name))
			continue
		}
		b, err := fs.ReadFile(own, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("read a text: %w", err))
			continue
		}
		errs = append(errs, t.add(name, b))
	}
	return errors.Join(errs...)
}

func (t *Texts) unknown(name string) error {
	var names []string
	for n := range t.files {
		names = append(names, n)
	}
	slices.Sort(names)
	if near := yamlfile.Near(name, names); near != "" {
		return fmt.Errorf("%s: no document has a text of this name; did you mean %s?", name, near)
	}
	return fmt.Errorf("%s: no document has a text of this name; allowed: %s", name, strings.Join(names, ", "))
}

// add parses a text, checks every field in it, and makes it up with invented
// facts, so that what cannot work is known before an incident needs it.
func (t *Texts) add(name string, b []byte) error {
	if len(b) > maxText {
		return fmt.Errorf("%s: the file has %d bytes; at most %d are read", name, len(b), maxText)
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("%s: not valid UTF-8; save the file as UTF-8 (it may be GBK)", name)
	}
	b = bytes.ReplaceAll(bytes.TrimPrefix(b, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	marked := markLines(string(b))
	tmpl, err := template.New(name).Option("missingkey=error").Funcs(functions(viewer{})).Parse(marked)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if err := checkFields(tmpl, marked); err != nil {
		return err
	}
	t.files[name] = &source{name, tmpl}
	kind, lang, _ := strings.Cut(strings.TrimSuffix(name, ".txt"), ".")
	for _, f := range []Facts{Example(lang), {}} {
		f.Drill = Kind(kind) == DrillReport
		if _, err := t.Compose(Kind(kind), lang, f); err != nil {
			return err
		}
	}
	return nil
}

// markLines marks the lines that hold nothing but one control action, so that
// they leave no empty line behind. The lines keep their numbers.
func markLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = strings.TrimSpace(l)
		inner, ok := strings.CutPrefix(l, "{{")
		if !ok || strings.Index(inner, "}}") != len(inner)-2 {
			continue
		}
		word, _, _ := strings.Cut(strings.TrimSpace(strings.Trim(strings.TrimSuffix(inner, "}}"), "-")), " ")
		if slices.Contains([]string{"if", "else", "end", "range", "with", "break", "continue"}, word) || strings.HasPrefix(word, "/*") {
			lines[i] = string(lineNC) + l
		}
	}
	return strings.Join(lines, "\n")
}

// blank is a line to write on.
const blank = "________"

// functions are what a text can call besides Go's own:
//
//	role "info-center"     the name of a role in the plan
//	the "info-center"      the same inside a sentence: the municipal …
//	holders "leader"       who holds it, with telephone
//	finding "cause"        what the investigation wrote under a heading
//	blank                  a line to write on
func functions(v viewer) template.FuncMap {
	return template.FuncMap{
		"role":    func(id string) string { return v.role(id) },
		"the":     func(id string) string { return v.the(id) },
		"holders": func(id string) string { return v.holders(id) },
		"finding": func(id string) string { return v.finding(id) },
		"blank":   func() string { return blank },
	}
}

// Compose writes the document of a kind in a language from the facts.
func (t *Texts) Compose(k Kind, lang string, f Facts) (Document, error) {
	src := t.files[FileName(k, lang)]
	switch {
	case !k.Known():
		return Document{}, fmt.Errorf("compose a document: unknown kind %q; allowed: %s", k, join(Kinds()))
	case src == nil:
		return Document{}, fmt.Errorf("compose %s: unknown language %q; allowed: %s, %s", k, lang, text.ZH, text.EN)
	case k == DrillReport && !f.Drill:
		return Document{}, fmt.Errorf("compose %s: incident %s is not a drill", k, f.ID)
	}
	v := viewer{lang: lang, f: f, say: t.catalog.For(lang), clean: hide}
	// Cloned, since its functions know the facts.
	tmpl, err := src.tmpl.Clone()
	if err != nil {
		return Document{}, fmt.Errorf("compose %s: %w", k, err)
	}
	var b limited
	if err := tmpl.Funcs(functions(v)).Execute(&b, v.view()); err != nil {
		return Document{}, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	d := Document{Kind: k, Lang: lang, Incident: plain(f.ID), Drill: f.Drill, Made: f.Now}
	if err := read(&d, b.String()); err != nil {
		return Document{}, fmt.Errorf("%s: %w", src.name, err)
	}
	return d.finished(), nil
}

// limited is a buffer that a text cannot fill without end.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > 8*maxText {
		return 0, fmt.Errorf("the document grows over %d bytes", 8*maxText)
	}
	return l.Buffer.Write(p)
}

func join(kinds []Kind) string {
	var out []string
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return strings.Join(out, ", ")
}
