// Package text turns codes with arguments into sentences, in zh-CN and en.
//
// The sentences are data: files named <part>.<language>.yaml beside the package
// whose codes they say. The mechanism is go-i18n with Go templates and a few
// functions for figures, so that {{percent .used}} reads the same everywhere.
package text

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	ttemplate "text/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// Languages are those every text exists in; the first is the fallback of a
// reader who asks for neither.
var Languages = []language.Tag{language.SimplifiedChinese, language.English}

// The language words used in files, configuration and URLs.
const (
	ZH = "zh-CN"
	EN = "en"
)

// Catalog holds every message in every language. It is read-only after Load.
type Catalog struct {
	printers map[string]*Printer
}

// Printer says messages in one language and one time zone.
type Printer struct {
	lang  string
	loc   *time.Location
	local *i18n.Localizer
	funcs ttemplate.FuncMap
}

// Load reads the message files of all parts. It fails on a file that does not
// parse and on a message that stands in one language only.
func Load(loc *time.Location, parts ...fs.FS) (*Catalog, error) {
	bundle := i18n.NewBundle(language.SimplifiedChinese)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	have := map[string]map[string]bool{ZH: {}, EN: {}}
	for _, part := range parts {
		files, err := fs.Glob(part, "messages/*.yaml")
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			words := strings.Split(path.Base(name), ".")
			if len(words) != 3 || have[words[1]] == nil {
				return nil, fmt.Errorf("message file %s: want a name like part.en.yaml or part.zh-CN.yaml", name)
			}
			mf, err := bundle.LoadMessageFileFS(part, name)
			if err != nil {
				return nil, fmt.Errorf("message file %s: %w", name, err)
			}
			for _, m := range mf.Messages {
				if have[words[1]][m.ID] {
					return nil, fmt.Errorf("message file %s: %q stands twice", name, m.ID)
				}
				have[words[1]][m.ID] = true
			}
		}
	}
	for lang, ids := range have {
		other := ZH
		if lang == ZH {
			other = EN
		}
		for id := range ids {
			if !have[other][id] {
				return nil, fmt.Errorf("message %q stands in %s but not in %s", id, lang, other)
			}
		}
	}
	c := &Catalog{printers: map[string]*Printer{}}
	for _, lang := range []string{ZH, EN} {
		p := &Printer{lang: lang, loc: loc, local: i18n.NewLocalizer(bundle, lang)}
		p.funcs = p.figures()
		c.printers[lang] = p
	}
	return c, nil
}

// Match returns the language word that suits the wishes best: Accept-Language
// headers, LANG values ("zh_CN.UTF-8") or language words. The first wish that
// names a language we have wins; with none it is zh-CN.
func Match(wishes ...string) string {
	for _, w := range wishes {
		w, _, _ = strings.Cut(strings.TrimSpace(w), ".")
		w = strings.ReplaceAll(w, "_", "-")
		if w == "" {
			continue
		}
		tags, _, err := language.ParseAcceptLanguage(w)
		if err != nil || len(tags) == 0 {
			continue
		}
		_, i, conf := language.NewMatcher(Languages).Match(tags...)
		if conf == language.No {
			continue
		}
		return []string{ZH, EN}[i]
	}
	return ZH
}

// Known reports whether lang is one of the language words.
func Known(lang string) bool { return slices.Contains([]string{ZH, EN}, lang) }

// For returns the printer of a language word; an unknown one gets zh-CN.
func (c *Catalog) For(lang string) *Printer {
	if p := c.printers[lang]; p != nil {
		return p
	}
	return c.printers[ZH]
}

// Lang returns the language word.
func (p *Printer) Lang() string { return p.lang }

// T says the message id with args. A message that is missing or does not fit
// its arguments is said as its id: a page must not fail for a word.
func (p *Printer) T(id string, args map[string]any) string {
	s, err := p.local.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: args, Funcs: p.funcs})
	if err != nil {
		return id
	}
	return s
}

// Has reports whether there is a message id.
func (p *Printer) Has(id string) bool {
	_, _, err := p.local.LocalizeWithTag(&i18n.LocalizeConfig{MessageID: id, Funcs: p.funcs})
	_, missing := err.(*i18n.MessageNotFoundErr)
	return !missing
}
