package console

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"time"

	"xunjian/alerting/text"
	"xunjian/checks"
)

// words says things in one language and zone. A page says the same few
// hundred messages over and over, so those without arguments are kept.
type words struct {
	say  *text.Printer
	zone *time.Location
	kept sync.Map // id → sentence
}

// T says a message without arguments.
func (w *words) T(id string) string {
	if s, ok := w.kept.Load(id); ok {
		return s.(string)
	}
	s := w.say.T(id, nil)
	if s != id {
		w.kept.Store(id, s)
	}
	return s
}

// Tm says a message with arguments.
func (w *words) Tm(id string, args map[string]any) string {
	if len(args) == 0 {
		return w.T(id)
	}
	return w.say.T(id, args)
}

// Ta says a message whose arguments are given as name and value in turn: for
// templates.
func (w *words) Ta(id string, args ...any) string {
	m := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		name, _ := args[i].(string)
		m[name] = args[i+1]
	}
	return w.Tm(id, m)
}

// or says a message, or fallback where there is none.
func (w *words) or(id, fallback string) string {
	if s := w.T(id); s != id {
		return s
	}
	return fallback
}

// langCookie keeps the choice of language in the browser, so that it holds
// before login too.
const langCookie = "xunjian_lang"

// wordsFor chooses the language: what this browser was switched to, else the
// person's own setting, else what the browser asks for.
func (c *Console) wordsFor(r *http.Request, own string) *words {
	if k, err := r.Cookie(langCookie); err == nil && text.Known(k.Value) {
		return c.pages[k.Value].words
	}
	if text.Known(own) {
		return c.pages[own].words
	}
	return c.pages[text.Match(r.Header.Get("Accept-Language"))].words
}

// setLang keeps a choice of language in the browser.
func (r *request) setLang(lang string) {
	http.SetCookie(r.w, &http.Cookie{
		Name: langCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: r.c.opt.Secure, SameSite: http.SameSiteStrictMode,
	})
}

// moment is a time as people read it: how long ago, with the exact time
// beside it.
type moment struct {
	ISO, Clock, Age string
}

func (w *words) moment(t, now time.Time) moment {
	if t.IsZero() {
		return moment{Clock: "–", Age: "–"}
	}
	return moment{ISO: t.In(w.zone).Format(time.RFC3339), Clock: w.say.Clock(t), Age: w.age(t, now)}
}

// age says how long ago t was; what lies ahead is said as such.
func (w *words) age(t, now time.Time) string {
	d := now.Sub(t).Truncate(time.Second)
	switch {
	case d <= -time.Second:
		return w.Ta("console.time.in", "d", -d)
	case d < time.Second:
		return w.T("console.time.now")
	case d < time.Minute:
		return w.Ta("console.time.ago", "d", d)
	}
	return w.Ta("console.time.ago", "d", d.Truncate(time.Minute))
}

// day says the time of day, with the date where it is not today.
func (w *words) short(t, now time.Time) string {
	t, now = t.In(w.zone), now.In(w.zone)
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("01-02 15:04")
}

// annotation is what a rule says to people in their language, or its name.
func (w *words) annotation(name, rule string, annotations map[string]string) string {
	if s := annotations[name+"_zh"]; s != "" && w.say.Lang() == text.ZH {
		return s
	}
	return cmp.Or(annotations[name], rule)
}

// cut shortens what is too long for a list, in runes.
func cut(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// checkName says the name of a check: the word for its kind and its instance.
func (w *words) checkName(name string) string {
	kind, instance, several := strings.Cut(name, "/")
	title := w.or("console.check."+kind, kind)
	if several {
		return title + " · " + instance
	}
	return title
}

// finding says what was found.
func (w *words) finding(f checks.Finding) string { return w.Tm(f.Code, f.Args) }
